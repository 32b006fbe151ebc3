/* SPDX-License-Identifier: MIT
 *
 * Taking pages out of working sets, least recently used first (S12, PG-50 to PG-55).
 *
 * A working set's list is in order of use as far as ages tell: age.h.
 */
#include <ntmm/windows.h>

#include "machine/pager/age.h"
#include "machine/pager/background.h"
#include "machine/pager/events.h"
#include "machine/pager/frames.h"
#include "machine/pager/page_map.h"
#include "machine/pager/share.h"
#include "machine/pager/trim.h"

static void trim_table(struct page_map *map, frame_t frame, struct place place)
{
	struct phys *phys = &map->pager->phys;
	map_set(phys, place, pte_transition(frame, PROT_READWRITE));
	shoot_table(map);
	map->tables--;
	pager_rest(map->pager, frame);
}

static void trim_data(struct page_map *map, frame_t frame, struct place place,
                      struct shootdown *shootdown)
{
	struct pager *pager = map->pager;
	struct frame *record = frame_at(&pager->phys, frame);
	struct pte pte = pte_load(place.entry);
	uint64_t page = map_owner_of(&pager->phys, frame).page;
	map_set(&pager->phys, place, pte_transition(frame, pte_prot(pte)));
	if (map->segment)
		share_leave_all(map, page, frame, shootdown);
	else
		shoot_page(map, page, SHOOT_ALL, shootdown);
	TALLY(map, trimmed);
	pager_event(pager, map, NTMM_EVENT_TRIM, page, frame, record->slot);
	pager_rest(pager, frame);
}

void trim_page(struct page_map *map, frame_t frame, struct shootdown *shootdown)
{
	struct place place = map_place_of(&map->pager->phys, frame);
	ws_remove(map, frame);
	if (frame_at(&map->pager->phys, frame)->level)
		trim_table(map, frame, place);
	else
		trim_data(map, frame, place, shootdown);
}

/* The pages of a section are those of the processes that show it, by their minimum, too: else they would be the
 * first to go, however much they are used. */
static bool is_above_minimum(const struct page_map *map)
{
	if (!map->segment)
		return map->active > map->limits.minimum;
	for (const struct view *view = map->segment->views; view; view = view->next_of_section)
		if (is_above_minimum(view->map))
			return true;
	return !map->segment->views;
}

/* How long ago the least recently used page of the map was seen; 0: it has none to give. */
static uint32_t oldest_age(const struct page_map *map, bool below_minimum)
{
	const struct pager *pager = map->pager;
	bool hard = map->limits.flags & QUOTA_LIMITS_HARDWS_MIN_ENABLE;
	if (map->resident.first == NO_FRAME ||
	    ((hard || !below_minimum) && !is_above_minimum(map)))
		return 0;
	const struct frame *record = frame_at(&pager->phys, map->resident.first);
	return record->level ? UINT32_MAX : frame_age(pager, record) + 1u;
}

static struct page_map *oldest_map(struct pager *pager, bool below_minimum)
{
	struct page_map *oldest = NULL;
	uint32_t age = 0;
	for (uint32_t i = 0; i < pager->map_count; i++) {
		struct page_map *map = pager->maps[i];
		if (map && oldest_age(map, below_minimum) > age) {
			age = oldest_age(map, below_minimum);
			oldest = map;
		}
	}
	return oldest;
}

uint64_t trim_oldest(struct pager *pager, uint64_t pages)
{
	struct shootdown shootdown = {0};
	uint64_t trimmed = 0, chances = pages;
	while (trimmed < pages) {
		struct page_map *map = oldest_map(pager, false);
		if (!map)
			map = oldest_map(pager, true);
		if (!map)
			break;
		if (chances && age_look(map, map->resident.first, &shootdown)) {
			chances--; /* it was used just now */
			continue;
		}
		trim_page(map, map->resident.first, &shootdown);
		trimmed++;
	}
	shoot_wait(&shootdown);
	return trimmed;
}

uint64_t trim_all(struct page_map *map)
{
	struct shootdown shootdown = {0};
	uint64_t count = map->resident.count + share_leave_process(map, UINT64_MAX, &shootdown);
	while (map->resident.first != NO_FRAME)
		trim_page(map, map->resident.first, &shootdown);
	shoot_wait(&shootdown);
	background_nudge(map->pager);
	return count;
}

void trim_to_maximum(struct page_map *map)
{
	if (!(map->limits.flags & QUOTA_LIMITS_HARDWS_MAX_ENABLE))
		return;
	struct shootdown shootdown = {0};
	while (map->active >= map->limits.maximum && map->resident.first != NO_FRAME)
		trim_page(map, map->resident.first, &shootdown);
	if (map->active >= map->limits.maximum)
		share_leave_process(map, map->active - map->limits.maximum + 1, &shootdown);
	shoot_wait(&shootdown);
}
