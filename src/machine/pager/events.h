/* SPDX-License-Identifier: MIT
 *
 * Events wait in a queue until the thread that caused them holds no lock.
 *
 * Conventions: pager.h. The pager's lock is held.
 * Functions marked (0) take it themselves.
 */
#ifndef NTMM_MACHINE_PAGER_EVENTS_H
#define NTMM_MACHINE_PAGER_EVENTS_H

#include "machine/pager/pager.h"

void event_queue_push(struct pager *pager, ntmm_event event);
static inline void pager_event(struct pager *pager, const struct page_map *map,
                               ntmm_event_kind kind, uint64_t page, frame_t frame, uint32_t slot)
{
	if (pager->queue.observer)
		event_queue_push(pager, (ntmm_event){kind, map->pid, 0, address_of(page), 1,
		                                     frame == NO_FRAME ? UINT64_MAX : frame,
		                                     slot == 0 ? UINT64_MAX : slot});
}
/* (0) Calls the observer for what is queued. */
void pager_deliver(struct pager *pager);
NTSTATUS pager_observe(struct pager *pager, ntmm_observer observer, void *context);

#endif
