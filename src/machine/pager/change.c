/* SPDX-License-Identifier: MIT
 *
 * Changes of a range of pages that the rules ask for: they go, their protection changes, their
 * contents are of no interest. When a function returns no thread has a translation left that the new
 * state forbids.
 */
#include "machine/pager/change.h"
#include "machine/pager/background.h"
#include "machine/pager/clone.h"
#include "machine/pager/frames.h"
#include "machine/pager/large.h"
#include "machine/pager/page_hold.h"
#include "machine/pager/page_lock.h"
#include "machine/pager/page_map.h"
#include "machine/pager/physical.h"
#include "machine/pager/share.h"
#include "machine/pager/trim.h"
#include "machine/pager/visit.h"

/* What the visitors work with. */
struct change {
	struct pager *pager;
	struct shootdown shootdown;
	prot_t prot;
	unsigned priority; /* of pages whose contents are of no interest */
	bool covers;       /* a copy must not become the section's page again */
	bool lost;
};

static struct change change_begin(struct page_map *map)
{
	lock_take(&map->pager->lock);
	return (struct change){.pager = map->pager};
}

static bool change_end(struct change *change)
{
	shoot_wait(&change->shootdown);
	background_nudge(change->pager);
	lock_drop(&change->pager->lock);
	return !change->lost;
}

static void before_drop(void *context)
{
	shoot_wait(&((struct change *)context)->shootdown);
}

/* ---- gone ------------------------------------------------------------------------------------ */

/* An active page of the process's own: its frame is free again. */
static void drop_active(struct page_map *map, struct place place, uint64_t page,
                        struct change *change)
{
	frame_t frame = pte_frame(pte_load(place.entry));
	if (place.level == 2) {
		large_drop(map, place, page, &change->shootdown);
		return;
	}
	shoot_page(map, page, SHOOT_ALL, &change->shootdown);
	enum frame_state state = frame_at(&map->pager->phys, frame)->state;
	if (state == FRAME_PHYSICAL)
		physical_unmapped(map, frame);
	if (state != FRAME_ACTIVE)
		return; /* of a window, or the shared page: not the pager's */
	page_unlock(map, place, FRAME_LOCKED);
	page_let_go(map, frame);
	ws_remove(map, frame);
	pager_drop(map->pager, frame);
}

static void drop_in_transition(struct page_map *map, frame_t frame)
{
	page_let_go(map, frame);
	pager_drop(map->pager, frame);
}

/* Whether the entry shows a page of a section. */
static bool is_section_page(const struct page_map *map, struct place place)
{
	struct pte pte = pte_load(place.entry);
	const struct phys *phys = &map->pager->phys;
	return pte_is_present(pte) && frame_at(phys, pte_frame(pte))->state == FRAME_ACTIVE &&
	       is_shared(phys, place, pte_frame(pte));
}

static void drop_entry(struct page_map *map, struct place place, uint64_t page, void *context)
{
	struct pager *pager = map->pager;
	struct change *change = context;
	struct pte pte = pte_load(place.entry);
	if (is_section_page(map, place))
		share_leave(map, place, page, &change->shootdown);
	else if (pte_is_present(pte))
		drop_active(map, place, page, context);
	else if (pte_is_transition(pte))
		drop_in_transition(map, pte_frame(pte));
	else if (pte_is_paged_out(pte))
		stores_free(&pager->stores, pte_slot(pte));
	map_set(&pager->phys, place, (struct pte){0});
}

static void every(struct page_map *map, struct range range, entry_visitor visit,
                  struct change *change)
{
	const struct visit all = {visit, before_drop, change, visit == drop_entry, NULL};
	visit_all_tables(map, range, &all);
}

void page_decommit_locked(struct page_map *map, struct place place, uint64_t page)
{
	struct change change = {.pager = map->pager};
	drop_entry(map, place, page, &change);
	shoot_wait(&change.shootdown);
}

void pages_decommit(struct page_map *map, struct range range)
{
	struct change change = change_begin(map);
	every(map, range, drop_entry, &change);
	change_end(&change);
}

/* ---- protection ------------------------------------------------------------------------------- */

/* PG-17: no entry is present that any access would have to be refused for. VP-14: locks go. */
static void make_transition(struct page_map *map, struct place place, struct change *change)
{
	page_unlock(map, place, FRAME_LOCKED);
	trim_page(map, pte_frame(pte_load(place.entry)), &change->shootdown);
}

/* What the old entry allows and the new one does not. */
static unsigned lost_rights(struct pte old, struct pte new)
{
	unsigned lost = 0;
	if (pte_is_writable(old) && !pte_is_writable(new))
		lost |= SHOOT_STORE;
	if (pte_is_executable(old) && !pte_is_executable(new))
		lost |= SHOOT_FETCH;
	return lost;
}

static void protect_entry(struct page_map *map, struct place place, uint64_t page, void *context)
{
	struct change *change = context;
	struct pte pte = pte_load(place.entry);
	bool shared = is_section_page(map, place);
	prot_t prot = shared ? change->prot : prot_after_copy(change->prot);
	if (shared && map->clones && clone_has(map, pte_frame(pte)))
		prot = prot_before_copy(prot);
	if (pte_is_present(pte) && (prot == PROT_NOACCESS || prot_is_guard(prot))) {
		if (shared)
			share_leave(map, place, page, &change->shootdown);
		else
			make_transition(map, place, change);
		pte = pte_load(place.entry);
	}
	if (pte_is_zero(pte))
		return;
	if (pte_is_present(pte)) {
		struct pte new = pte_with_prot(pte, prot, map->nx);
		map_set(&map->pager->phys, place, new);
		shoot_page(map, page, lost_rights(pte, new), &change->shootdown);
	} else {
		map_set(&map->pager->phys, place, pte_with_soft_prot(pte, prot));
	}
}

/* Entries in tables that are paged out keep a stale protection: a fault asks the space. */
void pages_protect(struct page_map *map, struct range range, prot_t prot)
{
	struct change change = change_begin(map);
	change.prot = prot;
	visit_present_tables(map, range, protect_entry, &change);
	change_end(&change);
}

/* ---- write watch ------------------------------------------------------------------------------ */

/* The entry alone becomes clean: that the page differs from the paging file, its frame knows. */
static void rearm_entry(struct page_map *map, struct place place, uint64_t page, void *context)
{
	struct change *change = context;
	struct pte pte = pte_load(place.entry);
	if (!pte_is_present(pte) || !pte_is_dirty(pte))
		return;
	pte_clear_bits(place.entry, PTE_DIRTY);
	shoot_page(map, page, SHOOT_STORE, &change->shootdown);
}

/* What is not present will not be dirty when it comes back. */
void pages_rearm(struct page_map *map, struct range range, const struct page_set *watch)
{
	struct change change = change_begin(map);
	struct range marked = {range.start, range.start};
	while (page_set_find(watch, (struct range){marked.end, range.end}, &marked))
		visit_present_tables(map, marked, rearm_entry, &change);
	change_end(&change);
}

/* ---- contents of no interest ------------------------------------------------------------------ */

/* A page that has contents to lose may lose them from now on. */
static void forget_contents(struct change *change, frame_t frame)
{
	struct pager *pager = change->pager;
	struct frame *record = frame_at(&pager->phys, frame);
	if (record->state == FRAME_READING)
		return; /* is not in memory yet: stays as it is */
	if (record->slot || (record->flags & FRAME_DIRTY))
		record->flags |= FRAME_RESET;
	record->flags &= (uint8_t)~FRAME_DIRTY;
	frame_set_priority(&pager->phys, frame, change->priority);
	if (record->state == FRAME_WRITING)
		return; /* the slot is in use until the write ends */
	pager_free_slot(pager, record);
	if (record->state == FRAME_MODIFIED)
		frame_set_state(&pager->phys, frame, FRAME_STANDBY);
}

static void reset_entry(struct page_map *map, struct place place, uint64_t page, void *context)
{
	struct change *change = context;
	struct pager *pager = map->pager;
	struct pte pte = pte_load(place.entry);
	if (is_section_page(map, place))
		return; /* others may want its contents: VA-64 lets them stay */
	if (pte_is_present(pte)) {
		pte_clear_bits(place.entry, PTE_DIRTY);
		shoot_page(map, page, SHOOT_STORE, &change->shootdown);
	}
	if (pte_is_resident(pte)) {
		forget_contents(change, pte_frame(pte));
	} else if (pte_is_paged_out(pte)) {
		stores_free(&pager->stores, pte_slot(pte));
		map_set(&pager->phys, place, pte_discarded(pte_prot(pte)));
	}
}

void pages_reset(struct page_map *map, struct range range)
{
	struct change change = change_begin(map);
	change.priority = PRIORITY_RESET;
	every(map, range, reset_entry, &change);
	change_end(&change);
}

static void keep_frame(struct change *change, frame_t frame)
{
	struct pager *pager = change->pager;
	struct frame *record = frame_at(&pager->phys, frame);
	bool lost = record->flags & FRAME_LOST;
	change->lost |= lost;
	record->flags &= (uint8_t)~FRAME_LOST;
	if (!(record->flags & FRAME_RESET) && !(lost && change->covers))
		return;
	record->flags = (uint8_t)((record->flags & ~FRAME_RESET) | FRAME_DIRTY);
	frame_set_priority(&pager->phys, frame, PRIORITY_NORMAL);
	if (record->state == FRAME_STANDBY)
		frame_set_state(&pager->phys, frame, FRAME_MODIFIED);
}

static void undo_entry(struct page_map *map, struct place place, uint64_t page, void *context)
{
	struct change *change = context;
	struct pte pte = pte_load(place.entry);
	(void)page;
	if (is_section_page(map, place))
		return;
	if (pte_is_resident(pte)) {
		keep_frame(change, pte_frame(pte));
	} else if (pte_is_discarded(pte)) {
		map_set(&map->pager->phys, place,
		        change->covers ? pte_own_zero(pte_prot(pte)) : (struct pte){0});
		change->lost = true;
	}
}

bool pages_reset_undo(struct page_map *map, struct range range, bool covers)
{
	struct change change = change_begin(map);
	change.covers = covers;
	every(map, range, undo_entry, &change);
	return change_end(&change);
}

static void offer_entry(struct page_map *map, struct place place, uint64_t page, void *context)
{
	struct pte pte = pte_load(place.entry);
	reset_entry(map, place, page, context);
	if (pte_is_present(pte))
		make_transition(map, place, context);
}

void pages_offer(struct page_map *map, struct range range, unsigned priority)
{
	struct change change = change_begin(map);
	change.priority = priority;
	every(map, range, offer_entry, &change);
	change_end(&change);
}

static void discard_entry(struct page_map *map, struct place place, uint64_t page, void *context)
{
	struct pte pte = pte_load(place.entry);
	bool locked = pte_is_present(pte) &&
	              (frame_at(&map->pager->phys, pte_frame(pte))->flags & FRAME_LOCKED);
	(locked ? reset_entry : drop_entry)(map, place, page, context);
}

void pages_discard(struct page_map *map, struct range range)
{
	struct change change = change_begin(map);
	every(map, range, discard_entry, &change);
	change_end(&change);
}
