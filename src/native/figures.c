/* SPDX-License-Identifier: MIT */
#include "native/figures.h"

#include "base/os_pages.h"
#include "native/arena.h"
#include "native/foreign.h"
#include "native/pages.h"

static uint64_t word_of(uint64_t page)
{
	uint64_t word;
	return os_pages_map(page, &word, 1) ? 0 : word;
}

/* Pages out of reach, for now or for the next access, are not valid (PG-17, VP-14). */
static bool is_reachable(attr_t attr)
{
	return attr_is_committed(attr) && !(attr & ATTR_OFFERED) && host_access(attr_prot(attr));
}

/* How many processes have a page of a section is not told to who is no administrator: it is one. */
void figures_residency(struct space *space, uint64_t page, struct residency *residency)
{
	struct native *native = native_of(space);
	*residency = (struct residency){0};
	shared_lock_read(&space->lock);
	struct run run = space_run(space, address_of(page));
	if (is_reachable(run.attr)) {
		uint64_t word = word_of(page);
		residency->valid = word & OS_PAGE_PRESENT;
		residency->shared = vad_view(run.vad) && (!residency->valid || word & OS_PAGE_OF_FILE);
		residency->sharers = residency->valid && residency->shared;
		residency->prot = attr_prot(run.attr);
		residency->locked = residency->valid && locked_has(&native->locked, page);
		residency->large = run.vad->kind == VAD_LARGE;
		if (run.vad->kind == VAD_LARGE || run.vad->kind == VAD_PHYSICAL)
			residency->valid = residency->locked = true;
	}
	shared_lock_drop(&space->lock);
	if (!run.vad)
		foreign_residency(space, page, residency);
}

void figures_usage(struct space *space, struct usage *usage)
{
	struct os_usage host;
	(void)space;
	os_usage(&host);
	*usage = (struct usage){.faults = host.faults,
	                        .working_set = host.resident,
	                        .working_set_peak = host.resident_peak};
}

void figures_memory(struct space *space, struct memory_status *status)
{
	struct os_memory host;
	os_memory(&host);
	*status = (struct memory_status){.physical = page_of(host.physical),
	                                 .available = page_of(host.available),
	                                 .commit_limit = atomic_load(&space->ledger->limit),
	                                 .commit_total = atomic_load(&space->ledger->total)};
}

void figures_get_limits(struct space *space, struct ws_limits *limits)
{
	shared_lock_read(&space->lock);
	*limits = native_of(space)->limits;
	shared_lock_drop(&space->lock);
}

/* The host keeps no working sets: what they are limited to is remembered, and bounds what may be
 * locked. */
NTSTATUS figures_set_limits(struct space *space, const struct ws_limits *limits)
{
	struct os_memory host;
	os_memory(&host);
	if (limits->minimum > page_of(host.physical))
		return STATUS_INSUFFICIENT_RESOURCES;
	shared_lock_write(&space->lock);
	native_of(space)->limits = *limits;
	shared_lock_drop(&space->lock);
	return STATUS_SUCCESS;
}

void figures_prefetch(struct space *space, struct range range)
{
	(void)space;
	os_pages_want(pointer_to_page(range.start), bytes_of(range));
}

void figures_empty(struct space *space)
{
	struct range found;
	shared_lock_read(&space->lock);
	for (uint64_t page = 0; runs_committed_from(&space->runs, page, &found); page = found.end)
		os_pages_evict(pointer_to_page(found.start), bytes_of(found));
	shared_lock_drop(&space->lock);
}
