/* SPDX-License-Identifier: MIT */
#include "machine/pager/clone.h"

#include "base/os.h"
#include "machine/pager/change.h"
#include "machine/pager/frames.h"
#include "machine/pager/page_lock.h"
#include "machine/pager/page_map.h"
#include "machine/pager/share.h"
#include "machine/pager/table.h"
#include "machine/pager/touch.h"
#include "machine/pager/visit.h"

/* ---- the chain ------------------------------------------------------------------------------ */

bool clone_has(const struct page_map *map, frame_t frame)
{
	const struct pager *pager = map->pager;
	const struct segment *segment =
		pager->maps[map_owner_of(&pager->phys, frame).map]->segment;
	return segment && segment->hidden;
}

bool clone_go_below(struct fault *fault)
{
	struct fault *behind = fault->behind;
	const struct view *next = fault->chain ? fault->chain->below : NULL;
	if (!fault->chain)
		return false;
	if (!next || next->level < fault->level) {
		fault->chain = NULL;
		next = fault->view;
	} else {
		fault->chain = next;
	}
	if (!next)
		return false;
	behind->map = &segment_of(next->section)->map;
	behind->page = view_page(next, fault->page);
	behind->file_end = view_page(next, next->range.end);
	return true;
}

void clone_forget(struct page_map *map)
{
	while (map->clones) {
		struct view *view = map->clones;
		map->clones = view->below;
		view_free(view);
	}
}

/* ---- making one ----------------------------------------------------------------------------- */

/* A page that was locked before, and is to be so afterwards. */
struct kept {
	uint64_t page;
	unsigned locks;
	prot_t prot;
};

struct clone {
	struct machine_process *parent, *child;
	const struct engine *engine;
	struct segment *section;
	struct page_map fresh;    /* what the parent goes on with */
	bool has_fresh;
	struct view *of_parent;   /* the new link of its chain */
	struct view *of_child;    /* the child's whole chain */
	struct kept *kept;
	uint64_t kept_count, kept_most;
};

static struct view *make_link(struct page_map *map, struct section *section, unsigned level)
{
	struct view *view = os_alloc(sizeof *view);
	if (!view)
		return NULL;
	section_retain(section);
	*view = (struct view){
		.section = section, .range = {0, map->user_end}, .level = level};
	return view;
}

static void drop_chain(struct view *chain)
{
	while (chain) {
		struct view *below = chain->below;
		view_free(chain);
		chain = below;
	}
}

/* The child sees all that the parent sees. */
static bool make_links(struct clone *clone)
{
	struct page_map *map = &clone->parent->map;
	unsigned level = clone->parent->space.clones + 1;
	clone->of_parent = make_link(map, &clone->section->section, level);
	clone->of_child = make_link(map, &clone->section->section, level);
	if (!clone->of_parent || !clone->of_child)
		return false;
	struct view **last = &clone->of_child->below;
	for (struct view *view = map->clones; view; view = view->below) {
		*last = make_link(map, view->section, view->level);
		if (!*last)
			return false;
		last = &(*last)->below;
	}
	return true;
}

static NTSTATUS prepare(struct clone *clone)
{
	struct machine_process *parent = clone->parent;
	struct pager *pager = parent->map.pager;
	const struct space *space = &parent->space;
	NTSTATUS status = segment_create_hidden(pager, clone->engine, parent->map.user_end,
	                                        space->commit + space->tables, &clone->section);
	if (status)
		return status;
	status = page_map_create(pager, &clone->fresh, space->layout, space->nx);
	if (status)
		return status;
	clone->has_fresh = true;
	clone->kept_most = parent->map.locked;
	clone->kept = os_alloc((clone->kept_most + 1) * sizeof *clone->kept);
	return clone->kept && make_links(clone) ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

/* What has been prepared is not needed. The section goes, whatever references the links have. */
static void abandon(struct clone *clone)
{
	if (clone->has_fresh)
		page_map_destroy(&clone->fresh);
	os_free(clone->of_parent);
	drop_chain(clone->of_child ? clone->of_child->below : NULL);
	os_free(clone->of_child);
	os_free(clone->kept);
	if (clone->section)
		segment_discard_hidden(clone->section);
}

#define SHARED_PAGE page_of(UINT64_C(0x7FFE0000))

/* ---- locked pages --------------------------------------------------------------------------- */

#define TABLES_A_PAGE 3 /* that may have to be made for it, below the top table */

static void unlock_entry(struct page_map *map, struct place place, uint64_t page, void *context)
{
	struct clone *clone = context;
	struct pte pte = pte_load(place.entry);
	if (!pte_is_present(pte) || frame_at(&map->pager->phys, pte_frame(pte))->state != FRAME_ACTIVE)
		return;
	unsigned locks = page_locks(map, place);
	if (!locks || clone->kept_count == clone->kept_most)
		return;
	prot_t prot = attr_prot(space_run(&clone->parent->space, address_of(page)).attr);
	clone->kept[clone->kept_count++] = (struct kept){page, locks, prot};
	page_unlock(map, place, FRAME_LOCKED);
}

/* Whether all of them can be locked again afterwards, whatever happens. */
static bool can_keep(const struct clone *clone)
{
	const struct page_map *map = &clone->parent->map;
	struct ledger *resident = &map->pager->resident;
	uint64_t frames = map->locked * TABLES_A_PAGE;
	uint64_t charge = map->locked * (2 + 2 * TABLES_A_PAGE);
	if (phys_available(&map->pager->phys) < frames + 1 || !ledger_charge(resident, charge))
		return false;
	ledger_return(resident, charge);
	return true;
}

static void lock_again(struct clone *clone)
{
	struct page_map *map = &clone->parent->map;
	for (uint64_t i = 0; i < clone->kept_count; i++) {
		const struct kept *kept = &clone->kept[i];
		struct fault behind = {.map = &clone->section->map, .page = kept->page,
		                       .access = NTMM_LOAD, .prot = PROT_READWRITE,
		                       .payer = map, .payer_page = kept->page, .counted = true};
		struct fault fault = {.map = map, .page = kept->page, .access = NTMM_LOAD,
		                      .prot = kept->prot, .behind = &behind, .counted = true,
		                      .chain = map->clones, .level = map->clones->level};
		const struct vad *vad = space_run(&clone->parent->space, address_of(kept->page)).vad;
		fault.view = vad_view(vad);
		if (fault_step(&fault) == FAULT_DONE)
			page_lock(map, fault.place, kept->locks);
	}
}

/* ---- the exchange --------------------------------------------------------------------------- */

/* What was to be forgotten is kept: nobody could be told any more that it is lost (VA-69, OF-4). */
static void keep_contents(struct page_map *map, struct place place, uint64_t page, void *context)
{
	struct phys *phys = &map->pager->phys;
	struct pte pte = pte_load(place.entry);
	(void)page, (void)context;
	if (!pte_is_resident(pte) || is_shared(phys, place, pte_frame(pte)))
		return;
	struct frame *record = frame_at(phys, pte_frame(pte));
	if (!(record->flags & FRAME_RESET))
		return;
	record->flags = (uint8_t)((record->flags & ~FRAME_RESET) | FRAME_DIRTY);
	frame_set_priority(phys, pte_frame(pte), PRIORITY_NORMAL);
	if (record->state == FRAME_STANDBY)
		frame_set_state(phys, pte_frame(pte), FRAME_MODIFIED);
}

/* The system's page (AS-4) is no section's. */
static void drop_shared_page(struct page_map *map)
{
	struct pager *pager = map->pager;
	struct place place = map_walk(&pager->phys, map->root, SHARED_PAGE);
	struct pte pte = pte_load(place.entry);
	if (place.level != 1 || !pte_is_present(pte) || pte_frame(pte) != pager->shared_page)
		return;
	map_set(&pager->phys, place, (struct pte){0});
	table_settle(map, place.table);
}

static void link(struct page_map *map, struct view *chain)
{
	for (struct view *view = chain; view && !view->map; view = view->below)
		segment_link_locked(map, view);
	map->clones = chain;
}

static NTSTATUS exchange(struct clone *clone)
{
	struct page_map *map = &clone->parent->map;
	struct shootdown shootdown = {0};
	while (map->reads)
		lock_wait(&map->pager->lock, &map->pager->transferred);
	if (map->held)
		return STATUS_NOT_SUPPORTED;
	if (!can_keep(clone))
		return STATUS_INSUFFICIENT_RESOURCES;
	visit_present_tables(map, (struct range){0, map->user_end}, keep_contents, NULL);
	if (map->locked)
		visit_present_tables(map, (struct range){0, map->user_end}, unlock_entry, clone);
	share_leave_process(map, UINT64_MAX, &shootdown);
	shoot_wait(&shootdown);
	drop_shared_page(map);
	page_map_give(map, &clone->fresh, clone->section);
	clone->of_parent->below = map->clones;
	link(map, clone->of_parent);
	link(&clone->child->map, clone->of_child);
	lock_again(clone);
	return STATUS_SUCCESS;
}

NTSTATUS clone_pages(struct machine_process *parent, struct machine_process *child,
                     const struct engine *engine)
{
	struct pager *pager = parent->map.pager;
	struct clone clone = {.parent = parent, .child = child, .engine = engine};
	NTSTATUS status = prepare(&clone);
	if (!status) {
		pager_balance(pager, parent->map.locked * TABLES_A_PAGE + 2 * CLUSTER_PAGES);
		lock_take(&pager->lock);
		status = exchange(&clone);
		lock_drop(&pager->lock);
	}
	if (status) {
		abandon(&clone);
		return status;
	}
	os_free(clone.kept);
	section_release(&clone.section->section); /* the links have theirs */
	return STATUS_SUCCESS;
}

/* ---- copied or not -------------------------------------------------------------------------- */

/* The entry of a page, its tables brought in; a zero one where there is none. */
static struct pte entry_of(struct page_map *map, uint64_t page, struct place *place)
{
	struct pte pte;
	unsigned spent = 0;
	for (;;) {
		*place = map_walk(&map->pager->phys, map->root, page);
		pte = pte_load(place->entry);
		if (place->level == 1)
			return pte;
		if (pte_is_zero(pte) || !visit_bring(map, *place, page, &spent))
			return (struct pte){0};
	}
}

static bool is_in_chain(const struct page_map *map, uint64_t page, unsigned level)
{
	struct place place;
	for (const struct view *view = map->clones; view && view->level >= level; view = view->below)
		if (!pte_is_zero(entry_of(&segment_of(view->section)->map, page, &place)))
			return true;
	return false;
}

static bool is_copied(struct page_map *map, uint64_t page)
{
	struct place place;
	attr_t attr = runs_at(&space_of_map(map)->runs, page).attr;
	struct pte pte = entry_of(map, page, &place);
	if (pte_is_zero(pte))
		return attr_level(attr) && is_in_chain(map, page, attr_level(attr));
	if (pte_is_present(pte) && is_shared(&map->pager->phys, place, pte_frame(pte)))
		return clone_has(map, pte_frame(pte));
	return true;
}

uint64_t clone_copied(struct page_map *map, struct range range, bool *copied)
{
	uint64_t page = range.start;
	lock_take(&map->pager->lock);
	*copied = is_copied(map, page);
	do
		page++;
	while (page < range.end && is_copied(map, page) == *copied);
	lock_drop(&map->pager->lock);
	return page - range.start;
}
