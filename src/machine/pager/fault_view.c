/* SPDX-License-Identifier: MIT
 *
 * Faults on pages of views: the section's page is made active in the section's own map, then shown
 * in the process's, or copied there (PG-14, PG-42).
 */
#include "machine/pager/clone.h"
#include "machine/pager/events.h"
#include "machine/pager/fault.h"
#include "machine/pager/page_lock.h"
#include "machine/pager/share.h"
#include "machine/pager/table.h"
#include "machine/pager/touch.h"
#include "machine/pager/trim.h"

/* The frame of the section's page, which is active then. */
static enum fault_outcome bring_behind(struct fault *fault, frame_t *frame)
{
	struct fault *behind = fault->behind;
	enum fault_outcome outcome;
	do
		outcome = fault_step(behind);
	while (outcome == FAULT_BELOW && clone_go_below(fault));
	fault->counted |= behind->counted;
	if (outcome == FAULT_DONE)
		*frame = pte_frame(pte_load(behind->place.entry));
	fault->reader = behind;
	fault->status = behind->status;
	return outcome;
}

/* Copy-on-write: the page is the process's own from now on. */
static enum fault_outcome copy(struct fault *fault, struct place place, frame_t from)
{
	struct page_map *map = fault->map;
	struct phys *phys = &map->pager->phys;
	struct shootdown shootdown = {0};
	unsigned locks = 0;
	frame_t frame = table_take(map, place.table, USE_READ);
	if (frame == NO_FRAME)
		return FAULT_FRAME;
	if (pte_is_present(pte_load(place.entry))) {
		locks = page_locks_take(map, place); /* VL-8: the copy is locked from now on */
		share_leave(map, place, fault->page, &shootdown);
	} else if (!frame_at(phys, from)->share) {
		trim_page(fault->behind->map, from, &shootdown); /* nobody shows it (PG-33) */
	}
	shoot_wait(&shootdown);
	touch_copy(frame_bytes(phys, frame), frame_bytes(phys, from), PAGE_BYTES);
	enum fault_outcome outcome = fault_enter(fault, place, frame);
	page_locks_give(map, place, locks);
	return outcome;
}

/* PG-40: a page that is in memory anyway is a soft fault away. */
static void count(struct fault *fault, frame_t frame)
{
	struct page_map *map = fault_payer(fault);
	if (fault->counted)
		return;
	TALLY(map, soft);
	pager_event(map->pager, map, NTMM_EVENT_SOFT, fault_payer_page(fault), frame,
	            frame_at(&map->pager->phys, frame)->slot);
	fault->counted = true;
}

enum fault_outcome fault_in_view(struct fault *fault, struct place place)
{
	struct page_map *map = fault->map;
	frame_t frame = NO_FRAME;
	enum fault_outcome outcome = bring_behind(fault, &frame);
	if (outcome != FAULT_DONE && outcome != FAULT_BELOW)
		return outcome;
	bool cloned = fault->behind->map->segment->hidden;
	struct place now = map_walk(&map->pager->phys, map->root, fault->page);
	if (now.level != 1 || now.table != place.table)
		return FAULT_AGAIN; /* frames were needed: this table has gone */
	if (outcome == FAULT_BELOW)
		return fault_demand_zero(fault, now);
	if (fault_copies(fault) || (cloned && fault->access == NTMM_STORE))
		outcome = copy(fault, now, frame);
	else
		share_enter(map, now, frame, cloned ? prot_before_copy(fault->prot) : fault->prot);
	if (outcome != FAULT_DONE)
		return outcome;
	count(fault, frame);
	fault->place = now;
	return FAULT_DONE;
}
