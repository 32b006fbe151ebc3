/* SPDX-License-Identifier: MIT
 *
 * Entries of a range, table by table. Where there is no table, its whole span is passed over.
 */
#include "machine/pager/fault.h"
#include "machine/pager/frames.h"
#include "machine/pager/table.h"
#include "machine/pager/visit.h"

/* The entries of one lowest table, from `page` on; returns where the table or the range ends. */
static uint64_t visit_table(struct page_map *map, struct place place, uint64_t page, uint64_t end,
                            entry_visitor visit, void *context)
{
	uint64_t stop = min_u64(end, page - place.index + MAP_FANOUT);
	for (; page < stop; page++, place.index++, place.entry++)
		if (!pte_is_zero(pte_load(place.entry)))
			visit(map, place, page, context);
	table_settle(map, place.table);
	return stop;
}

static uint64_t after_span(struct place place, uint64_t page)
{
	return round_down(page, map_span(place.level)) + map_span(place.level);
}

void visit_present_tables(struct page_map *map, struct range range, entry_visitor visit,
                          void *context)
{
	for (uint64_t page = range.start; page < range.end;) {
		struct place place = map_walk(&map->pager->phys, map->root, page);
		page = place.level == 1 ? visit_table(map, place, page, range.end, visit, context)
		                        : after_span(place, page);
	}
}

#define READ_TRIES 3

/* Gets the table below `place` in. False when it cannot be read. */
static bool bring_table(struct page_map *map, struct place place, uint64_t page,
                        void (*before_drop)(void *context), void *context)
{
	struct pager *pager = map->pager;
	struct fault fault = {.map = map, .page = page, .prefetch = true};
	before_drop(context); /* frames that were freed may be taken now */
	enum fault_outcome outcome = table_bring(&fault, place);
	if (outcome == FAULT_DONE)
		return true;
	if (outcome == FAULT_WAIT) {
		lock_wait(&pager->lock, &pager->transferred);
		return true;
	}
	lock_drop(&pager->lock);
	bool fine = outcome == FAULT_FRAME ? !pager_make_room(pager) : !fault_read(&fault);
	lock_take(&pager->lock);
	return fine;
}

/* A table that cannot be read is given up where all its pages are meant: what the slots named in it
 * hold is lost with it, and so are they. Else it stays, and its pages cannot be touched. */
static void give_up_table(struct page_map *map, struct place place, uint64_t page,
                          struct range range)
{
	struct pager *pager = map->pager;
	struct pte pte = pte_load(place.entry);
	uint64_t start = round_down(page, map_span(place.level)), end = after_span(place, page);
	if (!pte_is_paged_out(pte) || start < range.start ||
	    (end > range.end && range.end < map->user_end))
		return;
	slots_free(pager->store, pte_slot(pte));
	map_set(&pager->phys, place, (struct pte){0});
	table_settle(map, place.table);
}

void visit_all_tables(struct page_map *map, struct range range, entry_visitor visit,
                      void (*before_drop)(void *context), void *context)
{
	unsigned failures = 0;
	for (uint64_t page = range.start; page < range.end;) {
		struct place place = map_walk(&map->pager->phys, map->root, page);
		if (place.level == 1) {
			page = visit_table(map, place, page, range.end, visit, context);
			failures = 0;
		} else if (pte_is_zero(pte_load(place.entry))) {
			page = after_span(place, page);
		} else if (failures == READ_TRIES) {
			give_up_table(map, place, page, range);
			page = after_span(place, page);
			failures = 0;
		} else {
			failures += !bring_table(map, place, page, before_drop, context);
		}
	}
}
