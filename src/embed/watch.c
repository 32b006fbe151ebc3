/* SPDX-License-Identifier: MIT
 *
 * How the host process notices stores to watched memory (ntmm/native.h).
 */
#include <ntmm/native.h>

#include "native/native.h"
#include "object/process.h"
#include "win32/error.h"

ntmm_watch_way ntmm_native_watch_way(void)
{
	struct native *native = native_now();
	if (!native)
		return NTMM_WATCH_UNDECIDED;
	shared_lock_read(&native->space.lock);
	const struct watch_way *way = native->watch.way;
	shared_lock_drop(&native->space.lock);
	return way ? way->name : NTMM_WATCH_UNDECIDED;
}

bool ntmm_native_set_watch_way(ntmm_watch_way way)
{
	struct process *process;
	if (way != NTMM_WATCH_BY_FAULTS && way != NTMM_WATCH_BY_HOST)
		return win32_fail(ERROR_INVALID_PARAMETER);
	if (!win32_ok(process_make_host(&process)))
		return false;
	struct native *native = native_now();
	shared_lock_write(&native->space.lock);
	NTSTATUS status = watch_choose(native, way);
	shared_lock_drop(&native->space.lock);
	return status == STATUS_CONFLICTING_ADDRESSES ? win32_fail(ERROR_BUSY) : win32_ok(status);
}
