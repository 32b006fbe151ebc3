/* SPDX-License-Identifier: MIT
 *
 * The paging files of a machine: up to 16 stores, and their slots (PG-62).
 *
 * Slots are taken when a page is written, not when it is committed (CM-6), in a row where
 * possible, so that a cluster is one transfer: from the file that fails least, then from the one
 * with most room. One take in 16 goes the other way, so that what is wrong with a file is soon
 * known: it works again, or has failed for good after STORE_PATIENCE writes in a row. A file that
 * has failed for good is still read.
 *
 * What the files can keep is in the commit limit, and changes it: pages added, lost, or of a file
 * that failed for good.
 *
 * Units: slots. Errors: 0 or an errno value. Threads: guarded by the pager's lock, except
 * stores_read and stores_write, which may block on I/O.
 */
#ifndef NTMM_MACHINE_STORE_STORES_H
#define NTMM_MACHINE_STORE_STORES_H

#include "machine/store/slot.h"
#include "machine/store/store.h"
#include "space/charge.h"

#define STORE_PATIENCE 64 /* failed writes in a row, after which a store is given up */

struct stores {
	struct ledger *commit;
	uint32_t count;
	uint32_t takes; /* so far */
	struct store *store[SLOT_FILES];
};

/* There are less than SLOT_FILES. */
void stores_add(struct stores *stores, struct store *store);
/* After store_grow: there are `count` pages now. */
void stores_grown(struct stores *stores, struct store *store, uint32_t count);
void stores_close(struct stores *stores);

/* Takes up to `wanted` slots in a row; returns how many, 0 when none is free. */
uint32_t stores_take(struct stores *stores, uint32_t wanted, slot_t *first);
void stores_free(struct stores *stores, slot_t slot);
/* A taken slot that cannot hold a page: never given out again. */
void stores_lose(struct stores *stores, slot_t slot);
bool stores_is_taken(const struct stores *stores, slot_t slot);
/* Whether a freed slot of that file can be taken again. */
bool stores_can_write(const struct stores *stores, slot_t slot);

int stores_read(const struct stores *stores, slot_t first, void *pages, uint32_t count);
int stores_write(const struct stores *stores, slot_t first, const void *pages, uint32_t count);
/* How the last write went. */
void stores_note_write(struct stores *stores, slot_t first, uint32_t count, int error);

/* Slots that are free, or hold a page. */
uint64_t stores_usable(const struct stores *stores);
uint64_t stores_used(const struct stores *stores);
uint64_t stores_left(const struct stores *stores);

#endif
