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

/* Where to access `address`, while inside; NULL: nowhere yet. */
static void *find(struct ntmm_thread *thread, ntmm_access access, uint64_t address)
{
	const struct ntmm_tlb_line *line = ntmm_tlb_line_of(&thread->tlb, address);
	do {
		if (tag_of(line, access) == ntmm_tlb_tag(address, 1))
			return (void *)(uintptr_t)(line->addend + address);
	} while (ntmm_thread_walk(thread, access, address, 1));
	return NULL;
}

/* A part of an access, within one page. */
static void move_part(void *cell, ntmm_access access, void *value, unsigned bytes)
{
	if (access == NTMM_STORE)
		touch_copy(cell, value, bytes);
	else
		touch_copy(value, cell, bytes);
}

/* Does the access if both its pages can be had at once; else says which address missed. */
static bool try_parts(struct ntmm_thread *thread, ntmm_access access, uint64_t address, void *value,
                      unsigned bytes, uint64_t *missed)
{
	unsigned first = (unsigned)min_u64(bytes, PAGE_BYTES - address % PAGE_BYTES);
	uint64_t next = address + first;
	ntmm_tlb_enter(&thread->tlb);
	uint8_t *low = find(thread, access, address);
	uint8_t *high = first == bytes ? low : find(thread, access, next);
	if (low && high) {
		move_part(low, access, value, first);
		if (first < bytes)
			move_part(high, access, (uint8_t *)value + first, bytes - first);
	}
	ntmm_tlb_leave(&thread->tlb);
	*missed = low ? next : address;
	return low && high;
}

static bool is_aligned(uint64_t address, unsigned bytes)
{
	return (bytes & (bytes - 1)) == 0 && address % bytes == 0;
}

#define MOVE(bits) \
	do { \
		uint##bits##_t word; \
		if (access == NTMM_STORE) { \
			memcpy(&word, value, sizeof word); \
			__atomic_store_n((uint##bits##_t *)cell, word, __ATOMIC_RELAXED); \
		} else { \
			word = __atomic_load_n((const uint##bits##_t *)cell, __ATOMIC_RELAXED); \
			memcpy(value, &word, sizeof word); \
		} \
	} while (0)

/* One page, aligned: in one piece. */
static bool try_whole(struct ntmm_thread *thread, ntmm_access access, uint64_t address, void *value,
                      unsigned bytes)
{
	ntmm_tlb_enter(&thread->tlb);
	void *cell = find(thread, access, address);
	if (cell && bytes == 8)
		MOVE(64);
	else if (cell && bytes == 4)
		MOVE(32);
	else if (cell && bytes == 2)
		MOVE(16);
	else if (cell)
		MOVE(8);
	ntmm_tlb_leave(&thread->tlb);
	return cell != NULL;
}

bool ntmm_thread_access(ntmm_thread *thread, ntmm_access access, uint64_t address, void *value,
                        unsigned bytes)
{
	bool whole = is_aligned(address, bytes);
	for (;;) {
		uint64_t missed = address;
		if (whole ? try_whole(thread, access, address, value, bytes)
		          : try_parts(thread, access, address, value, bytes, &missed))
			return true;
		if (!thread_fault(thread, access, missed))
			return false;
	}
}

#define EXCHANGE(bits) \
	do { \
		uint##bits##_t old = (uint##bits##_t)*expected; \
		*swapped = __atomic_compare_exchange_n((uint##bits##_t *)cell, &old, \
		                                       (uint##bits##_t)desired, false, \
		                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
		*expected = old; \
	} while (0)

static bool try_exchange(struct ntmm_thread *thread, uint64_t address, unsigned bytes,
                         uint64_t *expected, uint64_t desired, bool *swapped)
{
	ntmm_tlb_enter(&thread->tlb);
	void *cell = find(thread, NTMM_STORE, address);
	if (cell && bytes == 8)
		EXCHANGE(64);
	else if (cell && bytes == 4)
		EXCHANGE(32);
	else if (cell && bytes == 2)
		EXCHANGE(16);
	else if (cell)
		EXCHANGE(8);
	ntmm_tlb_leave(&thread->tlb);
	return cell != NULL;
}

bool ntmm_compare_exchange(ntmm_thread *thread, uint64_t address, unsigned bytes,
                           uint64_t *expected, uint64_t desired, bool *swapped)
{
	if (!is_aligned(address, bytes))
		return thread_raise(thread, STATUS_DATATYPE_MISALIGNMENT, NTMM_STORE, address);
	while (!try_exchange(thread, address, bytes, expected, desired, swapped))
		if (!thread_fault(thread, NTMM_STORE, address))
			return false;
	return true;
}
