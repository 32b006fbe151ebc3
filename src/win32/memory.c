/* SPDX-License-Identifier: MIT
 *
 * VirtualAlloc and its family: Win32's own checks, then the native call.
 */
#include "base/units.h"
#include "nt/era.h"
#include "win32/error.h"

#define LOWEST_ADDRESS 0x10000
#define EXECUTABLE \
	(PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY)

static uint64_t value_of(LPCVOID address)
{
	return (uintptr_t)address;
}

static LPVOID allocate(HANDLE process, LPVOID address, SIZE_T size, DWORD type, DWORD protect)
{
	uint64_t base = value_of(address), bytes = size;
	if (base && base < LOWEST_ADDRESS) { /* VA-1 */
		win32_fail(ERROR_INVALID_PARAMETER);
		return NULL;
	}
	NTSTATUS status = NtAllocateVirtualMemory(process, &base, 0, &bytes, type, protect);
	return win32_ok(status) ? (LPVOID)(uintptr_t)base : NULL;
}

LPVOID VirtualAllocEx(HANDLE process, LPVOID address, SIZE_T size, DWORD type, DWORD protect)
{
	if (!win32_has_later_calls(process))
		return NULL;
	return allocate(process, address, size, type, protect);
}

LPVOID VirtualAlloc(LPVOID address, SIZE_T size, DWORD type, DWORD protect)
{
	return allocate(GetCurrentProcess(), address, size, type, protect);
}

LPVOID VirtualAllocExNuma(HANDLE process, LPVOID address, SIZE_T size, DWORD type, DWORD protect,
                          DWORD node)
{
	if (node && node != NUMA_NO_PREFERRED_NODE) { /* VA-81 */
		win32_fail(ERROR_INVALID_PARAMETER);
		return NULL;
	}
	return VirtualAllocEx(process, address, size, type, protect);
}

/* VA-82: no process here may generate code by this call. */
PVOID VirtualAllocFromApp(PVOID address, SIZE_T size, ULONG type, ULONG protect)
{
	if (!win32_has_later_calls(GetCurrentProcess()))
		return NULL;
	if (protect & EXECUTABLE) {
		win32_fail(ERROR_ACCESS_DENIED);
		return NULL;
	}
	return VirtualAlloc(address, size, type, protect);
}

PVOID VirtualAlloc2(HANDLE process, PVOID address, SIZE_T size, ULONG type, ULONG protect,
                    MEM_EXTENDED_PARAMETER *parameters, ULONG count)
{
	uint64_t base = value_of(address), bytes = size;
	if (!win32_has_later_calls(process ? process : GetCurrentProcess()))
		return NULL;
	if (base && base < LOWEST_ADDRESS) { /* VA-1 */
		win32_fail(ERROR_INVALID_PARAMETER);
		return NULL;
	}
	NTSTATUS status = NtAllocateVirtualMemoryEx(process ? process : GetCurrentProcess(), &base,
	                                            &bytes, type, protect, parameters, count);
	return win32_ok(status) ? (PVOID)(uintptr_t)base : NULL;
}

static BOOL free_in(HANDLE process, LPVOID address, SIZE_T size, DWORD type)
{
	uint64_t base = value_of(address), bytes = size;
	if (type == MEM_RELEASE && size) /* VF-1 */
		return win32_fail(ERROR_INVALID_PARAMETER);
	return win32_ok(NtFreeVirtualMemory(process, &base, &bytes, type));
}

BOOL VirtualFreeEx(HANDLE process, LPVOID address, SIZE_T size, DWORD type)
{
	return win32_has_later_calls(process) && free_in(process, address, size, type);
}

BOOL VirtualFree(LPVOID address, SIZE_T size, DWORD type)
{
	return free_in(GetCurrentProcess(), address, size, type);
}

BOOL VirtualProtectEx(HANDLE process, LPVOID address, SIZE_T size, DWORD protect, PDWORD old)
{
	uint64_t base = value_of(address), bytes = size;
	return win32_ok(NtProtectVirtualMemory(process, &base, &bytes, protect, old));
}

BOOL VirtualProtect(LPVOID address, SIZE_T size, DWORD protect, PDWORD old)
{
	return VirtualProtectEx(GetCurrentProcess(), address, size, protect, old);
}

SIZE_T VirtualQueryEx(HANDLE process, LPCVOID address, PMEMORY_BASIC_INFORMATION buffer,
                      SIZE_T length)
{
	uint64_t returned;
	NTSTATUS status = NtQueryVirtualMemory(process, value_of(address), MemoryBasicInformation,
	                                       buffer, length, &returned);
	return win32_ok(status) ? returned : 0;
}

SIZE_T VirtualQuery(LPCVOID address, PMEMORY_BASIC_INFORMATION buffer, SIZE_T length)
{
	return VirtualQueryEx(GetCurrentProcess(), address, buffer, length);
}

BOOL VirtualLock(LPVOID address, SIZE_T size)
{
	uint64_t base = value_of(address), bytes = size;
	if (!win32_era(GetCurrentProcess())->locks)
		return TRUE; /* W9-10 */
	return win32_ok(NtLockVirtualMemory(GetCurrentProcess(), &base, &bytes, MAP_PROCESS));
}

BOOL VirtualUnlock(LPVOID address, SIZE_T size)
{
	uint64_t base = value_of(address), bytes = size;
	if (!win32_era(GetCurrentProcess())->locks)
		return TRUE; /* W9-10 */
	return win32_ok(NtUnlockVirtualMemory(GetCurrentProcess(), &base, &bytes, MAP_PROCESS));
}

BOOL FlushInstructionCache(HANDLE process, LPCVOID address, SIZE_T size)
{
	return win32_ok(NtFlushInstructionCache(process, value_of(address), size));
}

SIZE_T GetLargePageMinimum(void)
{
	return address_of(LARGE_PAGES);
}
