/* SPDX-License-Identifier: MIT
 *
 * PrefetchVirtualMemory over a range (PF-1): what is in a paging file or a file comes to standby. A page
 * whose table is not in memory is passed over.
 */
#include "machine/pager/events.h"
#include "machine/pager/segment.h"
#include "machine/pager/table.h"
#include "machine/pager/touch.h"

struct prefetch {
	struct machine_process *process;
	uint64_t page, end;
	struct section *section; /* that is read, with a reference; NULL */
};

/* The read of the page at `place`, if it needs one. */
static enum fault_outcome begin_at(struct fault *fault, struct place place)
{
	struct pte pte = pte_load(place.entry);
	const struct segment *segment = fault->map->segment;
	bool from_file = segment && pte_is_zero(pte) && segment_source(segment, fault->page).bytes;
	enum fault_outcome outcome = FAULT_DONE;
	if (pte_is_paged_out(pte) || from_file)
		outcome = fault_begin_read(fault, place, pte);
	if (outcome == FAULT_FRAME)
		table_settle(fault->map, place.table);
	return outcome;
}

/* A page that the section behind a view has to read. */
static enum fault_outcome begin_behind(struct prefetch *prefetch, const struct view *view,
                                       uint64_t page, struct fault *fault)
{
	struct page_map *map = &segment_of(view->section)->map;
	*fault = (struct fault){.map = map,
	                        .page = view_page(view, page),
	                        .payer = &prefetch->process->map,
	                        .payer_page = page,
	                        .prefetch = true,
	                        .prefetch_end = view_page(view, prefetch->end),
	                        .file_end = view_page(view, view->range.end)};
	struct place place = map_walk(&map->pager->phys, map->root, fault->page);
	while (place.level > 1) {
		if (table_bring(fault, place) != FAULT_DONE)
			return FAULT_DONE;
		place = map_walk(&map->pager->phys, map->root, fault->page);
	}
	enum fault_outcome outcome = begin_at(fault, place);
	if (outcome == FAULT_READ) {
		prefetch->section = view->section;
		section_retain(prefetch->section);
	}
	return outcome;
}

static enum fault_outcome begin(struct prefetch *prefetch, struct fault *fault)
{
	struct page_map *map = &prefetch->process->map;
	const struct space *space = &prefetch->process->space;
	const struct vad *vad = space_run(space, address_of(prefetch->page)).vad;
	struct place place = map_walk(&map->pager->phys, map->root, prefetch->page);
	*fault = (struct fault){.map = map,
	                        .page = prefetch->page,
	                        .prefetch = true,
	                        .prefetch_end = prefetch->end};
	prefetch->page++;
	if (place.level == 1 && !pte_is_zero(pte_load(place.entry)))
		return begin_at(fault, place);
	if (vad && vad_view(vad))
		return begin_behind(prefetch, vad_view(vad), fault->page, fault);
	prefetch->page = round_down(fault->page, map_span(place.level)) + map_span(place.level);
	return FAULT_DONE;
}

/* False: no room, or no process any more. */
static bool prefetch_next(struct prefetch *prefetch)
{
	struct fault fault;
	if (!machine_process_lock(prefetch->process))
		return false;
	enum fault_outcome outcome = begin(prefetch, &fault);
	machine_process_unlock(prefetch->process);
	if (outcome == FAULT_READ)
		fault_read(&fault);
	if (prefetch->section)
		section_release(prefetch->section);
	prefetch->section = NULL;
	return outcome != FAULT_FRAME;
}

void pages_prefetch(struct space *space, struct range range)
{
	struct prefetch prefetch = {machine_process_of(space), range.start, range.end, NULL};
	while (prefetch.page < prefetch.end && prefetch_next(&prefetch))
		;
	pager_deliver(prefetch.process->map.pager);
}
