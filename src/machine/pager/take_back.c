/* SPDX-License-Identifier: MIT
 *
 * The end of a hidden section that one process alone still shows: its pages become the process's own
 * again, those that the process cannot see any more go. What cannot be moved now, for want of a frame
 * for a table, stays where it is, and is found there.
 */
#include "machine/pager/change.h"
#include "machine/pager/clone.h"
#include "machine/pager/page_map.h"
#include "machine/pager/share.h"
#include "machine/pager/table.h"
#include "machine/pager/touch.h"
#include "machine/pager/trim.h"
#include "machine/pager/visit.h"

struct take_back {
	struct page_map *to;
	unsigned level; /* of the section */
};

/* Where the process's entry for the page is, or is to be: none has a page of its own there. False: it
 * has, or there is no table and none can be made. */
static bool find_place(struct page_map *to, uint64_t page, struct place *place, bool *has_own)
{
	struct fault fault = {.map = to, .page = page, .prefetch = true};
	for (;;) {
		*place = map_walk(&to->pager->phys, to->root, page);
		struct pte pte = pte_load(place->entry);
		*has_own = place->level == 1 && !pte_is_zero(pte);
		if (place->level == 1)
			return !*has_own;
		if (!pte_is_zero(pte) || table_bring(&fault, *place) != FAULT_DONE)
			return false;
	}
}

static void refer(struct page_map *to, struct place place, frame_t frame)
{
	struct frame *record = frame_at(&to->pager->phys, frame);
	record->table = place.table;
	record->entry = place.index & (MAP_FANOUT - 1);
}

/* Its frame refers to the process's entry from then on, whatever state it is in. */
static void move_resident(struct page_map *from, struct place old, struct page_map *to,
                          struct place new, prot_t prot)
{
	struct phys *phys = &to->pager->phys;
	struct pte pte = pte_load(old.entry);
	frame_t frame = pte_frame(pte);
	bool active = pte_is_present(pte);
	table_wake(to, new.table);
	if (active)
		ws_remove(from, frame);
	map_set(phys, old, (struct pte){0});
	refer(to, new, frame);
	map_set(phys, new, active ? pte_with_prot(pte, prot, to->nx) : pte_with_soft_prot(pte, prot));
	if (active)
		ws_add(to, frame);
}

/* PG-17: no entry of a page that may not be touched is present. */
static void move(struct page_map *from, struct place old, struct page_map *to, struct place new,
                 prot_t prot)
{
	struct shootdown shootdown = {0};
	struct pte pte = pte_load(old.entry);
	if (pte_is_present(pte) && (prot == PROT_NOACCESS || prot_is_guard(prot)))
		trim_page(from, pte_frame(pte), &shootdown);
	pte = pte_load(old.entry);
	if (pte_is_resident(pte)) {
		move_resident(from, old, to, new, prot);
		return;
	}
	map_set(&to->pager->phys, old, (struct pte){0});
	map_set(&to->pager->phys, new, pte_with_soft_prot(pte, prot));
}

/* Whether the process would look for the page in the section. */
static bool is_visible(const struct take_back *take, uint64_t page, prot_t *prot)
{
	attr_t attr = runs_at(&space_of_map(take->to)->runs, page).attr;
	*prot = prot_after_copy(attr_prot(attr));
	return attr_is_committed(attr) && attr_level(attr) && attr_level(attr) <= take->level;
}

static void take_entry(struct page_map *from, struct place place, uint64_t page, void *context)
{
	const struct take_back *take = context;
	struct frame *table = frame_at(&from->pager->phys, place.table);
	struct place new;
	prot_t prot;
	bool has_own = false;
	bool visible = is_visible(take, page, &prot);
	table->resident++; /* it stays, whatever is given up for a new one */
	bool found = visible && find_place(take->to, page, &new, &has_own);
	table->resident--;
	if (pte_is_zero(pte_load(place.entry)))
		return; /* that was */
	if (!visible || has_own)
		page_decommit_locked(from, place, page);
	else if (found)
		move(from, place, take->to, new, prot);
	if (found)
		table_settle(take->to, new.table);
}

static void nothing(void *context)
{
	(void)context;
}

/* Nobody else shows it, or is reading from it. */
static bool is_alone(const struct segment *section, const struct view *view)
{
	return section->views == view && !view->next_of_section && !section->map.reads &&
	       atomic_load(&section->section.references) == 1;
}

static bool is_empty(const struct segment *section)
{
	const struct frame *root = frame_at(&section->map.pager->phys, section->map.root);
	return !root->used;
}

/* The link of a section that is empty now, out of the chain; NULL. */
static struct view *take_newest(struct page_map *map)
{
	struct view *view = map->clones;
	struct shootdown shootdown = {0};
	struct segment *section = view ? segment_of(view->section) : NULL;
	if (!view || !is_alone(section, view))
		return NULL;
	struct take_back take = {map, view->level};
	const struct visit visit = {
		.entry = take_entry, .before_drop = nothing, .context = &take};
	share_leave_process(map, UINT64_MAX, &shootdown);
	shoot_wait(&shootdown);
	visit_all_tables(&section->map, (struct range){0, map->user_end}, &visit);
	if (!is_empty(section))
		return NULL;
	segment_unlink_locked(map, view);
	map->clones = view->below;
	return view;
}

void clone_take_back(struct page_map *map)
{
	for (;;) {
		lock_take(&map->pager->lock);
		struct view *view = map->locked ? NULL : take_newest(map);
		lock_drop(&map->pager->lock);
		if (!view)
			return;
		view_free(view);
	}
}
