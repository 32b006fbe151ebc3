/* SPDX-License-Identifier: MIT
 *
 * More paging file: files are added, and grow when commit would pass the limit (CM-4, PG-63).
 *
 * (s) at most a space's lock is held. May block on I/O.
 */
#ifndef NTMM_MACHINE_PAGER_GROW_H
#define NTMM_MACHINE_PAGER_GROW_H

#include "machine/pager/pager.h"

/* The store is the pager's from then on. False when there are SLOT_FILES already. */
bool pager_add_store(struct pager *pager, struct store *store);

/* For the commit ledger: makes room in the files for `pages` pages more; context is the pager. False
 * when not all of them can be had: then little was tried, and what a full disk allowed stays. */
bool pager_grow(void *context, uint64_t pages);

#endif
