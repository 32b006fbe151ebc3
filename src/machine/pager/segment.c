/* SPDX-License-Identifier: MIT */
#include "machine/pager/segment.h"

#include "base/check.h"
#include "base/os.h"
#include "machine/pager/change.h"
#include "machine/pager/page_map.h"
#include "machine/pager/share.h"
#include "machine/pager/visit.h"

/* SC-8: all of it is promised now, unless it is committed by and by; its tables with it. */
static NTSTATUS charge(struct segment *segment)
{
	struct section *section = &segment->section;
	if (section->reserve)
		return STATUS_SUCCESS;
	return section_charge(section, section->pages + section_tables(section->pages));
}

NTSTATUS segment_create(struct pager *pager, const struct engine *engine,
                        const struct section_wish *wish, struct segment **segment)
{
	struct segment *made = os_alloc(sizeof *made);
	if (!made)
		return STATUS_NO_MEMORY;
	NTSTATUS status = section_init(&made->section, engine, &pager->commit, SECTION_MEMORY,
	                               wish->pages, wish->reserve);
	if (status) {
		os_free(made);
		return status;
	}
	status = charge(made);
	if (!status)
		status = page_map_create_section(pager, &made->map, made);
	if (status) {
		section_destroy(&made->section);
		os_free(made);
		return status;
	}
	*segment = made;
	return STATUS_SUCCESS;
}

void segment_destroy(struct segment *segment)
{
	CHECK(!segment->views);
	page_map_destroy(&segment->map);
	section_destroy(&segment->section);
	os_free(segment);
}

/* ---- copied or not -------------------------------------------------------------------------- */

/* Pages whose entry is zero show the section's, and are not visited. */
struct scan {
	uint64_t start, at, end; /* from start up to `at` all are as the first */
	bool known, first;       /* whether the first page has been copied */
	bool done;
};

static void scan_entry(struct page_map *map, struct place place, uint64_t page, void *context)
{
	struct scan *scan = context;
	struct pte pte = pte_load(place.entry);
	bool own = !pte_is_present(pte) || !is_shared(&map->pager->phys, place, pte_frame(pte));
	if (!scan->known)
		scan->first = own && page == scan->start;
	scan->known = true;
	if (scan->first && page == scan->at && own) {
		scan->at = page + 1;
		return;
	}
	scan->done = scan->first || own;
	scan->end = scan->first ? scan->at : page;
}

static void nothing_to_wait_for(void *context)
{
	(void)context;
}

uint64_t segment_copied(struct page_map *map, struct range range, bool *copied)
{
	struct scan scan = {.start = range.start, .at = range.start};
	const struct visit visit = {.entry = scan_entry,
	                            .before_drop = nothing_to_wait_for,
	                            .context = &scan,
	                            .done = &scan.done};
	lock_take(&map->pager->lock);
	visit_all_tables(map, range, &visit);
	lock_drop(&map->pager->lock);
	if (!scan.done)
		scan.end = scan.first ? scan.at : range.end;
	*copied = scan.first;
	return scan.end - range.start;
}

/* ---- links ---------------------------------------------------------------------------------- */

void segment_link(struct page_map *map, struct view *view)
{
	struct segment *segment = segment_of(view->section);
	lock_take(&map->pager->lock);
	view->map = map;
	view->next = map->views;
	map->views = view;
	view->next_of_section = segment->views;
	segment->views = view;
	lock_drop(&map->pager->lock);
}

static void unlink_view(struct page_map *map, struct view *view)
{
	struct segment *segment = segment_of(view->section);
	struct view **link;
	for (link = &map->views; *link != view;)
		link = &(*link)->next;
	*link = view->next;
	for (link = &segment->views; *link != view;)
		link = &(*link)->next_of_section;
	*link = view->next_of_section;
}

void segment_unlink(struct page_map *map, struct view *view)
{
	lock_take(&map->pager->lock);
	unlink_view(map, view);
	lock_drop(&map->pager->lock);
}

void segment_unlink_all(struct page_map *map)
{
	lock_take(&map->pager->lock);
	while (map->views)
		unlink_view(map, map->views);
	lock_drop(&map->pager->lock);
}
