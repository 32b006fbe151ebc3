/* SPDX-License-Identifier: MIT
 *
 * Page maps begin with a top table and end with everything given back.
 */
#include <string.h>

#include <ntmm/windows.h>

#include "base/os.h"
#include "machine/pager/change.h"
#include "machine/pager/clone.h"
#include "machine/pager/fault.h"
#include "machine/pager/frames.h"
#include "machine/pager/page_map.h"
#include "machine/pager/physical.h"
#include "machine/pager/segment.h"
#include "machine/pager/shoot.h"
#include "machine/pager/table.h"

#define DEFAULT_MINIMUM 50 /* pages (WS-2) */
#define DEFAULT_MAXIMUM 345
#define FIRST_MAPS 16
/* The top table, and the tables above the shared page, which once there stay. */
#define RESIDENT_TABLES 4
#define RESIDENT_SECTION_TABLES 1
#define COMMITTED_TABLES 1 /* the top table; the space or section charges the others */
#define COMMITTED_ARENA_TABLES 4 /* those that stay, too, whatever is committed */
#define ARENA_PID 4              /* Windows' own number for the system */

static bool grow(struct pager *pager)
{
	uint32_t count = pager->map_count ? pager->map_count * 2 : FIRST_MAPS;
	struct page_map **maps = os_alloc(count * sizeof(struct page_map *));
	if (!maps)
		return false;
	if (pager->map_count)
		memcpy(maps, pager->maps, pager->map_count * sizeof(struct page_map *));
	os_free(pager->maps);
	pager->maps = maps;
	pager->map_count = count;
	return true;
}

static bool find_number(struct pager *pager, uint32_t *number)
{
	for (*number = 0; *number < pager->map_count; (*number)++)
		if (!pager->maps[*number])
			return true;
	return grow(pager);
}

static uint64_t resident_tables(const struct page_map *map)
{
	return map->segment ? RESIDENT_SECTION_TABLES : RESIDENT_TABLES;
}

static uint64_t committed_tables(const struct page_map *map)
{
	return map->stray_start != UINT64_MAX ? COMMITTED_ARENA_TABLES : COMMITTED_TABLES;
}

static NTSTATUS charge(struct page_map *map)
{
	struct pager *pager = map->pager;
	if (!ledger_charge(&pager->commit, committed_tables(map)))
		return STATUS_COMMITMENT_LIMIT;
	if (ledger_charge(&pager->resident, resident_tables(map)))
		return STATUS_SUCCESS;
	ledger_return(&pager->commit, committed_tables(map));
	return STATUS_INSUFFICIENT_RESOURCES;
}

static void uncharge(struct page_map *map)
{
	ledger_return(&map->pager->commit, committed_tables(map));
	ledger_return(&map->pager->resident, resident_tables(map));
}

/* Drops and retakes the lock. False: so many tries in a row made none, the last of them this one. */
static bool make_room(struct pager *pager, unsigned *starved)
{
	lock_drop(&pager->lock);
	NTSTATUS status = pager_make_room(pager);
	lock_take(&pager->lock);
	*starved = status ? *starved + 1 : 0;
	return *starved < STARVED_TRIES;
}

static frame_t take_root(struct pager *pager)
{
	unsigned starved = 0;
	frame_t frame = pager_take(pager, USE_TABLE);
	while (frame == NO_FRAME && make_room(pager, &starved))
		frame = pager_take(pager, USE_TABLE);
	return frame;
}

static void enlist(struct pager *pager, struct page_map *map, frame_t root)
{
	struct frame *record = frame_at(&pager->phys, root);
	record->level = MAP_LEVELS;
	record->table = map->number;
	frame_set_state(&pager->phys, root, FRAME_TABLE);
	map->root = root;
	map->tables = 1;
	pager->maps[map->number] = map;
}

static NTSTATUS add(struct pager *pager, struct page_map *map)
{
	frame_t root = take_root(pager);
	if (root == NO_FRAME)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (find_number(pager, &map->number)) {
		enlist(pager, map, root);
		return STATUS_SUCCESS;
	}
	frame_set_state(&pager->phys, root, FRAME_TABLE);
	pager_drop(pager, root);
	return STATUS_NO_MEMORY;
}

/* The table at level `level` over `page`, made if need be. NO_FRAME when there is no room. */
static frame_t table_over(struct page_map *map, uint64_t page, unsigned level)
{
	struct pager *pager = map->pager;
	struct fault fault = {.map = map, .page = page};
	unsigned starved = 0;
	for (;;) {
		struct place place = map_walk(&pager->phys, map->root, page);
		if (place.level <= level)
			return place.table;
		if (table_bring(&fault, place) == FAULT_DONE)
			continue;
		if (!make_room(pager, &starved))
			return NO_FRAME;
	}
}

/* The entry at `level` over `page` refers to a table that is not the process's. */
static NTSTATUS add_link(struct page_map *map, uint64_t page, unsigned level, struct pte table)
{
	struct phys *phys = &map->pager->phys;
	if (table_over(map, page, level) == NO_FRAME)
		return STATUS_INSUFFICIENT_RESOURCES;
	struct place place = map_walk(phys, map->root, page);
	map->links[map->link_count++] = place;
	map_set(phys, place, table);
	return STATUS_SUCCESS;
}

static NTSTATUS link_arena(struct page_map *map)
{
	const frame_t *tables = map->pager->arena_tables;
	NTSTATUS status = STATUS_SUCCESS;
	for (unsigned i = 0; i < 2 && !status; i++)
		status = add_link(map, ARENA_PAGE(i), MAP_LEVELS - 1, pte_table(tables[i]));
	return status;
}

/* The system space is in every page map (architecture, section 3); on Windows 9x, the arena is. */
static NTSTATUS add_links(struct page_map *map, bool wide)
{
	const struct pager *pager = map->pager;
	if (pager->arena)
		return link_arena(map);
	if (wide)
		return add_link(map, SYSTEM_PAGE_WIDE, MAP_LEVELS,
		                pte_system_table(pager->system_wide));
	return add_link(map, SYSTEM_PAGE_NARROW, MAP_LEVELS - 1,
	                pte_system_table(pager->system_narrow));
}

/* All are entries of one table. */
static void remove_links(struct page_map *map)
{
	for (unsigned i = 0; i < map->link_count; i++)
		map_set(&map->pager->phys, map->links[i], (struct pte){0});
	if (map->link_count)
		table_settle(map, map->links[0].table);
	map->link_count = 0;
}

/* The tables that processes have entries of stay, as if there were locked pages below them. */
static NTSTATUS pin_arena(struct page_map *map)
{
	struct pager *pager = map->pager;
	for (unsigned i = 0; i < 2; i++) {
		frame_t table = table_over(map, ARENA_PAGE(i), MAP_LEVELS - 2);
		if (table == NO_FRAME)
			return STATUS_INSUFFICIENT_RESOURCES;
		frame_at(&pager->phys, table)->locked++;
		pager->arena_tables[i] = table;
	}
	return STATUS_SUCCESS;
}

static void unpin_arena(struct page_map *map)
{
	struct pager *pager = map->pager;
	for (unsigned i = 0; i < 2; i++) {
		if (!pager->arena_tables[i])
			continue;
		frame_at(&pager->phys, pager->arena_tables[i])->locked--;
		table_settle(map, pager->arena_tables[i]);
		pager->arena_tables[i] = 0;
	}
	pager->arena = NULL;
}

static void delist(struct page_map *map)
{
	struct pager *pager = map->pager;
	lock_take(&pager->lock);
	remove_links(map);
	if (map == pager->arena)
		unpin_arena(map);
	if (map->limits.flags & QUOTA_LIMITS_HARDWS_MIN_ENABLE)
		ledger_return(&pager->resident, map->limits.minimum);
	pager->maps[map->number] = NULL;
	pager_drop(pager, map->root);
	map->root = NO_FRAME;
	map->tables = 0;
	map->translators = NULL;
	lock_drop(&pager->lock);
}

static void begin(struct page_map *map, struct pager *pager, const struct layout *layout)
{
	*map = (struct page_map){
		.pager = pager, .user_end = page_of(layout->maximum) + 1, .stray_start = UINT64_MAX};
	map->limits = (struct ws_limits){DEFAULT_MINIMUM, DEFAULT_MAXIMUM,
	                                 QUOTA_LIMITS_HARDWS_MIN_DISABLE |
	                                         QUOTA_LIMITS_HARDWS_MAX_DISABLE};
	frame_list_init(&map->resident);
	frame_list_init(&map->physical);
}

/* The top table, and what else there is from the beginning. */
static NTSTATUS create(struct page_map *map, const struct layout *layout)
{
	struct pager *pager = map->pager;
	NTSTATUS status = charge(map);
	if (status)
		return status;
	lock_take(&pager->lock);
	status = add(pager, map);
	bool added = !status;
	if (added)
		status = map == pager->arena ? pin_arena(map)
		                             : add_links(map, layout->wide_system);
	lock_drop(&pager->lock);
	if (status && added)
		delist(map);
	if (status)
		uncharge(map);
	return status;
}

NTSTATUS page_map_create(struct pager *pager, struct page_map *map, const struct layout *layout,
                         bool nx)
{
	begin(map, pager, layout);
	map->nx = nx;
	return create(map, layout);
}

NTSTATUS page_map_create_arena(struct pager *pager, struct page_map *map,
                               const struct layout *layout)
{
	begin(map, pager, layout);
	map->pid = ARENA_PID;
	map->stray_start = page_of(layout->highest + 1);
	pager->arena = map;
	NTSTATUS status = create(map, layout);
	if (status)
		pager->arena = NULL;
	return status;
}

NTSTATUS page_map_create_section(struct pager *pager, struct page_map *map,
                                 struct segment *segment)
{
	*map = (struct page_map){.pager = pager, .segment = segment, .stray_start = UINT64_MAX};
	map->user_end = segment->section.pages;
	frame_list_init(&map->resident);
	frame_list_init(&map->physical);
	NTSTATUS status = charge(map);
	if (status)
		return status;
	lock_take(&pager->lock);
	status = add(pager, map);
	lock_drop(&pager->lock);
	if (status)
		uncharge(map);
	return status;
}

void page_map_give(struct page_map *map, struct page_map *fresh, struct segment *section)
{
	struct pager *pager = map->pager;
	shoot_pause(map);
	remove_links(map);
	section->map = (struct page_map){.pager = pager,
	                                 .segment = section,
	                                 .root = map->root,
	                                 .number = fresh->number,
	                                 .user_end = map->user_end,
	                                 .stray_start = UINT64_MAX,
	                                 .resident = map->resident,
	                                 .active = map->active,
	                                 .active_peak = map->active,
	                                 .tables = map->tables};
	frame_list_init(&section->map.physical);
	map->root = fresh->root;
	map->resident = fresh->resident;
	map->active = 0;
	map->tables = fresh->tables;
	memcpy(map->links, fresh->links, sizeof map->links);
	map->link_count = fresh->link_count;
	frame_at(&pager->phys, section->map.root)->table = fresh->number;
	frame_at(&pager->phys, map->root)->table = map->number;
	pager->maps[fresh->number] = &section->map;
	ledger_return(&pager->resident, RESIDENT_TABLES - RESIDENT_SECTION_TABLES);
	shoot_resume(map);
}

void page_map_destroy(struct page_map *map)
{
	struct pager *pager = map->pager;
	pages_decommit(map, (struct range){0, map->user_end});
	physical_free_all(map);
	segment_unlink_all(map);
	clone_forget(map);
	delist(map);
	lock_take(&pager->lock);
	lost_recover(pager);
	lock_drop(&pager->lock);
	uncharge(map);
}
