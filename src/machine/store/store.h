/* SPDX-License-Identifier: MIT
 *
 * Where pages go that are not in RAM: slots, and the operations of whatever holds them.
 *
 * A slot is a page of the store; slot 0 is never used, so that 0 can mean none. Slots are taken when a
 * page is written, not when it is committed (CM-6), in runs where possible, so that a cluster is one
 * transfer.
 *
 * Units: slots (pages). Errors: 0 or an errno value.
 * Threads: slots_ functions are guarded by the pager's lock; read and write may run at any time, in
 * parallel, on slots that their caller owns.
 */
#ifndef NTMM_MACHINE_STORE_STORE_H
#define NTMM_MACHINE_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct store;

struct store_operations {
	int (*read)(struct store *store, uint32_t slot, void *pages, uint32_t count);
	int (*write)(struct store *store, uint32_t slot, const void *pages, uint32_t count);
	void (*close)(struct store *store); /* frees the store; its contents are gone */
};

struct store {
	const struct store_operations *operations;
	uint32_t slots; /* [1, slots] can be used */
	uint32_t used;  /* hold a page, or are bad */
	uint32_t bad;   /* failed to take one */
	uint32_t next;  /* where the search goes on */
	uint64_t *map;  /* bit set: not free */
};

/* A paging file of `pages` pages; see os_file_create. *error: the errno value when it returns NULL. */
struct store *paging_file_open(const char *where, uint64_t pages, int *error);

/* For implementations: the slot map over `slots` slots. False when there is no memory. */
bool slots_init(struct store *store, uint32_t slots);
void slots_destroy(struct store *store);

/* Takes up to `wanted` slots in a row; returns how many, 0 when none is free. */
uint32_t slots_take(struct store *store, uint32_t wanted, uint32_t *first);
void slots_free(struct store *store, uint32_t slot);
/* A taken slot that cannot hold a page: never given out again. */
void slots_mark_bad(struct store *store, uint32_t slot);
bool slot_is_taken(const struct store *store, uint32_t slot);

static inline uint32_t slots_left(const struct store *store)
{
	return store->slots - store->used;
}

#endif
