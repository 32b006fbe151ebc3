/* SPDX-License-Identifier: MIT */
#include "native/native.h"

#include <ntmm/windows.h>

#include "base/os_pages.h"
#include "base/shared_page.h"
#include "native/signals.h"

#define DEFAULT_MINIMUM 50 /* pages: of a working set (WS-2) */
#define DEFAULT_MAXIMUM 345

static struct native the_native;
static struct native *_Atomic now;

struct native *native_now(void)
{
	return atomic_load_explicit(&now, memory_order_acquire);
}

#if defined(__x86_64__)

void native_set_commit_limit(struct native *native, uint64_t pages)
{
	struct os_memory host;
	os_memory(&host);
	atomic_store(&native->ledger.limit, pages ? pages : page_of(host.limit));
}

static NTSTATUS begin(struct native *native)
{
	native_set_commit_limit(native, 0);
	native->arena.guards = os_pages_know_guards();
	native->limits = (struct ws_limits){DEFAULT_MINIMUM, DEFAULT_MAXIMUM,
	                                    QUOTA_LIMITS_HARDWS_MIN_DISABLE |
	                                            QUOTA_LIMITS_HARDWS_MAX_DISABLE};
	physical_init(&native->physical);
	const struct layout *layout = layout_of(NTMM_LAYOUT_NT64_128TB);
	if (!locked_init(&native->locked, space_whole(layout)))
		return STATUS_NO_MEMORY;
	NTSTATUS status = STATUS_NO_MEMORY;
	if (lazy_free_init(&native->lazy, space_whole(layout))) {
		status = space_init(&native->space, &native_engine, layout, &native->ledger, true);
		if (status)
			runs_destroy(&native->lazy.runs);
	}
	if (status)
		runs_destroy(&native->locked.runs);
	return status;
}

NTSTATUS native_begin(struct space **space)
{
	NTSTATUS status = signals_begin(); /* stores to watched pages are known by their faults */
	if (!status)
		status = begin(&the_native);
	if (status)
		return status;
	the_native.space.lock.spins = true;
	shared_page_make();
	slack_begin(&the_native.slack);
	atomic_store_explicit(&now, &the_native, memory_order_release);
	*space = &the_native.space;
	return STATUS_SUCCESS;
}

#else

NTSTATUS native_begin(struct space **space)
{
	(void)space;
	return STATUS_NOT_SUPPORTED;
}

#endif
