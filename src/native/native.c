/* SPDX-License-Identifier: MIT */
#include "native/native.h"

#include <ntmm/windows.h>

#include "base/os_pages.h"
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

/* 0x7FFE0000 can be read (AS-4), if the host has nothing there. */
static void show_shared_page(const struct space *space)
{
	for (uint64_t page = 0; page < space->runs.whole.end;) {
		struct run run = runs_at(&space->runs, page);
		void *at = pointer_to_page(run.start);
		bool ours = run.vad && run.vad->kind == VAD_SHARED_PAGE;
		if (ours && !os_pages_reserve_at(at, PAGE_BYTES))
			(void)os_pages_protect(at, PAGE_BYTES, OS_PAGE_READ);
		page = run.end;
	}
}

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
	NTSTATUS status = space_init(&native->space, &native_engine, layout, &native->ledger, true);
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
	show_shared_page(&the_native.space);
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
