/* SPDX-License-Identifier: MIT */
#include "native/fault.h"

#include "base/check.h"
#include "native/pages.h"
#include "native/section.h"
#include "native/watch.h"

/* A page that is committed, as the space says. */
static int open_page(struct native *native, struct run run, uint64_t page)
{
	prot_t prot = attr_prot(run.attr);
	if (vad_watch(run.vad))
		return page_open(native, page, watch_access(native, vad_watch(run.vad), page, prot));
	if (run.vad->kind == VAD_PHYSICAL)
		return physical_show_again(native, page);
	if (vad_view(run.vad) && !view_is_settled(vad_view(run.vad), page))
		return view_settle(native, run.vad, page);
	return page_open(native, page, host_access(prot));
}

/* The rules allow it; the host may not know yet: a page that another view has committed, or one that is
 * watched. Or another thread has made it so just now. */
static enum fault_answer repair(struct native *native, const struct fault *fault, NTSTATUS *status)
{
	uint64_t page = page_of(fault->address);
	struct run run = space_run(&native->space, fault->address);
	bool marks = vad_watch(run.vad) && fault->access == NTMM_STORE;
	int error = marks ? watch_store(native, vad_watch(run.vad), page, attr_prot(run.attr))
	                  : open_page(native, run, page);
	if (!error)
		return FAULT_RETRY;
	*status = STATUS_IN_PAGE_ERROR; /* the host allows no more mappings */
	return FAULT_RAISE;
}

/* GP-2. The space is locked for writing. */
static NTSTATUS clear_guard(struct native *native, uint64_t page)
{
	struct space *space = &native->space;
	if (!space_clear_guard(space, page))
		return STATUS_IN_PAGE_ERROR;
	/* When the host cannot do it now, the next access tries again. */
	(void)open_page(native, space_run(space, address_of(page)), page);
	return STATUS_GUARD_PAGE_VIOLATION;
}

static enum decision decide(const struct native *native, const struct fault *fault)
{
	prot_t prot;
	return space_decide(&native->space, fault->address, fault->access, fault->mode, &prot);
}

/* By the time that the space is locked for writing another thread may have done it. */
static enum fault_answer resolve_alone(struct native *native, const struct fault *fault,
                                       NTSTATUS *status)
{
	enum fault_answer answer = FAULT_RETRY;
	shared_lock_write(&native->space.lock);
	enum decision decision = decide(native, fault);
	if (decision == DECIDE_GO)
		answer = repair(native, fault, status);
	if (decision == DECIDE_GUARD) {
		*status = clear_guard(native, page_of(fault->address));
		answer = FAULT_RAISE;
	}
	shared_lock_drop(&native->space.lock);
	return answer;
}

static bool is_foreign(const struct space *space, uint64_t address)
{
	return address > space->layout->maximum || !space_run(space, address).vad;
}

/* Of pages that are mapped anew: nobody else does so meanwhile. */
static bool is_unsettled(const struct native *native, uint64_t address)
{
	const struct view *view = vad_view(space_run(&native->space, address).vad);
	return view && !view_is_settled(view, page_of(address));
}

enum fault_answer fault_resolve(const struct fault *fault, NTSTATUS *status)
{
	struct native *native = native_now();
	enum fault_answer answer = FAULT_RAISE;
	*status = STATUS_ACCESS_VIOLATION;
	if (!native)
		return FAULT_FOREIGN;
	struct space *space = &native->space;
	shared_lock_read(&space->lock);
	enum decision decision = decide(native, fault);
	bool alone = decision == DECIDE_GUARD ||
	             (decision == DECIDE_GO && is_unsettled(native, fault->address));
	if (decision == DECIDE_GO && !alone)
		answer = repair(native, fault, status);
	else if (!alone && is_foreign(space, fault->address))
		answer = FAULT_FOREIGN;
	shared_lock_drop(&space->lock);
	return alone ? resolve_alone(native, fault, status) : answer;
}
