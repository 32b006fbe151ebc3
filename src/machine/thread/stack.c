/* SPDX-License-Identifier: MIT
 *
 * Stacks grow by their guard page (rules ST-3 to ST-8).
 *
 *      deallocation                                   limit            base
 *      | reserved ............................ | guard | committed ... |
 *      | never | kept for the overflow handler |
 */
#include "machine/thread/thread.h"
#include "machine/pager/change.h"

static bool is_own_stack(const struct ntmm_thread *thread, uint64_t address)
{
	return address >= thread->stack.deallocation && address < thread->stack.base;
}

static bool commit(struct space *space, struct range range, prot_t prot)
{
	struct charge charge;
	unsigned changes = 1 + space_changes(space, range);
	if (space_prepare(space, changes) || space_charge(space, range, &charge))
		return false;
	space_commit(space, range, prot, charge);
	return true;
}

/* Lowest page the guard may move to: below it lie the handler's pages, and one that stays reserved. */
static uint64_t lowest_guard(const struct stack *stack)
{
	return page_of(stack->deallocation) + 1 + pages_for(stack->guarantee);
}

/* ST-6: what is left goes to the handler. */
static NTSTATUS overflow(struct ntmm_thread *thread, uint64_t page)
{
	struct range rest = {page_of(thread->stack.deallocation) + 1, page};
	thread->stack.limit = address_of(page);
	if (rest.start < rest.end && commit(&thread->process->space, rest, PROT_READWRITE))
		thread->stack.limit = address_of(rest.start);
	return STATUS_STACK_OVERFLOW;
}

/* The guard at `page` was hit: it is a stack page now, and the one below becomes the guard. */
static NTSTATUS grow(struct ntmm_thread *thread, uint64_t page)
{
	struct machine_process *process = thread->process;
	struct range hit = {page, page + 1}, guard = {page - 1, page};
	if (!space_clear_guard(&process->space, page))
		return STATUS_INSUFFICIENT_RESOURCES;
	pages_protect(&process->map, hit, PROT_READWRITE);
	thread->stack.limit = address_of(page);
	if (guard.start < lowest_guard(&thread->stack) ||
	    !commit(&process->space, guard, PROT_READWRITE | PROT_GUARD)) /* ST-8 */
		return overflow(thread, page);
	pages_protect(&process->map, guard, PROT_READWRITE | PROT_GUARD);
	return STATUS_SUCCESS;
}

NTSTATUS stack_guard_hit(struct ntmm_thread *thread, uint64_t address)
{
	struct space *space = &thread->process->space;
	uint64_t page = page_of(address);
	NTSTATUS status = STATUS_SUCCESS;
	prot_t prot;
	shared_lock_write(&space->lock);
	bool own = !space->ended && is_own_stack(thread, address) && address < thread->stack.limit;
	if (own && space_decide(space, address, NTMM_LOAD, MODE_USER, &prot) == DECIDE_GUARD)
		status = grow(thread, page);
	shared_lock_drop(&space->lock);
	return own ? status : touch_clear_guard(thread->process, page);
}

void stack_note_guard(struct machine_process *process, struct range range)
{
	for (struct ntmm_thread *t = process->threads; t; t = t->next) {
		bool within =
			page_of(t->stack.limit) < range.end && range.start < page_of(t->stack.base);
		if (t->stack.base && within)
			t->stack.limit = address_of(range.end);
	}
}
