/* SPDX-License-Identifier: MIT
 *
 * The machine check: every frame's back pointer, every entry, every count.
 */
#include "base/check.h"
#include "base/os.h"
#include "machine/pager/share.h"

struct totals {
	uint64_t shown, shown_locked; /* entries of views that show a section's page */
	uint64_t active, tables, locked, held, idle, slots, findable, physical, large;
};

static bool is_findable(enum frame_state state)
{
	return state == FRAME_STANDBY || state == FRAME_MODIFIED || state == FRAME_NO_WRITE ||
	       state == FRAME_READING || state == FRAME_WRITING;
}

static bool check_back(const struct page_map *map, struct place place, frame_t frame)
{
	const struct frame *record = frame_at(&map->pager->phys, frame);
	if (record->table != place.table || record->entry != place.index ||
	    record->level + 1u != place.level)
		return complain("frame %u (%s) does not point back to entry %u of table %u", frame,
		                frame_state_name(record->state), place.index, place.table);
	return true;
}

static bool check_physical(const struct page_map *map, struct place place, frame_t frame)
{
	const struct frame *record = frame_at(&map->pager->phys, frame);
	if (record->owner != map->number || !pte_is_dirty(pte_load(place.entry)))
		return complain("frame %u of map %u is mapped by process %u, or clean", frame,
		                record->owner, map->pid);
	if (!frame_at(&map->pager->phys, place.table)->locked)
		return complain("frame %u is mapped by a table that may go", frame);
	return check_back(map, place, frame);
}

static bool check_large(const struct page_map *map, struct place place, struct totals *totals)
{
	frame_t first = pte_frame(pte_load(place.entry));
	totals->large++;
	if (first % LARGE_PAGES || !frame_at(&map->pager->phys, place.table)->locked)
		return complain("large page in frame %u is not aligned, or its table may go", first);
	for (frame_t frame = first; frame < first + LARGE_PAGES; frame++) {
		if (frame_at(&map->pager->phys, frame)->state != FRAME_LARGE)
			return complain("frame %u of a large page is %s", frame,
			                frame_state_name(frame_at(&map->pager->phys, frame)->state));
		if (!check_back(map, place, frame))
			return false;
	}
	return true;
}

/* The frames of the map's own, mapped or not. */
static bool check_own(const struct page_map *map)
{
	const struct phys *phys = &map->pager->phys;
	for (frame_t f = map->physical.first; f != NO_FRAME; f = frame_at(phys, f)->next)
		if (frame_at(phys, f)->state != FRAME_PHYSICAL ||
		    frame_at(phys, f)->owner != map->number)
			return complain("frame %u is not of process %u", f, map->pid);
	return true;
}

static bool check_table(const struct page_map *map, frame_t table, unsigned level,
                        struct totals *totals);

/* A view's entry: the page is active in the section's own map. */
static bool check_shown(const struct page_map *map, struct place place, frame_t frame,
                        struct totals *totals)
{
	const struct pager *pager = map->pager;
	const struct frame *record = frame_at(&pager->phys, frame);
	totals->shown++;
	totals->shown_locked += pte_locks(pte_load(place.entry)) != 0;
	if (map->segment || record->state != FRAME_ACTIVE ||
	    !pager->maps[map_owner_of(&pager->phys, frame).map]->segment)
		return complain("frame %u (%s) is shown by entry %u of table %u, but no section's",
		                frame, frame_state_name(record->state), place.index, place.table);
	if (pte_is_dirty(pte_load(place.entry)) && !(record->flags & FRAME_DIRTY))
		return complain("frame %u is dirty by a view's entry only", frame);
	return true;
}

/* A section's page counts the entries that show it, and is locked as long as one of them is. */
static bool check_sharers(const struct page_map *map, frame_t frame)
{
	const struct frame *record = frame_at(&map->pager->phys, frame);
	if (!map->segment)
		return true;
	uint64_t page = map_owner_of(&map->pager->phys, frame).page;
	uint64_t shown = share_count((struct page_map *)map, page, frame, 0);
	if (shown != record->share && record->share != SHARE_MOST)
		return complain("frame %u is shown by %lu entries, %u counted", frame, shown,
		                record->share);
	bool locked = share_count((struct page_map *)map, page, frame, PTE_LOCKED);
	if (locked != ((record->flags & FRAME_LOCKED) != 0))
		return complain("frame %u: its locks and those of the views disagree", frame);
	return true;
}

static bool check_present(const struct page_map *map, struct place place, frame_t frame,
                          struct totals *totals)
{
	const struct frame *record = frame_at(&map->pager->phys, frame);
	if (place_is_large(place))
		return check_large(map, place, totals);
	if (place.level > 1)
		return check_back(map, place, frame) &&
		       check_table(map, frame, place.level - 1u, totals);
	if (record->state == FRAME_PHYSICAL)
		return check_physical(map, place, frame);
	if (is_shared(&map->pager->phys, place, frame))
		return check_shown(map, place, frame, totals);
	totals->active++;
	totals->locked += (record->flags & FRAME_LOCKED) != 0;
	totals->held += record->held;
	totals->slots += record->slot != 0;
	if (record->state != FRAME_ACTIVE)
		return complain("present page in frame %u, which is %s", frame,
		                frame_state_name(record->state));
	bool slot = record->slot && !(record->flags & FRAME_OUTGOING);
	if (pte_is_dirty(pte_load(place.entry)) && (!(record->flags & FRAME_DIRTY) || slot))
		return complain("frame %u is dirty by its entry only, or has a slot", frame);
	return check_back(map, place, frame) && check_sharers(map, frame);
}

static bool check_transition(const struct page_map *map, struct place place, frame_t frame,
                             struct totals *totals)
{
	const struct frame *record = frame_at(&map->pager->phys, frame);
	totals->findable++;
	totals->held += record->held;
	if (record->held != (record->state == FRAME_NO_WRITE) && record->state != FRAME_WRITING)
		return complain("frame %u is %s, but %sheld", frame, frame_state_name(record->state),
		                record->held ? "" : "not ");
	totals->slots += record->slot != 0;
	if (!is_findable(record->state))
		return complain("page in transition in frame %u, which is %s", frame,
		                frame_state_name(record->state));
	if (record->state == FRAME_MODIFIED && record->slot)
		return complain("modified frame %u has a slot", frame);
	if (record->state == FRAME_STANDBY && (record->flags & FRAME_DIRTY))
		return complain("frame %u on standby is dirty", frame);
	return check_back(map, place, frame);
}

static bool is_link(const struct page_map *map, struct place place)
{
	for (unsigned i = 0; i < map->link_count; i++)
		if (map->links[i].entry == place.entry)
			return true;
	return false;
}

static bool check_entry(const struct page_map *map, struct place place, struct totals *totals)
{
	struct pte pte = pte_load(place.entry);
	const struct pager *pager = map->pager;
	if (pte_is_resident(pte) && pte_frame(pte) >= pager->phys.count)
		return complain("entry %u of table %u: no such frame", place.index, place.table);
	if (is_link(map, place) ||
	    (pte_is_present(pte) && pte_frame(pte) == pager->shared_page))
		return true;
	if (pte_is_present(pte))
		return check_present(map, place, pte_frame(pte), totals);
	if (pte_is_transition(pte))
		return check_transition(map, place, pte_frame(pte), totals);
	if (!pte_is_paged_out(pte))
		return true;
	totals->slots++;
	return stores_is_taken(&pager->stores, pte_slot(pte)) ||
	       complain("entry %u of table %u: slot %#x is not taken", place.index, place.table,
	                pte_slot(pte));
}

static bool check_table(const struct page_map *map, frame_t table, unsigned level,
                        struct totals *totals)
{
	const struct phys *phys = &map->pager->phys;
	const struct frame *record = frame_at(phys, table);
	unsigned used = 0, resident = 0;
	totals->tables++;
	totals->idle += record->state == FRAME_IDLE;
	for (unsigned i = 0; i < MAP_FANOUT; i++) {
		struct pte *entry = (struct pte *)frame_bytes(phys, table) + i;
		used += !pte_is_zero(pte_load(entry));
		resident += pte_is_resident(pte_load(entry));
		if (!check_entry(map, (struct place){entry, table, (uint16_t)i, (uint8_t)level},
		                 totals))
			return false;
	}
	if (record->used != used || record->resident != resident)
		return complain("table %u: %u entries used, %u resident; %u and %u counted", table,
		                used, resident, record->used, record->resident);
	/* Between the steps of a fault of another thread a table may be awake for nothing yet. */
	bool awake = resident || level == MAP_LEVELS || !used || record->locked ||
	             (record->state == FRAME_TABLE && !os_is_alone());
	if (record->state != (awake ? FRAME_TABLE : FRAME_IDLE) && used)
		return complain("table %u with %u resident entries is %s", table, resident,
		                frame_state_name(record->state));
	return true;
}

static bool check_map(const struct page_map *map, struct totals *sum)
{
	struct totals totals = {0};
	if (!check_table(map, map->root, MAP_LEVELS, &totals) || !check_own(map))
		return false;
	uint64_t locked = map->segment ? 0 : totals.locked + totals.shown_locked;
	if (totals.active + totals.shown != map->active || totals.tables != map->tables ||
	    locked != map->locked)
		return complain(
			"process %u: %lu active, %lu tables, %lu locked; %lu, %lu and %lu counted",
			map->pid, totals.active + totals.shown, totals.tables, locked, map->active,
			map->tables, map->locked);
	if (totals.held != map->held)
		return complain("process %u: %lu pages held, %lu counted", map->pid, totals.held,
		                map->held);
	if (map->resident.count != totals.active - totals.locked + totals.idle)
		return complain("process %u: %lu in the working set's list", map->pid,
		                map->resident.count);
	sum->active += totals.active;
	sum->tables += totals.tables;
	sum->physical += map->physical.count;
	sum->large += totals.large;
	sum->slots += totals.slots;
	sum->findable += totals.findable;
	return true;
}

/* Slots named in tables that are paged out or in transition cannot be counted; orphans have no entry. */
static bool check_sums(const struct pager *pager, const struct totals *sum)
{
	const uint64_t *in_state = pager->phys.in_state;
	if (sum->active != in_state[FRAME_ACTIVE] ||
	    sum->tables != in_state[FRAME_TABLE] + in_state[FRAME_IDLE])
		return complain("%lu active pages and %lu tables found, %lu and %lu counted",
		                sum->active, sum->tables, in_state[FRAME_ACTIVE],
		                in_state[FRAME_TABLE] + in_state[FRAME_IDLE]);
	if (sum->large * LARGE_PAGES != in_state[FRAME_LARGE])
		return complain("%lu large pages found, %lu frames of them counted", sum->large,
		                in_state[FRAME_LARGE]);
	if (sum->physical != in_state[FRAME_PHYSICAL])
		return complain("%lu frames of processes' own, %lu counted", sum->physical,
		                in_state[FRAME_PHYSICAL]);
	if (sum->findable > in_state[FRAME_STANDBY] + in_state[FRAME_MODIFIED] + in_state[FRAME_NO_WRITE] +
	                            in_state[FRAME_READING] + in_state[FRAME_WRITING])
		return complain("%lu pages in transition found, more than counted", sum->findable);
	if (sum->slots + pager->lost.count > stores_used(&pager->stores))
		return complain("%lu slots found in use, %lu counted", sum->slots + pager->lost.count,
		                stores_used(&pager->stores));
	return true;
}

/* CM-1: what is promised at most is what there is. */
static bool check_limit(const struct pager *pager)
{
	uint64_t limit = atomic_load(&pager->commit.limit);
	uint64_t there = pager->phys.count - pager->phys.in_state[FRAME_BAD] - SYSTEM_FRAMES -
	                 RESERVE_PAGES +
	                 stores_usable(&pager->stores);
	return limit == there ||
	       complain("the commit limit is %lu; %lu pages can be kept", limit, there);
}

bool pager_check(struct pager *pager)
{
	struct totals sum = {0};
	if (!phys_check(&pager->phys))
		return false;
	for (uint32_t i = 0; i < pager->map_count; i++)
		if (pager->maps[i] && !check_map(pager->maps[i], &sum))
			return false;
	if (atomic_load(&pager->resident.total) > atomic_load(&pager->resident.limit))
		return complain("more pages resident for good than the limit");
	return check_sums(pager, &sum) && check_limit(pager);
}
