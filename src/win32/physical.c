/* SPDX-License-Identifier: MIT
 *
 * AWE: AllocateUserPhysicalPages and its family.
 */
#include "win32/error.h"

BOOL AllocateUserPhysicalPages(HANDLE process, PULONG_PTR count, PULONG_PTR frames)
{
	return win32_ok(NtAllocateUserPhysicalPages(process, count, frames));
}

BOOL FreeUserPhysicalPages(HANDLE process, PULONG_PTR count, PULONG_PTR frames)
{
	return win32_ok(NtFreeUserPhysicalPages(process, count, frames));
}

BOOL MapUserPhysicalPages(PVOID address, ULONG_PTR count, PULONG_PTR frames)
{
	return win32_ok(NtMapUserPhysicalPages((uintptr_t)address, count, frames));
}

BOOL MapUserPhysicalPagesScatter(PVOID *addresses, ULONG_PTR count, PULONG_PTR frames)
{
	return win32_ok(NtMapUserPhysicalPagesScatter((const uint64_t *)(const void *)addresses,
	                                              count, frames));
}
