/* SPDX-License-Identifier: MIT
 *
 * Accesses that the inline functions of thread.h leave over: misses, misaligned ones, those that
 * cross into the next page, compare-exchange.
 */
#include <string.h>

#include "machine/thread/thread.h"

static uint64_t tag_of(const struct ntmm_tlb_line *line, ntmm_access access)
{
	const uint64_t *tag = access == NTMM_LOAD    ? &line->load
	                      : access == NTMM_STORE ? &line->store
	                                             : &line->fetch;
	return __atomic_load_n(tag, NTMM_TLB_ORDER);
}

void *thread_find(struct ntmm_thread *thread, ntmm_access access, uint64_t address)
{
	const struct ntmm_tlb_line *line = ntmm_tlb_line_of(&thread->tlb, address);
	do {
		if (tag_of(line, access) == ntmm_tlb_tag(address, 1))
			return (void *)(uintptr_t)(line->addend + address);
	} while (ntmm_thread_walk(thread, access, address, 1));
	return NULL;
}

/* Does the access if both its pages can be had at once; else says which address missed. */
static bool try_parts(struct ntmm_thread *thread, ntmm_access access, uint64_t address, void *value,
                      unsigned bytes, uint64_t *missed)
{
	unsigned first = (unsigned)min_u64(bytes, PAGE_BYTES - address % PAGE_BYTES);
	uint64_t next = address + first;
	ntmm_tlb_enter(&thread->tlb);
	uint8_t *low = thread_find(thread, access, address);
	uint8_t *high = first == bytes ? low : thread_find(thread, access, next);
	if (low && high) {
		cell_move_part(low, access, value, first);
		if (first < bytes)
			cell_move_part(high, access, (uint8_t *)value + first, bytes - first);
	}
	ntmm_tlb_leave(&thread->tlb);
	*missed = low ? next : address;
	return low && high;
}

/* One page, aligned: in one piece. */
static bool try_whole(struct ntmm_thread *thread, ntmm_access access, uint64_t address, void *value,
                      unsigned bytes)
{
	ntmm_tlb_enter(&thread->tlb);
	void *cell = thread_find(thread, access, address);
	if (cell)
		cell_move(cell, access, value, bytes);
	ntmm_tlb_leave(&thread->tlb);
	return cell != NULL;
}

/* A store that ends in the system's memory of a Windows 9x: each is to be seen (S8e). */
static inline bool is_stray(const struct ntmm_thread *thread, uint64_t address, unsigned bytes)
{
	return page_of(address + (bytes - 1)) >= thread->stores_end;
}

bool ntmm_thread_access(ntmm_thread *thread, ntmm_access access, uint64_t address, void *value,
                        unsigned bytes)
{
	bool whole = is_aligned(address, bytes);
	if (access == NTMM_STORE && is_stray(thread, address, bytes))
		return thread_store_stray(thread, address, value, bytes);
	for (;;) {
		uint64_t missed = address;
		if (whole ? try_whole(thread, access, address, value, bytes)
		          : try_parts(thread, access, address, value, bytes, &missed))
			return true;
		if (!thread_fault(thread, access, missed))
			return false;
	}
}

static bool try_exchange(struct ntmm_thread *thread, uint64_t address, unsigned bytes,
                         const struct exchange *exchange)
{
	ntmm_tlb_enter(&thread->tlb);
	void *cell = thread_find(thread, NTMM_STORE, address);
	if (cell)
		cell_exchange(cell, bytes, exchange);
	ntmm_tlb_leave(&thread->tlb);
	return cell != NULL;
}

bool ntmm_compare_exchange(ntmm_thread *thread, uint64_t address, unsigned bytes,
                           uint64_t *expected, uint64_t desired, bool *swapped)
{
	const struct exchange exchange = {expected, desired, swapped};
	if (!is_aligned(address, bytes))
		return thread_raise(thread, STATUS_DATATYPE_MISALIGNMENT, NTMM_STORE, address);
	if (is_stray(thread, address, bytes))
		return thread_exchange_stray(thread, address, bytes, &exchange);
	while (!try_exchange(thread, address, bytes, &exchange))
		if (!thread_fault(thread, NTMM_STORE, address))
			return false;
	return true;
}
