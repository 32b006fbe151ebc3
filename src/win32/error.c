/* SPDX-License-Identifier: MIT
 *
 * The last error, and the Win32 errors of statuses.
 */
#include "win32/error.h"

static _Thread_local DWORD last_error __attribute__((tls_model("initial-exec")));

DWORD GetLastError(void)
{
	return last_error;
}

void SetLastError(DWORD error)
{
	last_error = error;
}

ULONG RtlNtStatusToDosError(NTSTATUS status)
{
	switch (status) {
#define NTMM_ROW(name, value, error) \
	case name: \
		return (ULONG)error;
		NTMM_STATUS_MAP(NTMM_ROW)
#undef NTMM_ROW
	default:
		return ERROR_MR_MID_NOT_FOUND;
	}
}

bool win32_ok(NTSTATUS status)
{
	return status >= 0 || win32_fail(RtlNtStatusToDosError(status));
}

bool win32_fail(DWORD error)
{
	last_error = error;
	return false;
}
