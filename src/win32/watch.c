/* SPDX-License-Identifier: MIT
 *
 * GetWriteWatch and ResetWriteWatch: of the current process.
 *
 * Windows 98 returns its errors, leaves the last error alone, and forgives more (W9-15).
 */
#include "nt/era.h"
#include "nt/nt.h"
#include "win32/error.h"

#define FAILED 0xFFFFFFFF

static bool is_forgiving(void)
{
	return !win32_era(GetCurrentProcess())->has_later_calls;
}

/* Whether Windows 95 runs, which has no such calls. */
static bool is_missing(void)
{
	return win32_era(GetCurrentProcess())->refused_types & MEM_WRITE_WATCH;
}

/* What is not watched has not been written. */
static UINT forgive(NTSTATUS status)
{
	if (!status || status == STATUS_INVALID_PARAMETER_1)
		return 0;
	return RtlNtStatusToDosError(status);
}

static UINT get_on_98(DWORD flags, uint64_t base, SIZE_T size, PVOID *addresses, ULONG_PTR *count,
                      LPDWORD granularity)
{
	ULONG_PTR found = 0;
	if (is_missing())
		return ERROR_CALL_NOT_IMPLEMENTED;
	if (!base)
		return FAILED;
	if (!host_pointer_ok(count) || !host_pointer_ok(granularity))
		return ERROR_NOACCESS;
	NTSTATUS status = STATUS_SUCCESS;
	if (size && *count) {
		found = *count;
		status = NtGetWriteWatch(GetCurrentProcess(), flags & WRITE_WATCH_FLAG_RESET, base,
		                         size, (uint64_t *)(void *)addresses, &found, granularity);
	}
	if (forgive(status))
		return forgive(status);
	*count = status ? 0 : found;
	*granularity = PAGE_BYTES;
	return 0;
}

UINT GetWriteWatch(DWORD flags, PVOID base, SIZE_T size, PVOID *addresses, ULONG_PTR *count,
                   LPDWORD granularity)
{
	if (is_forgiving())
		return get_on_98(flags, (uintptr_t)base, size, addresses, count, granularity);
	NTSTATUS status = NtGetWriteWatch(GetCurrentProcess(), flags, (uintptr_t)base, size,
	                                  (uint64_t *)(void *)addresses, count, granularity);
	return win32_ok(status) ? 0 : FAILED;
}

static UINT reset_on_98(uint64_t base, SIZE_T size)
{
	if (is_missing())
		return ERROR_CALL_NOT_IMPLEMENTED;
	if (!base)
		return FAILED;
	return size ? forgive(NtResetWriteWatch(GetCurrentProcess(), base, size)) : 0;
}

UINT ResetWriteWatch(LPVOID base, SIZE_T size)
{
	if (is_forgiving())
		return reset_on_98((uintptr_t)base, size);
	NTSTATUS status = NtResetWriteWatch(GetCurrentProcess(), (uintptr_t)base, size);
	return win32_ok(status) ? 0 : FAILED;
}
