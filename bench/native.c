/* SPDX-License-Identifier: MIT */
#include "native.h"

bool bench_native_begin(const char **why)
{
	void *page = VirtualAlloc(NULL, PAGE, MEM_RESERVE, PAGE_NOACCESS);
	if (!page && GetLastError() == ERROR_NOT_SUPPORTED) {
		*why = "calls on the process itself are not supported here";
		return false;
	}
	must(page != NULL, "VirtualAlloc");
	native_release(page);
	return true;
}

char *native_reserve(uint64_t bytes, DWORD more)
{
	char *base = VirtualAlloc(NULL, bytes, MEM_RESERVE | more, PAGE_READWRITE);
	must(base != NULL, "VirtualAlloc");
	return base;
}

void native_commit(char *base, uint64_t bytes)
{
	must(VirtualAlloc(base, bytes, MEM_COMMIT, PAGE_READWRITE) != NULL, "VirtualAlloc");
}

void native_release(char *base)
{
	must(VirtualFree(base, 0, MEM_RELEASE), "VirtualFree");
}

void native_protect(char *base, uint64_t bytes, DWORD protection)
{
	DWORD old;
	must(VirtualProtect(base, bytes, protection, &old), "VirtualProtect");
}
