/* SPDX-License-Identifier: MIT
 *
 * Writing modified pages to the paging file, a cluster at a time (PG-60).
 *
 * Conventions: pager.h. The pager's lock is held.
 * Functions marked (s) take it themselves.
 */
#ifndef NTMM_MACHINE_PAGER_WRITE_H
#define NTMM_MACHINE_PAGER_WRITE_H

#include "machine/pager/pager.h"

/* (s) Writes one cluster of modified pages, or waits for the write that is under way. Pages that became
 * clean; 0 when there are none, or none could be written: *status tells. */
uint64_t write_cluster(struct pager *pager, NTSTATUS *status);
/* (s) The same, if no write is under way and there are enough pages for it to be worth it. */
void write_behind(struct pager *pager);
/* Takes slots away from pages in memory, which then are dirty; how many. */
uint64_t write_reclaim_slots(struct pager *pager, uint64_t wanted);

#endif
