/* SPDX-License-Identifier: MIT
 *
 * Pages of files: where they come from, and how what is dirty gets back.
 *
 * One transfer to a file is under way at a time, so that an older copy of a page never arrives after a
 * newer one. What is written is what the pages were at one moment: copied under the lock, and clean
 * from then on, so that a later store makes them dirty again.
 */
#include <string.h>

#include "base/os.h"
#include "machine/pager/change.h"
#include "machine/pager/events.h"
#include "machine/pager/share.h"
#include "machine/pager/visit.h"

struct source segment_source(const struct segment *segment, uint64_t page)
{
	const struct section *section = &segment->section;
	if (!section->backing)
		return (struct source){0, 0};
	if (section->kind == SECTION_FILE)
		return (struct source){address_of(page), PAGE_BYTES};
	const struct section_part *part = section_part_at(section, page);
	uint64_t skipped = address_of(page - part->range.start);
	uint64_t left = part->bytes > skipped ? part->bytes - skipped : 0;
	return (struct source){part->offset + skipped, (uint32_t)min_u64(left, PAGE_BYTES)};
}

NTSTATUS segment_read(struct segment *segment, uint64_t page, void *to, uint32_t count)
{
	struct backing *backing = segment->section.backing;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *place = (uint8_t *)to + i * PAGE_BYTES;
		struct source source = segment_source(segment, page + i);
		NTSTATUS status = backing->operations->read(backing, source.offset, place,
		                                            source.bytes);
		if (status)
			return status;
		memset(place + source.bytes, 0, PAGE_BYTES - source.bytes);
	}
	return STATUS_SUCCESS;
}

NTSTATUS segment_write(struct segment *segment, uint64_t page, const void *from, uint32_t count)
{
	struct backing *backing = segment->section.backing;
	return backing->operations->write(backing, address_of(page), from,
	                                  (uint32_t)(count * PAGE_BYTES));
}

/* ---- what is dirty -------------------------------------------------------------------------- */

static bool is_dirty(const struct page_map *map, struct pte pte)
{
	return pte_is_resident(pte) &&
	       frame_at(&map->pager->phys, pte_frame(pte))->flags & FRAME_DIRTY;
}

static void count_entry(struct page_map *map, struct place place, uint64_t page, void *context)
{
	uint64_t *dirty = context;
	(void)page;
	*dirty += is_dirty(map, pte_load(place.entry));
}

uint64_t segment_dirty(struct segment *segment, struct range range)
{
	uint64_t dirty = 0;
	if (range.start < range.end)
		visit_present_tables(&segment->map, range, count_entry, &dirty);
	return dirty;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Dirty pages side by side. */
struct run_of_pages {
	uint64_t first;
	uint32_t count;
	bool full; /* nothing more fits behind them */
};

static void gather_entry(struct page_map *map, struct place place, uint64_t page, void *context)
{
	struct run_of_pages *run = context;
	if (!is_dirty(map, pte_load(place.entry)))
		return;
	if (!run->count)
		run->first = page;
	else if (page != run->first + run->count)
		run->full = true;
	run->count += !run->full;
	run->full |= run->count == CLUSTER_PAGES;
}

static struct run_of_pages gather(struct segment *segment, struct range range)
{
	struct run_of_pages run = {0};
	const struct visit visit = {
		.entry = gather_entry, .context = &run, .done = &run.full};
	visit_all_tables(&segment->map, range, &visit); /* none of a file's tables is paged out */
	return run;
}

static struct frame *record_of(const struct segment *segment, uint64_t page, frame_t *frame)
{
	const struct phys *phys = &segment->map.pager->phys;
	struct place place = map_walk(phys, segment->map.root, page);
	struct pte pte = pte_load(place.entry);
	if (place.level != 1 || !pte_is_resident(pte))
		return NULL;
	*frame = pte_frame(pte);
	return frame_at(phys, *frame);
}

/* From here on a store marks the page anew. */
static void copy_out(struct segment *segment, const struct run_of_pages *run)
{
	struct phys *phys = &segment->map.pager->phys;
	struct shootdown shootdown = {0};
	frame_t frame;
	for (uint32_t i = 0; i < run->count; i++) {
		record_of(segment, run->first + i, &frame)->flags |= FRAME_CLEANING;
		share_clean(&segment->map, run->first + i, frame, &shootdown);
	}
	shoot_wait(&shootdown);
	for (uint32_t i = 0; i < run->count; i++) {
		record_of(segment, run->first + i, &frame);
		memcpy(segment->buffer + i * PAGE_BYTES, frame_bytes(phys, frame), PAGE_BYTES);
	}
}

static void written(struct segment *segment, uint64_t page)
{
	struct pager *pager = segment->map.pager;
	frame_t frame;
	struct frame *record = record_of(segment, page, &frame);
	TALLY(&segment->map, page_outs);
	pager_event(pager, &segment->map, NTMM_EVENT_PAGE_OUT, page, frame, 0);
	if (!(record->flags & FRAME_CLEANING))
		return; /* stored to since: still dirty */
	record->flags &= (uint8_t)~(FRAME_CLEANING | FRAME_DIRTY);
	if (record->state == FRAME_MODIFIED)
		frame_set_state(&pager->phys, frame, FRAME_STANDBY);
}

static void not_written(struct segment *segment, uint64_t page)
{
	frame_t frame;
	struct frame *record = record_of(segment, page, &frame);
	record->flags &= (uint8_t)~FRAME_CLEANING;
	pager_event(segment->map.pager, &segment->map, NTMM_EVENT_WRITE_ERROR, page, frame, 0);
}

/* What has been written is taken off the ends of what had not been: the rest counts by what is dirty. */
static struct range without(struct range range, struct range gone)
{
	if (gone.start <= range.start)
		range.start = max_u64(range.start, gone.end);
	else if (gone.end >= range.end)
		range.end = min_u64(range.end, gone.start);
	return range.start < range.end ? range : (struct range){0, 0};
}

static void note_transfer(struct segment *segment, const struct run_of_pages *run, NTSTATUS status)
{
	struct range range = {run->first, run->first + run->count};
	struct range *unwritten = &segment->unwritten;
	if (!status) {
		*unwritten = without(*unwritten, range);
		return;
	}
	if (segment_has_failed(segment))
		range = (struct range){min_u64(range.start, unwritten->start),
		                       max_u64(range.end, unwritten->end)};
	*unwritten = range;
	segment->map.pager->write_errors++;
}

/* The lock is dropped for the transfer. The pages stay where they are: they are dirty meanwhile. */
static NTSTATUS write_run(struct segment *segment, const struct run_of_pages *run)
{
	struct pager *pager = segment->map.pager;
	copy_out(segment, run);
	segment->writing = true;
	lock_drop(&pager->lock);
	NTSTATUS status = segment_write(segment, run->first, segment->buffer, run->count);
	lock_take(&pager->lock);
	segment->writing = false;
	for (uint32_t i = 0; i < run->count; i++)
		(status ? not_written : written)(segment, run->first + i);
	note_transfer(segment, run, status);
	pthread_cond_broadcast(&pager->transferred);
	return status;
}

static void wait_for_turn(struct segment *segment)
{
	struct pager *pager = segment->map.pager;
	while (segment->writing)
		lock_wait(&pager->lock, &pager->transferred);
}

uint64_t segment_write_some(struct segment *segment, struct range range, uint64_t *next,
                            NTSTATUS *status)
{
	struct pager *pager = segment->map.pager;
	struct run_of_pages run = {0};
	segment->writers++; /* its end waits for us */
	wait_for_turn(segment);
	if (!segment->ending)
		run = gather(segment, range);
	*status = STATUS_SUCCESS;
	*next = run.first + run.count;
	if (run.count)
		*status = write_run(segment, &run);
	segment->writers--;
	pthread_cond_broadcast(&pager->transferred);
	return run.count;
}

NTSTATUS segment_flush(struct segment *segment, struct range range)
{
	struct pager *pager = segment->map.pager;
	NTSTATUS first = STATUS_SUCCESS, status;
	lock_take(&pager->lock);
	while (range.start < range.end &&
	       segment_write_some(segment, range, &range.start, &status))
		first = first ? first : status;
	if (!segment_dirty(segment, segment->unwritten)) /* what was dirty may have been cut off */
		segment->unwritten = (struct range){0, 0};
	lock_drop(&pager->lock);
	return first;
}

/* ---- the file is cut ------------------------------------------------------------------------ */

void segment_cut(struct segment *segment, uint64_t bytes)
{
	struct pager *pager = segment->map.pager;
	frame_t frame;
	pages_decommit(&segment->map, (struct range){pages_for(bytes), segment->map.user_end});
	if (bytes % PAGE_BYTES == 0)
		return;
	lock_take(&pager->lock);
	const struct frame *record = record_of(segment, page_of(bytes), &frame);
	if (record && record->state != FRAME_READING)
		memset((char *)frame_bytes(&pager->phys, frame) + bytes % PAGE_BYTES, 0,
		       PAGE_BYTES - bytes % PAGE_BYTES);
	lock_drop(&pager->lock);
}
