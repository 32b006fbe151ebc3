/* SPDX-License-Identifier: MIT
 *
 * Locked pages: they stay in the working set, and their tables with them (VL-8).
 *
 * Conventions: pager.h. The pager's lock is held.
 */
#ifndef NTMM_MACHINE_PAGER_PAGE_LOCK_H
#define NTMM_MACHINE_PAGER_PAGE_LOCK_H

#include "machine/pager/pager.h"

/* Locks the active page at `place`. STATUS_WORKING_SET_QUOTA when a limit is reached (VL-7);
 * STATUS_WAS_LOCKED when it had all bits of `how` before. */
NTSTATUS page_lock(struct page_map *map, struct place place, unsigned how);
void page_unlock(struct page_map *map, frame_t frame, unsigned how);

#endif
