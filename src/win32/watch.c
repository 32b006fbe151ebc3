/* SPDX-License-Identifier: MIT
 *
 * GetWriteWatch and ResetWriteWatch: of the current process.
 */
#include "win32/error.h"

#define FAILED 0xFFFFFFFF

UINT GetWriteWatch(DWORD flags, PVOID base, SIZE_T size, PVOID *addresses, ULONG_PTR *count,
                   LPDWORD granularity)
{
	NTSTATUS status = NtGetWriteWatch(GetCurrentProcess(), flags, (uintptr_t)base, size,
	                                  (uint64_t *)(void *)addresses, count, granularity);
	return win32_ok(status) ? 0 : FAILED;
}

UINT ResetWriteWatch(LPVOID base, SIZE_T size)
{
	NTSTATUS status = NtResetWriteWatch(GetCurrentProcess(), (uintptr_t)base, size);
	return win32_ok(status) ? 0 : FAILED;
}
