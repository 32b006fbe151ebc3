/* SPDX-License-Identifier: MIT
 *
 * Mapping frames of a process's own into its windows: MapUserPhysicalPages (AW-4, AW-5).
 *
 *      1 the tables are brought in, which may take I/O: until all are there at once
 *      2 the frames are looked at, and the tables locked: either may fail, and is undone
 *      3 the entries are changed, in order
 *
 * From the end of 1 on the pager's lock is held, so nothing in between can be seen.
 * A page is a member of `mapped` as long as its table is locked on its behalf.
 */
#include "machine/pager/fault.h"
#include "machine/pager/frames.h"
#include "machine/pager/physical.h"
#include "machine/pager/shoot.h"
#include "machine/pager/table.h"
#include "machine/pager/touch.h"

#define TRIES 64 /* to have all tables in memory at once; to get one */

struct mapping {
	struct space *space;
	struct page_map *map;
	const struct physical_mapping *list;
	uint64_t count;
	struct place place; /* the last one; table NO_FRAME: none, or it may be gone */
	uint64_t page;      /* its page */
	struct shootdown shootdown;
};

/* ---- tables ---------------------------------------------------------------------------------- */

/* What table_bring asks for; the lock is dropped meanwhile. */
static NTSTATUS serve(struct fault *fault, enum fault_outcome outcome)
{
	struct pager *pager = fault->map->pager;
	NTSTATUS status = STATUS_SUCCESS;
	if (outcome == FAULT_FAILED)
		return fault->status;
	if (outcome == FAULT_WAIT) {
		lock_wait(&pager->lock, &pager->transferred);
		return STATUS_SUCCESS;
	}
	lock_drop(&pager->lock);
	if (outcome == FAULT_READ)
		status = fault_read(fault);
	else
		pager_make_room(pager);
	lock_take(&pager->lock);
	return status;
}

static NTSTATUS bring_tables_over(struct page_map *map, uint64_t page, bool *dropped)
{
	struct fault fault = {.map = map, .page = page, .prefetch = true};
	for (unsigned tries = 0; tries < TRIES;) {
		struct place place = map_walk(&map->pager->phys, map->root, page);
		if (place.level == 1)
			return STATUS_SUCCESS;
		enum fault_outcome outcome = table_bring(&fault, place);
		if (outcome == FAULT_DONE)
			continue;
		*dropped = true;
		tries += outcome == FAULT_FRAME;
		NTSTATUS status = serve(&fault, outcome);
		if (status)
			return status;
	}
	return STATUS_INSUFFICIENT_RESOURCES;
}

static bool is_to_map(const struct physical_mapping *mapping)
{
	return mapping->frame != PHYSICAL_NONE;
}

/* Every table that an entry is to be made in, once; whether the lock was dropped for one. */
static NTSTATUS bring_each(struct mapping *m, bool *dropped)
{
	uint64_t last = UINT64_MAX;
	*dropped = false;
	for (uint64_t i = 0; i < m->count; i++) {
		uint64_t span = m->list[i].page / MAP_FANOUT;
		if (span == last || !is_to_map(&m->list[i]))
			continue;
		last = span;
		NTSTATUS status = bring_tables_over(m->map, m->list[i].page, dropped);
		if (status)
			return status;
	}
	return STATUS_SUCCESS;
}

/* A table that was brought in may leave while another is waited for. */
static NTSTATUS bring_tables(struct mapping *m)
{
	bool dropped = true;
	NTSTATUS status = STATUS_SUCCESS;
	for (unsigned tries = 0; dropped && tries < TRIES && !status; tries++)
		status = bring_each(m, &dropped);
	if (status)
		return status;
	return dropped ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

/* Tables that were brought in for nothing. */
static void settle_tables(struct mapping *m)
{
	for (uint64_t i = 0; i < m->count; i++) {
		struct place place =
			map_walk(&m->map->pager->phys, m->map->root, m->list[i].page);
		table_settle(m->map, place.table);
	}
}

/* ---- looking --------------------------------------------------------------------------------- */

/* Level 1 only where the table is in memory; tables stay as they are between two calls. */
static struct place place_of(struct mapping *m, uint64_t page)
{
	if (m->place.table != NO_FRAME && m->place.level == 1 &&
	    page / MAP_FANOUT == m->page / MAP_FANOUT) {
		uint16_t index = page % MAP_FANOUT;
		m->place.entry += index - m->place.index;
		m->place.index = index;
	} else {
		m->place = map_walk(&m->map->pager->phys, m->map->root, page);
	}
	m->page = page;
	return m->place;
}

static struct pte entry_of(struct place place)
{
	return place.level == 1 ? pte_load(place.entry) : (struct pte){0};
}

static struct page_set *mapped_at(const struct mapping *m, uint64_t page)
{
	return vad_mapped(space_run(m->space, address_of(page)).vad);
}

static bool may_map(const struct mapping *m, const struct physical_mapping *mapping)
{
	const struct phys *phys = &m->map->pager->phys;
	if (!physical_is_own(m->map, mapping->frame))
		return false;
	frame_t frame = (frame_t)mapping->frame;
	const struct frame *record = frame_at(phys, frame);
	return !record->named && (record->table == NO_FRAME ||
	                          map_owner_of(phys, frame).page == mapping->page); /* AW-8 */
}

/* AW-4: each frame once. */
static NTSTATUS check_frames(const struct mapping *m)
{
	struct frame *frames = m->map->pager->phys.frames;
	uint64_t seen = 0;
	for (; seen < m->count; seen++) {
		if (!is_to_map(&m->list[seen]))
			continue;
		if (!may_map(m, &m->list[seen]))
			break;
		frames[m->list[seen].frame].named = true;
	}
	for (uint64_t i = 0; i < seen; i++)
		if (is_to_map(&m->list[i]))
			frames[m->list[i].frame].named = false;
	return seen == m->count ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER_3;
}

/* Unlocks the tables of pages that have no frame after all. */
static void unlock_tables(struct mapping *m, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t page = m->list[i].page;
		struct place place = place_of(m, page);
		struct page_set *mapped = mapped_at(m, page);
		if (!pte_is_zero(entry_of(place)) || !page_set_has(mapped, page))
			continue;
		page_set_remove(mapped, (struct range){page, page + 1});
		table_unlock(m->map, place.table, 0);
	}
}

static NTSTATUS lock_tables(struct mapping *m)
{
	for (uint64_t i = 0; i < m->count; i++) {
		uint64_t page = m->list[i].page;
		struct page_set *mapped = mapped_at(m, page);
		if (!is_to_map(&m->list[i]) || page_set_has(mapped, page))
			continue;
		if (!table_lock(m->map, place_of(m, page).table, 0)) {
			unlock_tables(m, i);
			return STATUS_INSUFFICIENT_RESOURCES;
		}
		page_set_add(mapped, page);
	}
	return STATUS_SUCCESS;
}

/* ---- changing -------------------------------------------------------------------------------- */

static void enter_frame(struct mapping *m, frame_t frame, struct place place)
{
	struct phys *phys = &m->map->pager->phys;
	struct frame *record = frame_at(phys, frame);
	table_wake(m->map, place.table);
	record->table = place.table;
	record->entry = place.index & (MAP_FANOUT - 1);
	map_set(phys, place,
	        pte_present(frame, PROT_READWRITE, m->map->nx, PTE_ACCESSED | PTE_DIRTY));
}

/* Whether some page lost its frame. */
static bool change_entries(struct mapping *m)
{
	struct phys *phys = &m->map->pager->phys;
	bool unmapped = false;
	for (uint64_t i = 0; i < m->count; i++) {
		struct place place = place_of(m, m->list[i].page);
		struct pte old = entry_of(place);
		if (pte_is_present(old))
			frame_at(phys, pte_frame(old))->table = NO_FRAME;
		if (is_to_map(&m->list[i])) {
			enter_frame(m, (frame_t)m->list[i].frame, place);
		} else if (pte_is_present(old)) {
			map_set(phys, place, (struct pte){0});
			unmapped = true;
		}
		if (pte_is_present(old))
			shoot_page(m->map, m->list[i].page, SHOOT_ALL, &m->shootdown);
	}
	shoot_wait(&m->shootdown);
	return unmapped;
}

static NTSTATUS map_all(struct mapping *m)
{
	NTSTATUS status = bring_tables(m);
	if (!status)
		status = check_frames(m);
	if (!status)
		status = lock_tables(m);
	bool settles = status != STATUS_SUCCESS;
	if (!status && change_entries(m)) {
		unlock_tables(m, m->count);
		settles = true;
	}
	if (settles)
		settle_tables(m);
	return status;
}

NTSTATUS physical_map(struct space *space, const struct physical_mapping *mappings, uint64_t count)
{
	struct page_map *map = &machine_process_of(space)->map;
	struct mapping m = {.space = space, .map = map, .list = mappings, .count = count};
	m.place.table = NO_FRAME;
	lock_take(&map->pager->lock);
	NTSTATUS status = map_all(&m);
	lock_drop(&map->pager->lock);
	return status;
}
