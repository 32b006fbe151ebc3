/* SPDX-License-Identifier: MIT
 *
 * Membership in working sets. Locked pages are members, but stand in no list: nothing trims them.
 */
#include "machine/pager/page_map.h"

void ws_add(struct page_map *map, frame_t frame)
{
	struct phys *phys = &map->pager->phys;
	frame_list_append(phys, &map->resident, frame);
	if (frame_at(phys, frame)->level)
		return;
	map->active++;
	map->active_peak = max_u64(map->active_peak, map->active);
}

void ws_remove(struct page_map *map, frame_t frame)
{
	struct phys *phys = &map->pager->phys;
	struct frame *record = frame_at(phys, frame);
	if (!(record->flags & FRAME_LOCKED))
		frame_list_remove(phys, &map->resident, frame);
	if (!record->level)
		map->active--;
}
