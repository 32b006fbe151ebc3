/* SPDX-License-Identifier: MIT
 *
 * Prefetch, offer, reclaim, discard. The last three return their error and leave the last error
 * alone (OF-1).
 */
#include "nt/era.h"
#include "nt/nt.h"
#include "win32/error.h"

_Static_assert(sizeof(WIN32_MEMORY_RANGE_ENTRY) == sizeof(MEMORY_RANGE_ENTRY) &&
                       offsetof(WIN32_MEMORY_RANGE_ENTRY, NumberOfBytes) ==
                               offsetof(MEMORY_RANGE_ENTRY, NumberOfBytes),
               "the arrays can be handed on as they are");

BOOL PrefetchVirtualMemory(HANDLE process, ULONG_PTR count, PWIN32_MEMORY_RANGE_ENTRY ranges,
                           ULONG flags)
{
	return win32_has_later_calls(process) &&
	       win32_ok(NtSetInformationVirtualMemory(process, VmPrefetchInformation, count,
	                                              (const void *)ranges, &flags, sizeof flags));
}

DWORD OfferVirtualMemory(PVOID address, SIZE_T size, OFFER_PRIORITY priority)
{
	if (!win32_era(GetCurrentProcess())->has_later_calls)
		return ERROR_CALL_NOT_IMPLEMENTED;
	return RtlNtStatusToDosError(
		nt_offer(GetCurrentProcess(), (uintptr_t)address, size, priority));
}

DWORD ReclaimVirtualMemory(void const *address, SIZE_T size)
{
	bool intact;
	if (!win32_era(GetCurrentProcess())->has_later_calls)
		return ERROR_CALL_NOT_IMPLEMENTED;
	NTSTATUS status = nt_reclaim(GetCurrentProcess(), (uintptr_t)address, size, &intact);
	if (status)
		return RtlNtStatusToDosError(status);
	return intact ? ERROR_SUCCESS : ERROR_BUSY;
}

DWORD DiscardVirtualMemory(PVOID address, SIZE_T size)
{
	if (!win32_era(GetCurrentProcess())->has_later_calls)
		return ERROR_CALL_NOT_IMPLEMENTED;
	return RtlNtStatusToDosError(nt_discard(GetCurrentProcess(), (uintptr_t)address, size));
}
