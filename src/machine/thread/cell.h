/* SPDX-License-Identifier: MIT
 *
 * What an access does with the bytes that it has found: all of an aligned word at once, or a part of
 * others.
 */
#ifndef NTMM_MACHINE_THREAD_CELL_H
#define NTMM_MACHINE_THREAD_CELL_H

#include <string.h>

#include "machine/pager/touch.h"

static inline bool is_aligned(uint64_t address, unsigned bytes)
{
	return (bytes & (bytes - 1)) == 0 && address % bytes == 0;
}

/* A part of an access, within one page. */
static inline void cell_move_part(void *cell, ntmm_access access, void *value, unsigned bytes)
{
	if (access == NTMM_STORE)
		touch_copy(cell, value, bytes);
	else
		touch_copy(value, cell, bytes);
}

#define CELL_MOVE(bits) \
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

/* 1, 2, 4 or 8 bytes, aligned: in one piece. */
static inline void cell_move(void *cell, ntmm_access access, void *value, unsigned bytes)
{
	if (bytes == 8)
		CELL_MOVE(64);
	else if (bytes == 4)
		CELL_MOVE(32);
	else if (bytes == 2)
		CELL_MOVE(16);
	else
		CELL_MOVE(8);
}

/* A compare-exchange of a cell: see ntmm_compare_exchange. */
struct exchange {
	uint64_t *expected;
	uint64_t desired;
	bool *swapped;
};

#define CELL_EXCHANGE(bits) \
	do { \
		uint##bits##_t old = (uint##bits##_t)*x->expected; \
		*x->swapped = __atomic_compare_exchange_n((uint##bits##_t *)cell, &old, \
		                                          (uint##bits##_t)x->desired, false, \
		                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
		*x->expected = old; \
	} while (0)

static inline void cell_exchange(void *cell, unsigned bytes, const struct exchange *x)
{
	if (bytes == 8)
		CELL_EXCHANGE(64);
	else if (bytes == 4)
		CELL_EXCHANGE(32);
	else if (bytes == 2)
		CELL_EXCHANGE(16);
	else
		CELL_EXCHANGE(8);
}

#endif
