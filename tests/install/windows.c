/* SPDX-License-Identifier: MIT
 * A source written for Windows. No machine's thread is attached: there is no memory to give. */
#include <windows.h>
#include <memoryapi.h>
#include <psapi.h>

int main(void)
{
	void *p = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	return !(p == NULL && GetLastError() == ERROR_NOT_SUPPORTED);
}
