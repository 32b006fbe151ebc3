/* SPDX-License-Identifier: MIT
 *
 * What a Windows 9x has not.
 */
#include <stdatomic.h>

#include "nt/target.h"
#include "win32/error.h"

/* This host process has had a machine that runs one: until then no handle need be looked up. */
static atomic_bool met_9x;

void win32_meet_9x(void)
{
	atomic_store_explicit(&met_9x, true, memory_order_relaxed);
}

/* That of the caller, or NT. */
static const struct era *own_era(void)
{
	const struct process *caller = process_current();
	return era_of(caller ? caller->space->layout : layout_of(NTMM_LAYOUT_NT64_128TB));
}

const struct era *win32_era(HANDLE process)
{
	struct target target;
	const struct era *era = own_era();
	if (process == NtCurrentProcess())
		return era;
	target_open(&target, process, 0);
	if (!target.status)
		era = era_of(target.layout);
	target_close(&target);
	return era;
}

bool win32_has_later_calls(HANDLE process)
{
	if (!atomic_load_explicit(&met_9x, memory_order_relaxed))
		return true;
	if (own_era()->has_later_calls && win32_era(process)->has_later_calls)
		return true;
	return win32_fail(ERROR_CALL_NOT_IMPLEMENTED);
}
