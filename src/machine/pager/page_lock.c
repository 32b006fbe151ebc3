/* SPDX-License-Identifier: MIT
 *
 * Locked pages (VirtualLock): they stay in the working set, and their tables with them.
 */
#include "machine/pager/page_lock.h"
#include "machine/pager/table.h"

#define UNLOCKABLE_PAGES 20 /* of the minimum working set (VL-7) */

NTSTATUS page_lock(struct page_map *map, struct place place, unsigned how)
{
	struct phys *phys = &map->pager->phys;
	frame_t frame = pte_frame(pte_load(place.entry));
	struct frame *record = frame_at(phys, frame);
	if (record->state == FRAME_FIXED || (record->flags & how) == how)
		return STATUS_WAS_LOCKED;
	if (!(record->flags & FRAME_LOCKED)) {
		if (map->locked + 1 + UNLOCKABLE_PAGES > map->limits.minimum ||
		    !table_lock(map, place.table))
			return STATUS_WORKING_SET_QUOTA;
		frame_list_remove(phys, &map->resident, frame);
		map->locked++;
	}
	record->flags |= (uint8_t)how;
	return STATUS_SUCCESS;
}

void page_unlock(struct page_map *map, frame_t frame, unsigned how)
{
	struct phys *phys = &map->pager->phys;
	struct frame *record = frame_at(phys, frame);
	if (!(record->flags & FRAME_LOCKED))
		return;
	record->flags &= (uint8_t)~how;
	if (record->flags & FRAME_LOCKED)
		return;
	map->locked--;
	table_unlock(map, record->table);
	frame_list_append(phys, &map->resident, frame);
}
