/* SPDX-License-Identifier: MIT
 *
 * The system space: one per machine, in every process's page map, out of user mode's reach (AS-8).
 *
 * It holds the shared page, which processes read at 0x7FFE0000 (AS-4), where the system writes it.
 */
#include "base/check.h"
#include "machine/pager/pager.h"

static frame_t take_fixed(struct pager *pager)
{
	frame_t frame = phys_take(&pager->phys, USE_TABLE);
	CHECK(frame != NO_FRAME);
	frame_set_state(&pager->phys, frame, FRAME_FIXED);
	return frame;
}

static void link_entry(struct pager *pager, frame_t table, uint64_t page, unsigned level,
                       struct pte value)
{
	struct pte *entries = frame_bytes(&pager->phys, table);
	pte_store(&entries[page / map_span(level) % MAP_FANOUT], value);
}

/* The table at `level` from which a walk to `page` ends at the shared page. */
static frame_t build_down(struct pager *pager, uint64_t page, unsigned level)
{
	frame_t table = take_fixed(pager);
	if (level == 1)
		link_entry(pager, table, page, 1, pte_system_page(pager->shared_page));
	else
		link_entry(pager, table, page, level,
		           pte_system_table(build_down(pager, page, level - 1)));
	return table;
}

void system_space_build(struct pager *pager)
{
	pager->shared_page = take_fixed(pager);
	pager->system_wide = build_down(pager, SYSTEM_PAGE_WIDE, MAP_LEVELS - 1);
	pager->system_narrow = build_down(pager, SYSTEM_PAGE_NARROW, MAP_LEVELS - 2);
	CHECK(pager->phys.in_state[FRAME_FIXED] == SYSTEM_FRAMES);
}
