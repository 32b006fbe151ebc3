/* SPDX-License-Identifier: MIT
 *
 * Locked pages: they stay in the working set, and their tables with them (VL-8).
 *
 * The locks of a page of the process's own are flags of its frame. A section's page may be locked by
 * several processes: each keeps its locks in its entry, and the frame is marked as long as any does.
 *
 * Conventions: pager.h. The pager's lock is held.
 */
#ifndef NTMM_MACHINE_PAGER_PAGE_LOCK_H
#define NTMM_MACHINE_PAGER_PAGE_LOCK_H

#include "machine/pager/pager.h"

/* FRAME_LOCK_ flags of the page at `place`, present. */
unsigned page_locks(const struct page_map *map, struct place place);
/* Locks the active page at `place`. STATUS_WORKING_SET_QUOTA when a limit is reached (VL-7);
 * STATUS_WAS_LOCKED when it had all bits of `how` before. */
NTSTATUS page_lock(struct page_map *map, struct place place, unsigned how);
void page_unlock(struct page_map *map, struct place place, unsigned how);

/* A locked page of a section that is copied: its locks, which the section's page loses, go to the copy.
 * The page of the process counts as locked all the time. 0: there are none. */
unsigned page_locks_take(struct page_map *map, struct place place);
void page_locks_give(struct page_map *map, struct place place, unsigned locks);

#endif
