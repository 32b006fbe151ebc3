/* SPDX-License-Identifier: MIT
 *
 * Entries of a range, table by table. Where there is no table, its whole span is passed over.
 */
#include "machine/pager/fault.h"
#include "machine/pager/frames.h"
#include "machine/pager/table.h"
#include "machine/pager/touch.h"
#include "machine/pager/visit.h"

static bool is_done(const struct visit *visit)
{
	return visit->done && *visit->done;
}

/* The entries of one lowest table, from `page` on; returns where the table or the range ends. */
static uint64_t visit_table(struct page_map *map, struct place place, uint64_t page, uint64_t end,
                            const struct visit *visit)
{
	uint64_t stop = min_u64(end, page - place.index + MAP_FANOUT);
	for (; page < stop && !is_done(visit); page++, place.index++, place.entry++)
		if (!pte_is_zero(pte_load(place.entry)))
			visit->entry(map, place, page, visit->context);
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
	const struct visit each = {.entry = visit, .context = context};
	for (uint64_t page = range.start; page < range.end;) {
		struct place place = map_walk(&map->pager->phys, map->root, page);
		page = place.level == 1 ? visit_table(map, place, page, range.end, &each)
		                        : after_span(place, page);
	}
}

/* Tables that cannot be had are tried again so often: each time a frame is missing costs 1. */
#define TRIES 63
#define READ_COST 21

/* Gets the table below `place` in; what it costs that it cannot be had. */
static unsigned bring_table(struct page_map *map, struct place place, uint64_t page,
                            const struct visit *visit)
{
	struct pager *pager = map->pager;
	struct fault fault = {.map = map, .page = page, .prefetch = true};
	visit->before_drop(visit->context); /* frames that were freed may be taken now */
	enum fault_outcome outcome = table_bring(&fault, place);
	unsigned cost = 0;
	if (outcome == FAULT_DONE)
		return 0;
	if (outcome == FAULT_FAILED)
		return TRIES;
	if (outcome == FAULT_WAIT) {
		lock_wait(&pager->lock, &pager->transferred);
		return 0;
	}
	lock_drop(&pager->lock);
	if (outcome == FAULT_FRAME)
		cost = pager_make_room(pager) != STATUS_SUCCESS;
	else if (fault_read(&fault))
		cost = READ_COST;
	lock_take(&pager->lock);
	return cost;
}

/* Whether no page of the span of the table below `place` but those of `range` is committed. */
static bool is_all_of_span(const struct page_map *map, struct place place, uint64_t page,
                           struct range range)
{
	if (map->segment)
		return true; /* only the end of a section drops entries */
	const struct runs *runs = &space_of_map(map)->runs;
	struct range span = {round_down(page, map_span(place.level)),
	                     min_u64(after_span(place, page), runs->whole.end)};
	struct range part = {max_u64(span.start, range.start), min_u64(span.end, range.end)};
	return runs_committed(runs, span) == runs_committed(runs, part);
}

/* A table whose entries are to go, and that cannot be read. If it has no others it goes itself, until it
 * can be read: the slots named in it are taken. Else it stays, but what it says must not come back. */
static void give_up_table(struct page_map *map, struct place place, uint64_t page,
                          struct range range)
{
	struct pager *pager = map->pager;
	slot_t slot = pte_slot(pte_load(place.entry));
	if (!is_all_of_span(map, place, page, range)) {
		map_set(&pager->phys, place, pte_spoiled(slot));
		return;
	}
	lost_add(pager, (struct lost_table){slot, place.level - 1u});
	map_set(&pager->phys, place, (struct pte){0});
	table_settle(map, place.table);
}

/* Whole, and only if it goes. */
static uint64_t visit_large(struct page_map *map, struct place place, uint64_t page,
                            const struct visit *visit)
{
	if (visit->drops) {
		visit->entry(map, place, page, visit->context);
		table_settle(map, place.table);
	}
	return after_span(place, page);
}

void visit_all_tables(struct page_map *map, struct range range, const struct visit *visit)
{
	unsigned spent = 0;
	for (uint64_t page = range.start; page < range.end && !is_done(visit);) {
		struct place place = map_walk(&map->pager->phys, map->root, page);
		struct pte pte = pte_load(place.entry);
		if (place.level == 1) {
			page = visit_table(map, place, page, range.end, visit);
			spent = 0;
		} else if (pte_is_zero(pte)) {
			page = after_span(place, page);
		} else if (place_is_large(place)) {
			page = visit_large(map, place, page, visit);
		} else if (spent < TRIES || !pte_is_paged_out(pte)) {
			spent += bring_table(map, place, page, visit);
		} else {
			if (visit->drops)
				give_up_table(map, place, page, range);
			page = after_span(place, page);
			spent = 0;
		}
	}
}

static void nothing(void *context)
{
	(void)context;
}

bool visit_bring(struct page_map *map, struct place place, uint64_t page, unsigned *spent)
{
	const struct visit visit = {.before_drop = nothing};
	if (*spent >= TRIES)
		return false;
	*spent += bring_table(map, place, page, &visit);
	return *spent < TRIES;
}
