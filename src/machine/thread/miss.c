/* SPDX-License-Identifier: MIT
 *
 * A TLB miss (S5): first the walk, as the processor does it; then the fault.
 */
#include "machine/thread/thread.h"

static void set_tag(uint64_t *tag, bool allowed, uint64_t address)
{
	__atomic_store_n(tag, allowed ? address : NTMM_TLB_EMPTY, __ATOMIC_RELAXED);
}

static void fill(struct ntmm_thread *thread, uint64_t page, struct pte pte)
{
	uint64_t address = address_of(page);
	struct ntmm_tlb_line *line = ntmm_tlb_line_of(&thread->tlb, address);
	line->addend = (uint64_t)(uintptr_t)frame_bytes(&thread->process->map.pager->phys,
	                                                pte_frame(pte)) -
	               address;
	set_tag(&line->load, true, address);
	set_tag(&line->store, pte_is_writable(pte) && pte_is_dirty(pte), address);
	set_tag(&line->fetch, pte_is_executable(pte), address);
}

static NTSTATUS fill_visitor(struct fault *fault, void *context)
{
	fill(context, fault->page, pte_load(fault->place.entry));
	return STATUS_SUCCESS;
}

/* What the processor could do alone: the entry is present, and allows the access. */
static bool allows(struct pte pte, ntmm_access access)
{
	if (!pte_is_present(pte))
		return false;
	if (access == NTMM_STORE)
		return pte_is_writable(pte) && pte_is_dirty(pte);
	return access == NTMM_LOAD || pte_is_executable(pte);
}

static bool walk_and_fill(struct ntmm_thread *thread, ntmm_access access, uint64_t address)
{
	struct page_map *map = &thread->process->map;
	bool done = false;
	if (address > thread->process->space.layout->maximum)
		return false;
	lock_take(&map->pager->lock);
	if (!atomic_load(&thread->process->gone)) {
		struct place place = map_walk(&map->pager->phys, map->root, page_of(address));
		struct pte pte = pte_load(place.entry);
		done = place.level == 1 && allows(pte, access);
		if (done) {
			pte_set_bits(place.entry, PTE_ACCESSED);
			fill(thread, page_of(address), pte);
		}
	}
	lock_drop(&map->pager->lock);
	return done;
}

static bool bad_address(struct ntmm_thread *thread, ntmm_access access, uint64_t address)
{
	const struct layout *layout = thread->process->space.layout;
	if (!layout->limit && !layout_is_canonical(layout, address))
		return thread_raise(thread, STATUS_ACCESS_VIOLATION, NTMM_LOAD,
		                    UINT64_MAX); /* EX-5 */
	return thread_raise(thread, STATUS_ACCESS_VIOLATION, access, address);
}

bool thread_fault(struct ntmm_thread *thread, ntmm_access access, uint64_t address)
{
	struct touch touch = {thread->process, address, access, MODE_USER, fill_visitor, thread};
	NTSTATUS status;
	if (atomic_load(&thread->process->gone))
		return bad_address(thread, access, address);
	if (walk_and_fill(thread, access, address))
		return true;
	for (;;) {
		switch (touch_page(&touch, &status)) {
		case TOUCH_DONE:
			return true;
		case TOUCH_VIOLATION:
			return bad_address(thread, access, address);
		case TOUCH_FAILED:
			return thread_raise_in_page(thread, access, address, status);
		case TOUCH_GUARD:
			status = stack_guard_hit(thread, address);
			if (status == STATUS_INSUFFICIENT_RESOURCES)
				return thread_raise_in_page(thread, access, address, status);
			if (status)
				return thread_raise(thread, status, access, address);
		}
	}
}
