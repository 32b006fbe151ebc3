/* SPDX-License-Identifier: MIT */
#include "native/fault.h"

#include "base/check.h"
#include "native/pages.h"
#include "native/watch.h"

/* The rules allow it; the host may not know yet: a page that another view has committed, or one that is
 * watched. Or another thread has made it so just now. */
static enum fault_answer repair(struct native *native, const struct fault *fault, NTSTATUS *status)
{
	uint64_t page = page_of(fault->address);
	struct run run = space_run(&native->space, fault->address);
	prot_t prot = attr_prot(run.attr);
	int error = 0;
	if (run.vad->watch && fault->access == NTMM_STORE)
		error = watch_store(native, run.vad->watch, page, prot);
	else if (run.vad->watch)
		error = page_open(native, page, watch_access(native, run.vad->watch, page, prot));
	else if (run.vad->kind == VAD_PHYSICAL)
		error = physical_show_again(native, page);
	else
		error = page_open(native, page, host_access(prot));
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
	struct run run = space_run(space, address_of(page));
	struct page_set *watch = run.vad->watch;
	prot_t prot = attr_prot(run.attr);
	/* When the host cannot do it now, the next access tries again. */
	(void)page_open(native, page,
	                watch ? watch_access(native, watch, page, prot) : host_access(prot));
	return STATUS_GUARD_PAGE_VIOLATION;
}

/* A guard can only be taken away with the lock for writing; by then another thread may have done it. */
static enum fault_answer hit_guard(struct native *native, const struct fault *fault,
                                   NTSTATUS *status)
{
	struct space *space = &native->space;
	prot_t prot;
	shared_lock_write(&space->lock);
	enum decision decision =
		space_decide(space, fault->address, fault->access, fault->mode, &prot);
	if (decision == DECIDE_GUARD)
		*status = clear_guard(native, page_of(fault->address));
	shared_lock_drop(&space->lock);
	return decision == DECIDE_GUARD ? FAULT_RAISE : FAULT_RETRY;
}

static bool is_foreign(const struct space *space, uint64_t address)
{
	return address > space->layout->maximum || !space_run(space, address).vad;
}

enum fault_answer fault_resolve(const struct fault *fault, NTSTATUS *status)
{
	struct native *native = native_now();
	enum fault_answer answer = FAULT_RAISE;
	prot_t prot;
	*status = STATUS_ACCESS_VIOLATION;
	if (!native)
		return FAULT_FOREIGN;
	struct space *space = &native->space;
	shared_lock_read(&space->lock);
	enum decision decision =
		space_decide(space, fault->address, fault->access, fault->mode, &prot);
	if (decision == DECIDE_GO)
		answer = repair(native, fault, status);
	else if (is_foreign(space, fault->address))
		answer = FAULT_FOREIGN;
	shared_lock_drop(&space->lock);
	return decision == DECIDE_GUARD ? hit_guard(native, fault, status) : answer;
}
