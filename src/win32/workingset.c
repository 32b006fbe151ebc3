/* SPDX-License-Identifier: MIT
 *
 * Working sets (rules WS).
 */
#include "nt/era.h"
#include "nt/nt.h"
#include "win32/error.h"

BOOL GetProcessWorkingSetSizeEx(HANDLE process, PSIZE_T minimum, PSIZE_T maximum, PDWORD flags)
{
	uint64_t low, high;
	uint32_t kinds;
	if (!host_pointer_ok(minimum) || !host_pointer_ok(maximum) || !host_pointer_ok(flags))
		return win32_fail(ERROR_NOACCESS);
	if (!win32_ok(nt_get_working_set_limits(process, &low, &high, &kinds)))
		return FALSE;
	*minimum = low;
	*maximum = high;
	*flags = kinds;
	return TRUE;
}

BOOL GetProcessWorkingSetSize(HANDLE process, PSIZE_T minimum, PSIZE_T maximum)
{
	DWORD flags;
	return GetProcessWorkingSetSizeEx(process, minimum, maximum, &flags);
}

BOOL SetProcessWorkingSetSizeEx(HANDLE process, SIZE_T minimum, SIZE_T maximum, DWORD flags)
{
	if (!win32_era(process)->locks)
		return TRUE; /* W9-10 */
	return win32_ok(nt_set_working_set_limits(process, minimum, maximum, flags));
}

BOOL SetProcessWorkingSetSize(HANDLE process, SIZE_T minimum, SIZE_T maximum)
{
	return SetProcessWorkingSetSizeEx(process, minimum, maximum, 0); /* WS-3 */
}

BOOL EmptyWorkingSet(HANDLE process)
{
	return win32_ok(nt_empty_working_set(process));
}

BOOL QueryWorkingSetEx(HANDLE process, PVOID entries, DWORD bytes)
{
	return win32_ok(NtQueryVirtualMemory(process, 0, MemoryWorkingSetExInformation, entries,
	                                     bytes, NULL));
}
