/* SPDX-License-Identifier: MIT
 *
 * Large pages: 2 MB in one entry of the page map, in 512 frames that follow each other (rules LP).
 *
 * They are in no working set, and never paged: charged to the resident ledger, with the tables above.
 */
#ifndef NTMM_MACHINE_PAGER_LARGE_H
#define NTMM_MACHINE_PAGER_LARGE_H

#include "machine/pager/shoot.h"

/* As engine.large_commit. */
NTSTATUS large_commit(struct space *space, struct range range, prot_t prot);
/* The large page from `page` on, whose entry is at `place`, goes; the entry is the caller's business. The
 * pager's lock is held. */
void large_drop(struct page_map *map, struct place place, uint64_t page,
                struct shootdown *shootdown);

#endif
