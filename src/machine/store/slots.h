/* SPDX-License-Identifier: MIT
 *
 * Which pages of a store are free (PG-62).
 *
 * What this is: a bit a page, and above it bits that say which words are all set, level upon
 * level: the next free page is found in as many steps as there are levels, however large and full
 * the store is. The search goes on where it ended (next fit), so that what is written one after
 * the other lies in a row.
 *
 * Units: pages of one store, numbered from 1. Errors: slots_init alone can fail.
 * Threads: guarded by the pager's lock.
 */
#ifndef NTMM_MACHINE_STORE_SLOTS_H
#define NTMM_MACHINE_STORE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#define SLOT_LEVELS 5 /* 64^5 pages and more */

struct slots {
	uint32_t count; /* [1, count] can be used */
	uint32_t most;  /* what count may grow to */
	uint32_t used;  /* hold a page */
	uint32_t bad;   /* cannot hold one */
	uint32_t next;  /* where the search goes on */
	unsigned levels;
	uint64_t *level[SLOT_LEVELS]; /* bit set: used or bad; above: no free page in that word */
};

bool slots_init(struct slots *slots, uint32_t count, uint32_t most);
void slots_destroy(struct slots *slots);

/* Takes up to `wanted` pages in a row; returns how many, 0 when none is free. */
uint32_t slots_take(struct slots *slots, uint32_t wanted, uint32_t *first);
void slots_free(struct slots *slots, uint32_t page);
/* A taken page that is never to be given out again. */
void slots_lose(struct slots *slots, uint32_t page);
bool slots_is_taken(const struct slots *slots, uint32_t page);

static inline uint32_t slots_left(const struct slots *slots)
{
	return slots->count - slots->used - slots->bad;
}

#endif
