/* SPDX-License-Identifier: MIT */
#include "machine/pager/share.h"

#include "machine/pager/age.h"
#include "machine/pager/page_lock.h"
#include "machine/pager/table.h"
#include "machine/pager/trim.h"

static struct frame *record_of(const struct page_map *map, frame_t frame)
{
	return frame_at(&map->pager->phys, frame);
}

void share_enter(struct page_map *map, struct place place, frame_t frame, prot_t prot)
{
	struct pager *pager = map->pager;
	struct frame *record = record_of(map, frame);
	table_wake(map, place.table);
	map_set(&pager->phys, place, pte_present(frame, prot, map->nx, PTE_ACCESSED));
	record->share += record->share < SHARE_MOST;
	map->active++;
	map->active_peak = max_u64(map->active_peak, map->active);
	age_count_fault(pager);
}

static void forget_entry(struct page_map *map, struct place place, uint64_t page,
                         struct shootdown *shootdown)
{
	page_unlock(map, place, FRAME_LOCKED);
	shoot_page(map, page, SHOOT_ALL, shootdown);
	map_set(&map->pager->phys, place, (struct pte){0});
	map->active--;
}

void share_leave(struct page_map *map, struct place place, uint64_t page,
                 struct shootdown *shootdown)
{
	struct pager *pager = map->pager;
	frame_t frame = pte_frame(pte_load(place.entry));
	struct frame *record = record_of(map, frame);
	forget_entry(map, place, page, shootdown);
	if (record->share == SHARE_MOST || --record->share)
		return; /* one that lost count is left to trimming */
	trim_page(pager->maps[map_owner_of(&pager->phys, frame).map], frame, shootdown);
}

/* ---- all views of a page -------------------------------------------------------------------- */

/* Where a view has the page of a section, if it is shown there now. */
static bool find_entry(const struct view *view, uint64_t page, frame_t frame, uint64_t *own,
                       struct place *place)
{
	struct page_map *map = view->map;
	uint64_t pages = range_pages(view->range);
	if (page < view->first || page - view->first >= pages)
		return false;
	*own = view->range.start + (page - view->first);
	*place = map_walk(&map->pager->phys, map->root, *own);
	struct pte pte = pte_load(place->entry);
	return place->level == 1 && pte_is_present(pte) && pte_frame(pte) == frame;
}

void share_leave_all(struct page_map *section, uint64_t page, frame_t frame,
                     struct shootdown *shootdown)
{
	struct place place;
	uint64_t own;
	for (struct view *view = section->segment->views; view; view = view->next_of_section) {
		if (!find_entry(view, page, frame, &own, &place))
			continue;
		forget_entry(view->map, place, own, shootdown);
		table_settle(view->map, place.table);
	}
	record_of(section, frame)->share = 0;
}

bool share_sample(struct page_map *section, uint64_t page, frame_t frame,
                  struct shootdown *shootdown)
{
	struct place place;
	uint64_t own;
	bool used = false;
	for (struct view *view = section->segment->views; view; view = view->next_of_section) {
		struct page_map *map = view->map;
		if (!find_entry(view, page, frame, &own, &place) ||
		    !pte_is_accessed(pte_load(place.entry)))
			continue;
		used = true;
		pte_clear_bits(place.entry, PTE_ACCESSED);
		if (map->translators)
			shoot_page(map, own, SHOOT_ALL, shootdown);
	}
	return used;
}

void share_clean(struct page_map *section, uint64_t page, frame_t frame,
                 struct shootdown *shootdown)
{
	struct place place;
	uint64_t own;
	for (struct view *view = section->segment->views; view; view = view->next_of_section) {
		if (!find_entry(view, page, frame, &own, &place) ||
		    !pte_is_dirty(pte_load(place.entry)))
			continue;
		pte_clear_bits(place.entry, PTE_DIRTY);
		shoot_page(view->map, own, SHOOT_STORE, shootdown);
	}
}

uint64_t share_count(struct page_map *section, uint64_t page, frame_t frame, uint64_t bits)
{
	struct place place;
	uint64_t own, count = 0;
	for (struct view *view = section->segment->views; view; view = view->next_of_section)
		if (find_entry(view, page, frame, &own, &place))
			count += !bits || pte_has(pte_load(place.entry), bits);
	return count;
}

/* ---- all pages of a process ----------------------------------------------------------------- */

/* The pages of one view in one table; how many left. */
static uint64_t leave_table(struct page_map *map, struct place place, uint64_t page, uint64_t end,
                            uint64_t most, struct shootdown *shootdown)
{
	uint64_t left = 0;
	for (; page < end && left < most; page++, place.index++, place.entry++) {
		struct pte pte = pte_load(place.entry);
		if (!pte_is_present(pte) || !is_shared(&map->pager->phys, place, pte_frame(pte)) ||
		    pte_locks(pte))
			continue;
		share_leave(map, place, page, shootdown);
		left++;
	}
	table_settle(map, place.table);
	return left;
}

uint64_t share_leave_process(struct page_map *map, uint64_t most, struct shootdown *shootdown)
{
	uint64_t left = 0;
	for (struct view *view = map->views; view; view = view->next) {
		for (uint64_t page = view->range.start; page < view->range.end && left < most;) {
			struct place place = map_walk(&map->pager->phys, map->root, page);
			uint64_t span = map_span(place.level + (place.level == 1));
			uint64_t end = min_u64(round_down(page, span) + span, view->range.end);
			if (place.level == 1)
				left += leave_table(map, place, page, end, most - left, shootdown);
			page = end;
		}
	}
	return left;
}
