/* SPDX-License-Identifier: MIT
 *
 * Locked pages (VirtualLock): they stay in the working set, and their tables with them.
 */
#include "machine/pager/page_lock.h"
#include "machine/pager/share.h"
#include "machine/pager/table.h"

#define UNLOCKABLE_PAGES 20 /* of the minimum working set (VL-7) */

static struct frame *record_at(const struct page_map *map, struct place place)
{
	return frame_at(&map->pager->phys, pte_frame(pte_load(place.entry)));
}

static bool shows_section(const struct page_map *map, struct place place)
{
	return is_shared(&map->pager->phys, place, pte_frame(pte_load(place.entry)));
}

/* The working set that the page in `record` is listed in. */
static struct page_map *home_of(const struct page_map *map, struct place place)
{
	struct pager *pager = map->pager;
	return pager->maps[map_owner_of(&pager->phys, pte_frame(pte_load(place.entry))).map];
}

unsigned page_locks(const struct page_map *map, struct place place)
{
	if (shows_section(map, place))
		return pte_locks(pte_load(place.entry));
	return record_at(map, place)->flags & FRAME_LOCKED;
}

/* Out of the list of the working set that the page is in, so that nothing trims it. */
static bool keep(struct page_map *home, struct frame *record, frame_t frame)
{
	if (!table_lock(home, record->table, 1))
		return false;
	frame_list_remove(&home->pager->phys, &home->resident, frame);
	return true;
}

static void let_go(struct page_map *home, struct frame *record, frame_t frame)
{
	table_unlock(home, record->table, 1);
	frame_list_append(&home->pager->phys, &home->resident, frame);
}

static bool keep_shared(struct page_map *map, struct place place, struct frame *record,
                        frame_t frame)
{
	if (!table_lock(map, place.table, 1))
		return false;
	if (record->flags & FRAME_LOCKED || keep(home_of(map, place), record, frame))
		return true;
	table_unlock(map, place.table, 1);
	return false;
}

/* The entry at `place` holds the section's page no more. */
static void let_go_shared(struct page_map *map, struct place place, struct frame *record,
                          frame_t frame)
{
	struct page_map *home = home_of(map, place);
	uint64_t page = map_owner_of(&map->pager->phys, frame).page;
	if (share_count(home, page, frame, PTE_LOCKED))
		return;
	record->flags &= (uint8_t)~FRAME_LOCKED;
	let_go(home, record, frame);
}

NTSTATUS page_lock(struct page_map *map, struct place place, unsigned how)
{
	frame_t frame = pte_frame(pte_load(place.entry));
	struct frame *record = record_at(map, place);
	bool shared = shows_section(map, place);
	unsigned had = page_locks(map, place);
	if (record->state == FRAME_FIXED || (had & how) == how)
		return STATUS_WAS_LOCKED;
	if (!had) {
		if (map->locked + 1 + UNLOCKABLE_PAGES > map->limits.minimum ||
		    !(shared ? keep_shared(map, place, record, frame) : keep(map, record, frame)))
			return STATUS_WORKING_SET_QUOTA;
		map->locked++;
	}
	record->flags |= (uint8_t)how;
	if (shared)
		pte_set_bits(place.entry, pte_lock_bits(how));
	return STATUS_SUCCESS;
}

void page_unlock(struct page_map *map, struct place place, unsigned how)
{
	frame_t frame = pte_frame(pte_load(place.entry));
	struct frame *record = record_at(map, place);
	bool shared = shows_section(map, place);
	unsigned had = page_locks(map, place);
	if (!(had & how))
		return;
	if (shared)
		pte_clear_bits(place.entry, pte_lock_bits(how));
	else
		record->flags &= (uint8_t)~how;
	if (had & ~how)
		return;
	map->locked--;
	if (!shared) {
		let_go(map, record, frame);
		return;
	}
	table_unlock(map, place.table, 1);
	let_go_shared(map, place, record, frame);
}

unsigned page_locks_take(struct page_map *map, struct place place)
{
	unsigned locks = page_locks(map, place);
	if (!locks)
		return 0;
	pte_clear_bits(place.entry, PTE_LOCKED);
	let_go_shared(map, place, record_at(map, place), pte_frame(pte_load(place.entry)));
	return locks;
}

/* The table above it has been locked all the time. */
void page_locks_give(struct page_map *map, struct place place, unsigned locks)
{
	if (!locks)
		return;
	record_at(map, place)->flags |= (uint8_t)locks;
	frame_list_remove(&map->pager->phys, &map->resident, pte_frame(pte_load(place.entry)));
}
