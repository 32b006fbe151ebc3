/* SPDX-License-Identifier: MIT
 *
 * Page tables come and go. A table is made when an entry in it is needed, freed when its last entry
 * becomes zero; one whose entries are all paged out is idle, and may be paged out itself. Its pages
 * were charged when what they describe was committed.
 *
 * What would be a level of its own is the chain upward: a table is an entry in the table above.
 */
#include "base/check.h"
#include "machine/pager/fault.h"
#include "machine/pager/frames.h"
#include "machine/pager/page_map.h"
#include "machine/pager/shoot.h"
#include "machine/pager/table.h"

static struct frame *record_of(const struct page_map *map, frame_t frame)
{
	return frame_at(&map->pager->phys, frame);
}

static void place_table(struct page_map *map, frame_t frame, struct place place)
{
	struct frame *record = record_of(map, frame);
	table_wake(map, place.table);
	record->table = place.table;
	record->entry = place.index & (MAP_FANOUT - 1);
	record->level = (place.level - 1u) & 7;
	map_set(&map->pager->phys, place, pte_table(frame));
}

/* Repurposing may take the last entry of any table: not of this one. */
frame_t table_take(struct page_map *map, frame_t table, enum frame_use use)
{
	table_wake(map, table);
	record_of(map, table)->resident++;
	frame_t frame = pager_take(map->pager, use);
	record_of(map, table)->resident--;
	return frame;
}

static enum fault_outcome make(struct page_map *map, struct place place)
{
	frame_t frame = table_take(map, place.table, USE_TABLE);
	if (frame == NO_FRAME)
		return FAULT_FRAME;
	place_table(map, frame, place);
	frame_set_state(&map->pager->phys, frame, FRAME_TABLE);
	map->tables++;
	return FAULT_DONE;
}

static unsigned count_entries(const struct phys *phys, frame_t table)
{
	const struct pte *entries = frame_bytes(phys, table);
	unsigned used = 0;
	for (unsigned i = 0; i < MAP_FANOUT; i++)
		used += !pte_is_zero(pte_load(&entries[i]));
	return used;
}

/* Back from standby, modified, the paging file, or on the way there. What is in a slot is worth nothing:
 * it will change. */
static enum fault_outcome bring_back(struct page_map *map, struct place place, frame_t frame)
{
	struct pager *pager = map->pager;
	struct frame *record = record_of(map, frame);
	if (record->state == FRAME_READING)
		return FAULT_WAIT;
	pager_recall(record);
	pager_free_slot(pager, record);
	table_wake(map, place.table);
	record->used = count_entries(&pager->phys, frame) & 0x3FF;
	record->resident = record->locked = 0;
	record->flags |= FRAME_DIRTY;
	map_set(&pager->phys, place, pte_table(frame));
	frame_set_state(&pager->phys, frame, FRAME_IDLE);
	map->tables++;
	ws_add(map, frame);
	return FAULT_DONE;
}

enum fault_outcome table_bring(struct fault *fault, struct place place)
{
	struct pte pte = pte_load(place.entry);
	if (pte_is_transition(pte))
		return bring_back(fault->map, place, pte_frame(pte));
	if (pte_is_spoiled(pte)) {
		fault->status = STATUS_IO_DEVICE_ERROR;
		return FAULT_FAILED;
	}
	if (pte_is_paged_out(pte))
		return fault_begin_read(fault, place, pte);
	return make(fault->map, place);
}

void table_wake(struct page_map *map, frame_t table)
{
	struct frame *record = record_of(map, table);
	if (record->state != FRAME_IDLE)
		return;
	ws_remove(map, table);
	frame_set_state(&map->pager->phys, table, FRAME_TABLE);
}

static void free_table(struct page_map *map, frame_t table)
{
	struct pager *pager = map->pager;
	struct place place = map_place_of(&pager->phys, table);
	if (record_of(map, table)->state == FRAME_IDLE)
		ws_remove(map, table);
	map_set(&pager->phys, place, (struct pte){0});
	map->tables--;
	shoot_table(map);
	pager_drop(pager, table);
	table_settle(map, place.table);
}

void table_settle(struct page_map *map, frame_t table)
{
	struct frame *record = record_of(map, table);
	if (record->level == MAP_LEVELS || record->resident || record->locked)
		return;
	if (!record->used) {
		free_table(map, table);
	} else if (record->state == FRAME_TABLE) {
		frame_set_state(&map->pager->phys, table, FRAME_IDLE);
		ws_add(map, table);
	}
}

/* The tables from `table` up to the first that has another locked page below it. */
static uint64_t tables_to_lock(struct page_map *map, frame_t table)
{
	uint64_t count = 0;
	for (; record_of(map, table)->level < MAP_LEVELS && !record_of(map, table)->locked; count++)
		table = record_of(map, table)->table;
	return count;
}

bool table_lock(struct page_map *map, frame_t table, uint64_t pages)
{
	uint64_t tables = tables_to_lock(map, table);
	if (!ledger_charge(&map->pager->resident, tables + pages))
		return false;
	map->locked_tables += tables;
	while (record_of(map, table)->level < MAP_LEVELS && record_of(map, table)->locked++ == 0)
		table = record_of(map, table)->table;
	return true;
}

void table_unlock(struct page_map *map, frame_t table, uint64_t pages)
{
	uint64_t tables = 0;
	while (record_of(map, table)->level < MAP_LEVELS && --record_of(map, table)->locked == 0) {
		table = record_of(map, table)->table;
		tables++;
	}
	map->locked_tables -= tables;
	ledger_return(&map->pager->resident, tables + pages);
}
