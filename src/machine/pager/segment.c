/* SPDX-License-Identifier: MIT */
#include "machine/pager/segment.h"

#include "base/check.h"
#include "base/os.h"
#include "machine/pager/change.h"
#include "machine/pager/clone.h"
#include "machine/pager/page_map.h"
#include "machine/pager/share.h"
#include "machine/pager/visit.h"

/* IM-11: what all processes write in common has no other place but the paging file. */
static uint64_t shared_pages(const struct section *section)
{
	uint64_t pages = 0;
	for (unsigned i = 0; i < section->part_count; i++) {
		const struct section_part *part = &section->parts[i];
		if (part->shared && prot_can_write(part->prot))
			pages += range_pages(part->range);
	}
	return pages;
}

/* SC-8: all of it is promised now, unless it is committed by and by; its tables with it. What can be
 * read from a file again is not (CM-3). */
static NTSTATUS charge(struct segment *segment)
{
	struct section *section = &segment->section;
	if (section->reserve || section->kind == SECTION_FILE)
		return STATUS_SUCCESS;
	uint64_t pages = section->kind == SECTION_IMAGE ? shared_pages(section) : section->pages;
	return section_charge(section, pages + section_tables(section->pages));
}

static NTSTATUS make_buffer(struct segment *segment)
{
	segment->buffer = os_alloc(CLUSTER_PAGES * PAGE_BYTES);
	return segment->buffer ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

NTSTATUS segment_create(struct pager *pager, const struct engine *engine,
                        const struct section_wish *wish, struct segment **segment)
{
	struct segment *made = os_alloc(sizeof *made);
	if (!made)
		return STATUS_NO_MEMORY;
	NTSTATUS status = section_init(&made->section, engine, &pager->commit, wish);
	if (status) {
		os_free(made);
		return status;
	}
	status = charge(made);
	if (!status && segment_is_file(made))
		status = make_buffer(made);
	if (!status)
		status = page_map_create_section(pager, &made->map, made);
	if (status) {
		section_destroy(&made->section);
		os_free(made->buffer);
		os_free(made);
		return status;
	}
	*segment = made;
	return STATUS_SUCCESS;
}

NTSTATUS segment_create_hidden(struct pager *pager, const struct engine *engine, uint64_t pages,
                               uint64_t charged, struct segment **segment)
{
	const struct section_wish wish = {.kind = SECTION_MEMORY, .pages = pages};
	struct segment *made = os_alloc(sizeof *made);
	if (!made)
		return STATUS_NO_MEMORY;
	NTSTATUS status = section_init(&made->section, engine, &pager->commit, &wish);
	if (!status) {
		made->hidden = true;
		status = section_charge(&made->section, charged);
		if (status)
			section_destroy(&made->section);
	}
	if (status)
		os_free(made);
	else
		*segment = made;
	return status;
}

void segment_discard_hidden(struct segment *segment)
{
	section_destroy(&segment->section);
	os_free(segment);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* No transfer is under way from here on, nor begins. */
static void end_writes(struct segment *segment)
{
	struct lock *lock = &segment->map.pager->lock;
	lock_take(lock);
	segment->ending = true;
	while (segment->writers)
		lock_wait(lock, &segment->map.pager->transferred);
	lock_drop(lock);
}

static void destroy(struct segment *segment)
{
	struct backing *backing = segment->section.backing;
	CHECK(!segment->views);
	end_writes(segment);
	if (backing)
		backing->operations->free(backing);
	page_map_destroy(&segment->map);
	section_destroy(&segment->section);
	os_free(segment->buffer);
	os_free(segment);
}

static const struct range all_pages = {0, SECTION_FILE_PAGES};

/* Dirty pages; *failed: some could not be written. */
static uint64_t count_dirty(struct segment *segment, bool *failed)
{
	struct pager *pager = segment->map.pager;
	lock_take(&pager->lock);
	uint64_t dirty = segment_dirty(segment, all_pages);
	*failed = segment_has_failed(segment);
	lock_drop(&pager->lock);
	return dirty;
}

static void strand(struct segment *segment, uint64_t dirty)
{
	struct pager *pager = segment->map.pager;
	complain("%lu pages of a file could not be written to it; they are kept", dirty);
	lock_take(&pager->lock);
	segment->next = pager->stranded;
	pager->stranded = segment;
	lock_drop(&pager->lock);
}

/* With one reference of our own, by which others may find it by its file, and go on with it. */
static bool write_all(struct segment *segment)
{
	bool failed;
	segment_flush(segment, all_pages);
	uint64_t dirty = count_dirty(segment, &failed);
	if (dirty && failed)
		strand(segment, dirty);
	return !(dirty && failed);
}

/* Until nobody has it and nothing of it is dirty at once: others may have used it while it was written. */
void segment_end(struct segment *segment)
{
	struct section *section = &segment->section;
	bool failed;
	do {
		uint32_t one = 1;
		if (section->kind != SECTION_FILE)
			break;
		atomic_store(&section->references, 1);
		if (!write_all(segment))
			return;
		if (!atomic_compare_exchange_strong(&section->references, &one, 0)) {
			section_release(section);
			return;
		}
	} while (count_dirty(segment, &failed));
	destroy(segment);
}

/* ---- what could not be written -------------------------------------------------------------- */

static struct segment *take_stranded(struct pager *pager)
{
	lock_take(&pager->lock);
	struct segment *segment = pager->stranded;
	pager->stranded = NULL;
	lock_drop(&pager->lock);
	return segment;
}

/* One of those in use that have failed, from the map `number` on, with a reference. */
static struct segment *next_failed(struct pager *pager, uint32_t *number)
{
	struct segment *found = NULL;
	lock_take(&pager->lock);
	for (; *number < pager->map_count && !found; ++*number) {
		struct page_map *map = pager->maps[*number];
		if (map && map->segment && segment_has_failed(map->segment) &&
		    section_retain_if_alive(&map->segment->section))
			found = map->segment;
	}
	lock_drop(&pager->lock);
	return found;
}

void segments_retry_stranded(struct pager *pager)
{
	for (struct segment *segment = take_stranded(pager), *next; segment; segment = next) {
		next = segment->next;
		section_release(&segment->section); /* ends it once more */
	}
}

void segments_retry(struct pager *pager)
{
	uint32_t number = 0;
	segments_retry_stranded(pager);
	for (struct segment *segment; (segment = next_failed(pager, &number));) {
		segment_flush(segment, segment->unwritten);
		section_release(&segment->section);
	}
}

uint64_t segments_end(struct pager *pager)
{
	uint64_t lost = 0;
	bool failed;
	for (struct segment *segment = take_stranded(pager), *next; segment; segment = next) {
		next = segment->next;
		segment_flush(segment, all_pages);
		lost += count_dirty(segment, &failed);
		destroy(segment);
	}
	return lost;
}

void segments_count(struct pager *pager, uint64_t *unwritten, uint64_t *stranded)
{
	*unwritten = *stranded = 0;
	for (uint32_t i = 0; i < pager->map_count; i++) {
		struct page_map *map = pager->maps[i];
		if (map && map->segment)
			*unwritten += segment_dirty(map->segment, map->segment->unwritten);
	}
	for (const struct segment *segment = pager->stranded; segment; segment = segment->next)
		++*stranded;
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
	if (map->clones)
		return clone_copied(map, range, copied);
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

void segment_link_locked(struct page_map *map, struct view *view)
{
	struct segment *segment = segment_of(view->section);
	view->map = map;
	view->next = map->views;
	map->views = view;
	view->next_of_section = segment->views;
	segment->views = view;
}

void segment_link(struct page_map *map, struct view *view)
{
	lock_take(&map->pager->lock);
	segment_link_locked(map, view);
	lock_drop(&map->pager->lock);
}

void segment_unlink_locked(struct page_map *map, struct view *view)
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
	segment_unlink_locked(map, view);
	lock_drop(&map->pager->lock);
}

void segment_unlink_all(struct page_map *map)
{
	lock_take(&map->pager->lock);
	while (map->views)
		segment_unlink_locked(map, map->views);
	lock_drop(&map->pager->lock);
}
