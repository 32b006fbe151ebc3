/* SPDX-License-Identifier: MIT
 *
 * Bringing one page in: what its entry says decides (PG-10 to PG-14, PG-40).
 */
#include "machine/pager/age.h"
#include "machine/pager/clone.h"
#include "machine/pager/events.h"
#include "machine/pager/fault.h"
#include "machine/pager/frames.h"
#include "machine/pager/page_map.h"
#include "machine/pager/share.h"
#include "machine/pager/table.h"
#include "machine/pager/trim.h"
#include "space/page_set.h"

enum fault_outcome fault_enter(struct fault *fault, struct place place, frame_t frame)
{
	struct page_map *map = fault->map;
	struct pager *pager = map->pager;
	struct frame *record = frame_at(&pager->phys, frame);
	table_wake(map, place.table);
	record->table = place.table;
	record->entry = place.index & (MAP_FANOUT - 1);
	record->level = 0;
	age_renew(pager, record);
	prot_t prot = prot_after_copy(fault->prot); /* it is the process's own */
	map_set(&pager->phys, place, pte_present(frame, prot, map->nx, PTE_ACCESSED));
	frame_set_state(&pager->phys, frame, FRAME_ACTIVE);
	ws_add(map, frame);
	age_count_fault(pager);
	fault->place = place;
	return FAULT_DONE;
}

enum fault_outcome fault_demand_zero(struct fault *fault, struct place place)
{
	struct page_map *map = fault->map;
	bool lost = pte_is_discarded(pte_load(place.entry));
	frame_t frame = table_take(map, place.table, USE_DATA);
	if (frame == NO_FRAME)
		return FAULT_FRAME;
	if (lost)
		frame_at(&map->pager->phys, frame)->flags |= FRAME_LOST;
	else if (fault->behind) /* dropped it would be the section's page again */
		frame_at(&map->pager->phys, frame)->flags |= FRAME_DIRTY;
	TALLY(fault_payer(fault), demand_zero);
	pager_event(map->pager, fault_payer(fault), NTMM_EVENT_DEMAND_ZERO, fault_payer_page(fault),
	            frame, 0);
	fault->counted = true;
	return fault_enter(fault, place, frame);
}

/* PG-13: on standby or modified, or being written: no I/O. Being read: wait (PG-44). */
static enum fault_outcome soft(struct fault *fault, struct place place, frame_t frame)
{
	struct page_map *map = fault->map;
	struct frame *record = frame_at(&map->pager->phys, frame);
	if (record->state == FRAME_READING)
		return FAULT_WAIT;
	pager_recall(record);
	if (!fault->counted) {
		TALLY(fault_payer(fault), soft);
		pager_event(map->pager, fault_payer(fault), NTMM_EVENT_SOFT,
		            fault_payer_page(fault), frame, record->slot);
		fault->counted = true;
	}
	return fault_enter(fault, place, frame);
}

/* The system's page (AS-4): no working set, no frame of the process's. */
static enum fault_outcome map_shared(struct fault *fault, struct place place)
{
	struct page_map *map = fault->map;
	table_wake(map, place.table);
	map_set(&map->pager->phys, place,
	        pte_present(map->pager->shared_page, PROT_READONLY, map->nx, PTE_ACCESSED));
	fault->place = place;
	return FAULT_DONE;
}

/* The page is in memory and may be used: note the access. The first store makes it dirty: what the
 * paging file has is worth nothing any more (PG-47). */
static enum fault_outcome touch(struct fault *fault)
{
	struct pager *pager = fault->map->pager;
	struct pte pte = pte_set_bits(fault->place.entry, PTE_ACCESSED);
	if (fault->access == NTMM_STORE && !pte_is_dirty(pte)) {
		struct frame *record = frame_at(&pager->phys, pte_frame(pte));
		if (fault->watch)
			page_set_add(fault->watch, fault->page);
		pte_set_bits(fault->place.entry, PTE_DIRTY);
		record->flags =
			(uint8_t)((record->flags | FRAME_DIRTY) & ~(FRAME_RESET | FRAME_LOST | FRAME_CLEANING));
		frame_set_priority(&pager->phys, pte_frame(pte), PRIORITY_NORMAL);
		pager_free_slot(pager, record);
	}
	return FAULT_DONE;
}

/* What a hidden section has is never written, whatever the protection. */
static bool is_store_to_clone(const struct fault *fault, struct place place)
{
	return fault->access == NTMM_STORE && fault->map->clones &&
	       clone_has(fault->map, pte_frame(pte_load(place.entry)));
}

/* The first store to a copy-on-write page that still shows the section's (PG-42). */
static bool must_copy(const struct fault *fault, struct place place)
{
	return (fault_copies(fault) || is_store_to_clone(fault, place)) &&
	       is_shared(&fault->map->pager->phys, place, pte_frame(pte_load(place.entry)));
}

static bool is_hidden(const struct page_map *map)
{
	return map->segment && map->segment->hidden;
}

/* PG-25: a page of a section that a file has the contents of. */
static bool map_has_source(const struct page_map *map, uint64_t page)
{
	return map->segment && segment_source(map->segment, page).bytes;
}

static enum fault_outcome resolve(struct fault *fault, struct place place)
{
	struct pte pte = pte_load(place.entry);
	fault->place = place;
	if (pte_is_present(pte))
		return must_copy(fault, place) ? fault_in_view(fault, place) : FAULT_DONE;
	if (fault->shared)
		return map_shared(fault, place);
	if (pte_is_transition(pte))
		return soft(fault, place, pte_frame(pte));
	if (pte_is_paged_out(pte))
		return fault_begin_read(fault, place, pte);
	if (fault->behind && pte_is_zero(pte))
		return fault_in_view(fault, place);
	if (is_hidden(fault->map) && pte_is_zero(pte))
		return FAULT_BELOW;
	if (map_has_source(fault->map, fault->page))
		return fault_begin_read(fault, place, pte);
	return fault_demand_zero(fault, place);
}

/* One attempt, from the top table down. */
static enum fault_outcome walk(struct fault *fault)
{
	struct page_map *map = fault->map;
	struct place place = map_walk(&map->pager->phys, map->root, fault->page);
	while (place.level > 1) {
		if (place_is_large(place)) {
			fault->place = place;
			return FAULT_DONE;
		}
		if (is_hidden(map) && pte_is_zero(pte_load(place.entry)))
			return FAULT_BELOW;
		enum fault_outcome outcome = table_bring(fault, place);
		if (outcome != FAULT_DONE)
			return outcome;
		place = map_walk(&map->pager->phys, map->root, fault->page);
	}
	return resolve(fault, place);
}

enum fault_outcome fault_step(struct fault *fault)
{
	enum fault_outcome outcome;
	trim_to_maximum(fault->map);
	fault->reader = fault;
	do
		outcome = walk(fault);
	while (outcome == FAULT_AGAIN);
	return outcome == FAULT_DONE ? touch(fault) : outcome;
}

void fault_abandon(struct fault *fault)
{
	struct page_map *map = fault->map;
	struct place place = map_walk(&map->pager->phys, map->root, fault->page);
	table_settle(map, place.table);
}
