/* SPDX-License-Identifier: MIT
 *
 * Large pages come and go. A block of frames for one is looked for among the free ones; then blocks are
 * emptied, by trimming what is in them and writing it out.
 */
#include "machine/pager/large.h"

#include "machine/pager/change.h"
#include "machine/pager/fault.h"
#include "machine/pager/frames.h"
#include "machine/pager/table.h"
#include "machine/pager/touch.h"
#include "machine/pager/trim.h"
#include "machine/pager/write.h"

#define TRIES 64 /* to get a table; to empty blocks */

/* ---- blocks of frames ------------------------------------------------------------------------ */

static frame_t last_block(const struct phys *phys)
{
	return (frame_t)round_down(phys->count, LARGE_PAGES);
}

static frame_t find_free_block(const struct phys *phys)
{
	for (frame_t first = last_block(phys);; first -= (frame_t)LARGE_PAGES) {
		if (phys_block_is_free(phys, first))
			return first;
		if (!first)
			return NO_FRAME;
	}
}

/* Whether the page in the frame could leave it. */
static bool can_leave(const struct frame *record)
{
	switch ((enum frame_state)record->state) {
	case FRAME_FREE:
	case FRAME_ZEROED:
	case FRAME_STANDBY:
	case FRAME_MODIFIED:
	case FRAME_WRITING:
	case FRAME_IDLE:
	case FRAME_ZEROING:
		return true;
	case FRAME_ACTIVE:
		return !(record->flags & FRAME_LOCKED) && !record->held;
	default:
		return false;
	}
}

/* Takes what is in the frame out of its working set, and out of the frame if it is clean. */
static void make_leave(struct pager *pager, frame_t frame, struct shootdown *shootdown)
{
	enum frame_state state = frame_at(&pager->phys, frame)->state;
	if (state == FRAME_ACTIVE || state == FRAME_IDLE)
		trim_page(pager->maps[map_owner_of(&pager->phys, frame).map], frame, shootdown);
}

static bool could_be_emptied(const struct phys *phys, frame_t first)
{
	if (first + LARGE_PAGES > phys->count)
		return false;
	for (frame_t frame = first; frame < first + LARGE_PAGES; frame++)
		if (!can_leave(frame_at(phys, frame)))
			return false;
	return true;
}

static void empty_block(struct pager *pager, frame_t first)
{
	struct shootdown shootdown = {0};
	for (frame_t frame = first; frame < first + LARGE_PAGES; frame++)
		make_leave(pager, frame, &shootdown);
	shoot_wait(&shootdown);
	for (frame_t frame = first; frame < first + LARGE_PAGES; frame++)
		if (frame_at(&pager->phys, frame)->state == FRAME_STANDBY)
			pager_repurpose(pager, frame);
}

/* False: there is none that could be. */
static bool empty_some_block(struct pager *pager)
{
	for (frame_t first = last_block(&pager->phys);; first -= (frame_t)LARGE_PAGES) {
		if (could_be_emptied(&pager->phys, first)) {
			empty_block(pager, first);
			return true;
		}
		if (!first)
			return false;
	}
}

/* The lock is dropped to write modified pages out. */
static frame_t take_block(struct pager *pager)
{
	NTSTATUS status = STATUS_SUCCESS;
	for (unsigned tries = 0; tries < TRIES; tries++) {
		frame_t first = find_free_block(&pager->phys);
		if (first != NO_FRAME) {
			shoot_walkers(pager);
			phys_take_block(&pager->phys, first);
			return first;
		}
		if (!empty_some_block(pager))
			return NO_FRAME;
		lock_drop(&pager->lock);
		while (write_cluster(pager, &status))
			;
		lock_take(&pager->lock);
		empty_some_block(pager);
	}
	return NO_FRAME;
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* The table for the entry of a large page. The lock may be dropped. */
static NTSTATUS bring_table(struct page_map *map, uint64_t page, struct place *place)
{
	struct fault fault = {.map = map, .page = page, .prefetch = true};
	struct pager *pager = map->pager;
	for (unsigned tries = 0; tries < TRIES; tries++) {
		*place = map_walk(&pager->phys, map->root, page);
		if (place->level <= 2)
			break;
		enum fault_outcome outcome = table_bring(&fault, *place);
		if (outcome == FAULT_WAIT)
			lock_wait(&pager->lock, &pager->transferred);
		if (outcome == FAULT_DONE || outcome == FAULT_WAIT)
			continue;
		lock_drop(&pager->lock);
		if (outcome == FAULT_READ)
			fault_read(&fault);
		else
			pager_make_room(pager);
		lock_take(&pager->lock);
	}
	bool found = place->level == 2 && pte_is_zero(pte_load(place->entry));
	return found ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static void enter(struct page_map *map, struct place place, frame_t first, prot_t prot)
{
	struct phys *phys = &map->pager->phys;
	for (frame_t frame = first; frame < first + LARGE_PAGES; frame++) {
		struct frame *record = frame_at(phys, frame);
		frame_set_state(phys, frame, FRAME_LARGE);
		record->table = place.table;
		record->entry = place.index & (MAP_FANOUT - 1);
		record->level = 1;
		record->owner = map->number & INT32_MAX;
	}
	table_wake(map, place.table);
	map_set(phys, place, pte_large(first, prot, map->nx));
	map->large++;
}

static void give_block_back(struct pager *pager, frame_t first)
{
	for (frame_t frame = first; frame < first + LARGE_PAGES; frame++) {
		frame_set_state(&pager->phys, frame, FRAME_LARGE);
		pager_drop(pager, frame);
	}
}

/* First the frames, which may take long, then the table, so that it is there when the entry is made. */
static NTSTATUS commit_one(struct page_map *map, uint64_t page, prot_t prot)
{
	struct place place;
	frame_t first = take_block(map->pager);
	if (first == NO_FRAME)
		return STATUS_INSUFFICIENT_RESOURCES;
	NTSTATUS status = bring_table(map, page, &place);
	if (!status && table_lock(map, place.table, LARGE_PAGES)) {
		enter(map, place, first, prot);
		return STATUS_SUCCESS;
	}
	give_block_back(map->pager, first);
	table_settle(map, map_walk(&map->pager->phys, map->root, page).table);
	return STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS large_commit(struct space *space, struct range range, prot_t prot)
{
	struct page_map *map = &machine_process_of(space)->map;
	NTSTATUS status = STATUS_SUCCESS;
	uint64_t page = range.start;
	lock_take(&map->pager->lock);
	for (; page < range.end && !status; page += LARGE_PAGES)
		status = commit_one(map, page, prot);
	lock_drop(&map->pager->lock);
	if (status)
		pages_decommit(map, (struct range){range.start, page - LARGE_PAGES});
	return status;
}

void large_drop(struct page_map *map, struct place place, uint64_t page,
                struct shootdown *shootdown)
{
	frame_t first = pte_frame(pte_load(place.entry));
	for (uint64_t n = 0; n < LARGE_PAGES; n++) {
		shoot_page(map, page + n, SHOOT_ALL, shootdown);
		pager_drop(map->pager, first + (frame_t)n);
	}
	table_unlock(map, place.table, LARGE_PAGES);
	map->large--;
}
