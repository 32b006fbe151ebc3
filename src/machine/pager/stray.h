/* SPDX-License-Identifier: MIT
 *
 * Stores to the system's memory of a Windows 9x, which nothing prevents (S8e): each is counted, for the
 * process that made it, and reported.
 *
 * Conventions: pager.h. The pager's lock is held.
 */
#ifndef NTMM_MACHINE_PAGER_STRAY_H
#define NTMM_MACHINE_PAGER_STRAY_H

#include "machine/pager/events.h"
#include "machine/pager/fault.h"

/* The fault is for a store to `address` on. */
static inline void stray_note(const struct fault *fault, uint64_t address)
{
	struct page_map *payer = fault_payer(fault);
	struct pager *pager = payer->pager;
	TALLY(payer, stray_writes);
	if (pager->queue.observer)
		event_queue_push(pager, (ntmm_event){NTMM_EVENT_STRAY_WRITE, payer->pid, 0, address, 1,
		                                     pte_frame(pte_load(fault->place.entry)),
		                                     UINT64_MAX});
}

#endif
