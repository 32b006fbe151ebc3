/* SPDX-License-Identifier: MIT
 *
 * Frames of a process's own: AllocateUserPhysicalPages and what follows (rules AW).
 *
 * They are in no working set, and never paged: charged to the commit and the resident ledger when they
 * are given out. Mapping one makes an entry, and unmapping takes it away; no byte moves. The tables
 * above a mapped one stay, charged to the resident ledger.
 *
 * Frame numbers are the machine's. Number 0 is the system's, so it can stand for none.
 * Operations of the engine as in engine.h, and what others need to know. Conventions: pager.h.
 */
#ifndef NTMM_MACHINE_PAGER_PHYSICAL_H
#define NTMM_MACHINE_PAGER_PHYSICAL_H

#include "machine/pager/pager.h"

NTSTATUS physical_allocate(struct space *space, uint64_t *frames, uint64_t *count);
NTSTATUS physical_free(struct space *space, const uint64_t *frames, uint64_t *count);
NTSTATUS physical_map(struct space *space, const struct physical_mapping *mappings, uint64_t count);

/* Whether there is a frame of that number, and it is one of the map's own. */
static inline bool physical_is_own(const struct page_map *map, uint64_t number)
{
	const struct phys *phys = &map->pager->phys;
	return number < phys->count && phys->frames[number].state == FRAME_PHYSICAL &&
	       phys->frames[number].owner == map->number;
}

/* The entry that refers to `frame` goes with its window: it is the process's still. The pager's lock is
 * held; translations are taken away by the caller. */
void physical_unmapped(struct page_map *map, frame_t frame);
/* (0) None is mapped any more. */
void physical_free_all(struct page_map *map);

#endif
