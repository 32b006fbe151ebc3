/* SPDX-License-Identifier: MIT
 *
 * Accesses that the inline functions of thread.h leave over: misses, misaligned ones, those that
 * cross into the next page, compare-exchange.
 */
#include <string.h>

#include "machine/thread/thread.h"

static uint64_t page_address(uint64_t address)
{
	return address & ~(PAGE_BYTES - 1);
}

static uint64_t tag_of(const struct ntmm_tlb_line *line, ntmm_access access)
{
	const uint64_t *tag = access == NTMM_LOAD    ? &line->load
	                      : access == NTMM_STORE ? &line->store
	                                             : &line->fetch;
	return __atomic_load_n(tag, NTMM_TLB_ORDER);
}

static struct ntmm_tlb_line *hit(struct ntmm_thread *thread, ntmm_access access, uint64_t address)
{
	struct ntmm_tlb_line *line = ntmm_tlb_line_of(&thread->tlb, address);
	return tag_of(line, access) == page_address(address) ? line : NULL;
}

static uint8_t *host_of(const struct ntmm_tlb_line *line, uint64_t address)
{
	return (uint8_t *)(uintptr_t)(line->addend + address);
}

/* A part of an access, within one page. */
static void move_part(const struct ntmm_tlb_line *line, ntmm_access access, uint64_t address,
                      void *value, unsigned bytes)
{
	if (access == NTMM_STORE)
		touch_copy(host_of(line, address), value, bytes);
	else
		touch_copy(value, host_of(line, address), bytes);
}

/* Does the access if both its pages can be had at once; else says which address missed. */
static bool try_parts(struct ntmm_thread *thread, ntmm_access access, uint64_t address, void *value,
                      unsigned bytes, uint64_t *missed)
{
	unsigned first = (unsigned)min_u64(bytes, PAGE_BYTES - address % PAGE_BYTES);
	uint64_t next = address + first;
	ntmm_tlb_enter(&thread->tlb);
	struct ntmm_tlb_line *low = hit(thread, access, address);
	struct ntmm_tlb_line *high = first == bytes ? low : hit(thread, access, next);
	if (low && high) {
		move_part(low, access, address, value, first);
		if (first < bytes)
			move_part(high, access, next, (uint8_t *)value + first, bytes - first);
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
		uint##bits##_t *cell = (uint##bits##_t *)(void *)host_of(line, address); \
		uint##bits##_t word; \
		if (access == NTMM_STORE) { \
			memcpy(&word, value, sizeof word); \
			__atomic_store_n(cell, word, __ATOMIC_RELAXED); \
		} else { \
			word = __atomic_load_n(cell, __ATOMIC_RELAXED); \
			memcpy(value, &word, sizeof word); \
		} \
	} while (0)

/* One page, aligned: in one piece. */
static bool try_whole(struct ntmm_thread *thread, ntmm_access access, uint64_t address, void *value,
                      unsigned bytes)
{
	ntmm_tlb_enter(&thread->tlb);
	struct ntmm_tlb_line *line = hit(thread, access, address);
	if (line && bytes == 8)
		MOVE(64);
	else if (line && bytes == 4)
		MOVE(32);
	else if (line && bytes == 2)
		MOVE(16);
	else if (line)
		MOVE(8);
	ntmm_tlb_leave(&thread->tlb);
	return line != NULL;
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
		uint##bits##_t *cell = (uint##bits##_t *)(void *)host_of(line, address); \
		uint##bits##_t old = (uint##bits##_t)*expected; \
		*swapped = __atomic_compare_exchange_n(cell, &old, (uint##bits##_t)desired, false, __ATOMIC_SEQ_CST, \
		                                       __ATOMIC_SEQ_CST); \
		*expected = old; \
	} while (0)

static bool try_exchange(struct ntmm_thread *thread, uint64_t address, unsigned bytes,
                         uint64_t *expected, uint64_t desired, bool *swapped)
{
	ntmm_tlb_enter(&thread->tlb);
	struct ntmm_tlb_line *line = hit(thread, NTMM_STORE, address);
	if (line && bytes == 8)
		EXCHANGE(64);
	else if (line && bytes == 4)
		EXCHANGE(32);
	else if (line && bytes == 2)
		EXCHANGE(16);
	else if (line)
		EXCHANGE(8);
	ntmm_tlb_leave(&thread->tlb);
	return line != NULL;
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
