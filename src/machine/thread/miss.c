/* SPDX-License-Identifier: MIT
 *
 * A TLB miss (S5): first the walk, as the processor does it; then the fault.
 */
#include "base/linger.h"
#include "machine/thread/thread.h"

static inline void set_tag(uint64_t *tag, bool allowed, uint64_t address)
{
	__atomic_store_n(tag, allowed ? address : NTMM_TLB_EMPTY, __ATOMIC_RELEASE);
}

/* A tag releases the accesses by the one before it: whoever does not find that need not wait. */
static inline struct ntmm_tlb_line *fill(struct ntmm_thread *thread, uint64_t page, struct pte pte,
                                         bool stores)
{
	uint64_t address = address_of(page);
	struct ntmm_tlb_line *line = ntmm_tlb_line_of(&thread->tlb, address);
	line->addend = (uint64_t)(uintptr_t)thread->translator.ram + pte_ram_offset(pte) - address;
	set_tag(&line->load, true, address);
	set_tag(&line->store, stores && pte_is_ready(pte, PTE_FOR_STORE), address);
	set_tag(&line->fetch, pte_is_ready(pte, PTE_FOR_FETCH), address);
	return line;
}

static NTSTATUS fill_visitor(struct fault *fault, void *context)
{
	struct ntmm_thread *thread = context;
	if (fault->map != &thread->process->map && !thread->shared.end)
		return STATUS_SUCCESS; /* the process has ended: nothing of the arena any more */
	fill(thread, fault->page, fault_pte(fault, 0), fault->page < thread->stores_end);
	return STATUS_SUCCESS;
}

static void empty(struct ntmm_tlb_line *line)
{
	set_tag(&line->load, false, 0);
	set_tag(&line->store, false, 0);
	set_tag(&line->fetch, false, 0);
}

static inline uint64_t voids_of(const struct translator *translator)
{
	return __atomic_load_n(&translator->voids, SHOOT_ACQUIRE);
}

static inline bool is_within(const struct translator *translator, uint64_t page)
{
	return page < __atomic_load_n(&translator->end, SHOOT_ACQUIRE);
}

/* Why this is safe without a lock: shoot.h. `voids` was read before anything else. */
static inline bool walk(struct ntmm_thread *thread, const struct translator *translator,
                        uint64_t voids, ntmm_access access, uint64_t page)
{
	static const uint64_t needed[] = {PTE_FOR_LOAD, PTE_FOR_STORE, PTE_FOR_FETCH};
	bool stores = translator == &thread->translator || page < thread->stores_end;
	struct pte pte = map_look_up(translator->ram, translator->root, page);
	if (!pte_is_ready(pte, needed[access]))
		return false;
	linger();
	struct ntmm_tlb_line *line = fill(thread, page, pte, stores);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	linger();
	if (voids_of(translator) == voids)
		return true;
	empty(line);
	return false;
}

/* An address that is not the process's: of Windows 9x it may be the arena's. */
static __attribute__((noinline)) bool walk_arena(struct ntmm_thread *thread, ntmm_access access,
                                                 uint64_t page)
{
	uint64_t voids = voids_of(&thread->shared);
	if (!is_within(&thread->shared, page))
		return false;
	if (access == NTMM_STORE && page >= thread->stores_end)
		return false;
	return walk(thread, &thread->shared, voids, access, page);
}

bool ntmm_thread_walk(ntmm_thread *thread, ntmm_access access, uint64_t address, unsigned bytes)
{
	uint64_t page = page_of(address), voids = voids_of(&thread->translator);
	if (address & (bytes - 1))
		return false;
	if (!is_within(&thread->translator, page))
		return walk_arena(thread, access, page);
	return walk(thread, &thread->translator, voids, access, page);
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
	return thread_touch(thread, access, address, fill_visitor, thread);
}

bool thread_touch(struct ntmm_thread *thread, ntmm_access access, uint64_t address,
                  touch_visitor visit, void *context)
{
	struct touch touch = {thread->process, address, access, MODE_USER, visit, context};
	NTSTATUS status;
	if (atomic_load(&thread->process->gone))
		return bad_address(thread, access, address);
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
