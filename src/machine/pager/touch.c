/* SPDX-License-Identifier: MIT */
#include "machine/pager/touch.h"

#include <string.h>

#include "base/os.h"
#include "machine/pager/age.h"
#include "machine/pager/background.h"
#include "machine/pager/change.h"
#include "machine/pager/events.h"
#include "machine/pager/fault.h"
#include "machine/pager/frames.h"
#include "machine/pager/segment.h"

void touch_copy(void *to, const void *from, uint64_t bytes)
{
#if NTMM_TLB_ORDER == __ATOMIC_SEQ_CST /* ThreadSanitizer: threads access the page atomically */
	bool words = !(((uintptr_t)to | (uintptr_t)from | bytes) % sizeof(uint64_t));
	for (uint64_t i = 0; words && i < bytes / sizeof(uint64_t); i++)
		__atomic_store_n((uint64_t *)to + i,
		                 __atomic_load_n((const uint64_t *)from + i, __ATOMIC_RELAXED),
		                 __ATOMIC_RELAXED);
	for (uint64_t i = 0; !words && i < bytes; i++)
		__atomic_store_n((uint8_t *)to + i,
		                 __atomic_load_n((const uint8_t *)from + i, __ATOMIC_RELAXED),
		                 __ATOMIC_RELAXED);
#else
	memcpy(to, from, bytes);
#endif
}

bool machine_process_lock(struct machine_process *process)
{
	shared_lock_read(&process->space.lock);
	if (!process->space.ended) {
		lock_take(&process->map.pager->lock);
		return true;
	}
	shared_lock_drop(&process->space.lock);
	return false;
}

void machine_process_unlock(struct machine_process *process)
{
	lock_drop(&process->map.pager->lock);
	shared_lock_drop(&process->space.lock);
}

static enum touch_result count_refusal(struct machine_process *process, uint64_t address,
                                       bool guard)
{
	struct page_map *map = &process->map;
	lock_take(&map->pager->lock);
	if (guard)
		TALLY(map, guards);
	else
		TALLY(map, violations);
	pager_event(map->pager, map, guard ? NTMM_EVENT_GUARD : NTMM_EVENT_VIOLATION,
	            page_of(address), NO_FRAME, 0);
	lock_drop(&map->pager->lock);
	return guard ? TOUCH_GUARD : TOUCH_VIOLATION;
}

/* One attempt. The locks are dropped when it returns. */
struct attempt {
	const struct touch *touch;
	struct machine_process *owner; /* of the page: the process, or the arena of its machine */
	struct fault fault;
	struct fault behind;     /* of a view: for the section's page */
	struct section *section; /* that it is of, with a reference; NULL */
	struct section *reading; /* the hidden one that a page is read of, with a reference; NULL */
	enum decision decision;
	enum fault_outcome outcome;
	NTSTATUS status; /* the visitor's */
	bool stepped;    /* tables may have been made for it */
	bool low;        /* few pages are available now */
	bool due;        /* pages should be looked at */
	bool background; /* there are threads that do */
};

/* The process, and a hidden section with it, may end while no lock is held. */
static void keep_while_reading(struct attempt *attempt)
{
	if (attempt->outcome != FAULT_READ || attempt->fault.reader != &attempt->behind ||
	    !attempt->behind.map->segment->hidden)
		return;
	attempt->reading = &attempt->behind.map->segment->section;
	section_retain(attempt->reading);
}

static NTSTATUS read_in(struct attempt *attempt)
{
	NTSTATUS status = fault_read(attempt->fault.reader);
	if (attempt->reading)
		section_release(attempt->reading);
	attempt->reading = NULL;
	return status;
}

static void step(struct attempt *attempt)
{
	struct machine_process *process = attempt->owner;
	struct pager *pager = process->map.pager;
	attempt->stepped = true;
	attempt->outcome = fault_step(&attempt->fault);
	keep_while_reading(attempt);
	if (attempt->outcome == FAULT_DONE)
		attempt->status = attempt->touch->visit(&attempt->fault, attempt->touch->context);
	attempt->low = pager_is_low(pager);
	attempt->due = age_is_due(pager);
	attempt->background = pager->background.running;
	background_nudge(pager);
	shared_lock_drop(&process->space.lock);
	if (attempt->outcome == FAULT_WAIT)
		lock_wait(&pager->lock, &pager->transferred);
	lock_drop(&pager->lock);
}

/* Where the section behind a view, or the newest hidden one, has the page. */
static void aim_behind(struct attempt *attempt)
{
	struct fault *fault = &attempt->fault, *behind = &attempt->behind;
	const struct view *first = fault->chain ? fault->chain : fault->view;
	if (!behind->map) /* else it goes on, with what it has learnt */
		*behind = (struct fault){.access = NTMM_LOAD, .prot = PROT_READWRITE,
		                         .payer = fault_payer(fault),
		                         .payer_page = fault->page};
	behind->map = &segment_of(first->section)->map;
	behind->page = view_page(first, fault->page);
	behind->file_end = view_page(first, first->range.end);
}

/* What lies behind the page: nothing, the system's page, or sections. */
static void aim(struct attempt *attempt, struct run run)
{
	struct fault *fault = &attempt->fault;
	fault->shared = run.vad->kind == VAD_SHARED_PAGE;
	fault->watch = vad_watch(run.vad);
	fault->view = vad_view(run.vad);
	fault->level = attr_level(run.attr);
	fault->chain = fault->level ? fault->map->clones : NULL;
	fault->behind = fault->view || fault->chain ? &attempt->behind : NULL;
	if (fault->view && !attempt->section) {
		attempt->section = fault->view->section;
		section_retain(attempt->section);
	}
	if (fault->behind)
		aim_behind(attempt);
}

/* Tables of the section that were made for the fault are let go. No lock is held: the section may be
 * gone with it. */
static void leave_section(struct attempt *attempt)
{
	struct pager *pager = attempt->touch->process->map.pager;
	if (!attempt->section)
		return;
	if (attempt->outcome != FAULT_DONE &&
	    attempt->behind.map == &segment_of(attempt->section)->map) {
		lock_take(&pager->lock);
		fault_abandon(&attempt->behind);
		lock_drop(&pager->lock);
	}
	section_release(attempt->section);
	attempt->section = NULL;
	attempt->behind.map = NULL;
}

/* Whether the page is one of another section than that of the attempt before. */
static bool has_moved(const struct attempt *attempt, const struct vad *vad)
{
	return attempt->section && (!vad_view(vad) || vad_view(vad)->section != attempt->section);
}

static void attempt_once(struct attempt *attempt)
{
	const struct touch *touch = attempt->touch;
	struct space *space = &attempt->owner->space;
	attempt->outcome = FAULT_AGAIN;
	shared_lock_read(&space->lock);
	attempt->decision = space_decide(space, touch->address, touch->access, touch->mode,
	                                 &attempt->fault.prot);
	if (attempt->decision != DECIDE_GO) {
		shared_lock_drop(&space->lock);
		return;
	}
	struct run run = space_run(space, touch->address);
	if (has_moved(attempt, run.vad)) {
		shared_lock_drop(&space->lock);
		leave_section(attempt);
		return;
	}
	aim(attempt, run);
	lock_take(&touch->process->map.pager->lock);
	step(attempt);
}

static void give_up(struct attempt *attempt)
{
	struct machine_process *process = attempt->owner;
	if (!attempt->stepped || !machine_process_lock(process))
		return;
	fault_abandon(&attempt->fault);
	machine_process_unlock(process);
}

static enum touch_result refuse(struct attempt *attempt)
{
	struct machine_process *process = attempt->touch->process;
	give_up(attempt);
	if (atomic_load(&process->gone))
		return TOUCH_VIOLATION;
	return count_refusal(process, attempt->touch->address, attempt->decision == DECIDE_GUARD);
}

/* What the attempt asks for before the next one. */
static NTSTATUS serve(struct attempt *attempt, unsigned *starved)
{
	struct pager *pager = attempt->touch->process->map.pager;
	NTSTATUS status = STATUS_SUCCESS;
	if (attempt->outcome == FAULT_FAILED)
		return attempt->fault.status;
	if (attempt->outcome == FAULT_READ)
		return read_in(attempt);
	if (attempt->outcome == FAULT_FRAME)
		status = pager_make_room(pager);
	if (!status) {
		*starved = 0;
		return STATUS_SUCCESS;
	}
	os_yield();
	return ++*starved < STARVED_TRIES ? STATUS_SUCCESS : status;
}

static enum touch_result run(struct attempt *attempt)
{
	unsigned starved = 0;
	for (;;) {
		attempt_once(attempt);
		if (attempt->decision != DECIDE_GO)
			return refuse(attempt);
		if (attempt->outcome == FAULT_DONE)
			return TOUCH_DONE;
		attempt->status = serve(attempt, &starved);
		if (attempt->status)
			break;
	}
	give_up(attempt);
	return TOUCH_FAILED;
}

enum touch_result touch_page(const struct touch *touch, NTSTATUS *status)
{
	struct machine_process *process = touch->process;
	struct attempt attempt = {.touch = touch};
	if (atomic_load(&process->gone))
		return TOUCH_VIOLATION;
	attempt.owner = machine_process_of(space_at(&process->space, touch->address));
	attempt.fault = (struct fault){.map = &attempt.owner->map,
	                               .page = page_of(touch->address),
	                               .payer = &process->map,
	                               .payer_page = page_of(touch->address),
	                               .access = touch->access,
	                               .own = touch->mode == MODE_SYSTEM};
	enum touch_result result = run(&attempt);
	*status = attempt.status;
	leave_section(&attempt);
	if (!attempt.background && attempt.low)
		pager_keep_ahead(process->map.pager);
	else if (!attempt.background && attempt.due)
		age_work(process->map.pager);
	pager_deliver(process->map.pager);
	return result;
}

NTSTATUS touch_clear_guard(struct machine_process *process, uint64_t page)
{
	struct space *space = &process->space;
	prot_t prot;
	NTSTATUS status = STATUS_SUCCESS;
	shared_lock_write(&space->lock);
	if (space_decide(space, address_of(page), NTMM_LOAD, MODE_USER, &prot) == DECIDE_GUARD) {
		status = STATUS_INSUFFICIENT_RESOURCES;
		if (space_clear_guard(space, page)) {
			prot = attr_prot(space_run(space, address_of(page)).attr);
			pages_protect(&process->map, (struct range){page, page + 1}, prot);
			status = STATUS_GUARD_PAGE_VIOLATION;
		}
	}
	shared_lock_drop(&space->lock);
	return status;
}

NTSTATUS touch_as_service(const struct touch *touch)
{
	NTSTATUS status = STATUS_SUCCESS;
	for (;;) {
		switch (touch_page(touch, &status)) {
		case TOUCH_DONE:
			return status;
		case TOUCH_VIOLATION:
			return STATUS_ACCESS_VIOLATION;
		case TOUCH_FAILED:
			return STATUS_IN_PAGE_ERROR;
		case TOUCH_GUARD:
			status = touch_clear_guard(touch->process, page_of(touch->address));
			if (status)
				return status;
		}
	}
}
