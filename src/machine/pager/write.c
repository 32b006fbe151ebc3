/* SPDX-License-Identifier: MIT
 *
 * Writing modified pages to the paging file, a cluster at a time (PG-60).
 *
 * The pages are copied out under the lock, so that what is written is what they were at one moment.
 * A cluster that fails is tried again page by page; a slot that cannot take its page is never used
 * again, and the commit limit falls by it. The page stays in memory, dirty. A page that is being written
 * can be had back at once (PG-61): it keeps its slot if it was not stored to before the write ended.
 */
#include <string.h>

#include "base/check.h"
#include "machine/pager/events.h"
#include "machine/pager/frames.h"
#include "machine/pager/segment.h"
#include "machine/pager/write.h"

struct cluster {
	struct write_buffer *buffer;
	frame_t frames[CLUSTER_PAGES];
	uint32_t count;
	slot_t slot;
};

/* What the page is now goes to its slot: it is dirty from then on if it is stored to. */
static void add(struct pager *pager, struct cluster *cluster, frame_t frame)
{
	struct phys *phys = &pager->phys;
	struct frame *record = frame_at(phys, frame);
	uint32_t i = cluster->count++;
	CHECK(!record->slot);
	frame_set_state(phys, frame, FRAME_WRITING);
	record->slot = cluster->slot + i;
	record->flags &= (uint8_t)~FRAME_DIRTY;
	memcpy(cluster->buffer->pages + i * PAGE_BYTES, frame_bytes(phys, frame), PAGE_BYTES);
	cluster->frames[i] = frame;
}

static bool is_modified(const struct phys *phys, const struct pte *entry)
{
	struct pte pte = pte_load(entry);
	return pte_is_transition(pte) && frame_at(phys, pte_frame(pte))->state == FRAME_MODIFIED;
}

/* The page in `frame` and its neighbours that are modified, in the order of their addresses: so that
 * they are behind each other in the paging file, too, and can be read together. */
static void add_neighbours(struct pager *pager, struct cluster *cluster, uint32_t most,
                           frame_t frame)
{
	struct place place = map_place_of(&pager->phys, frame);
	unsigned back = 0;
	while (back < CLUSTER_PAGES - 1 && back < place.index &&
	       is_modified(&pager->phys, place.entry - back - 1))
		back++;
	struct pte *entry = place.entry - back;
	const struct pte *end = place.entry - place.index + MAP_FANOUT;
	for (; cluster->count < most && entry < end && is_modified(&pager->phys, entry); entry++)
		add(pager, cluster, pte_frame(pte_load(entry)));
}

static bool goes_to_paging_file(const struct pager *pager, frame_t frame)
{
	return frame != NO_FRAME &&
	       !segment_is_file(pager->maps[map_owner_of(&pager->phys, frame).map]->segment);
}

/* Takes modified pages into a cluster, the oldest and their neighbours, as many as there are slots in a
 * row. */
static bool gather(struct pager *pager, struct cluster *cluster)
{
	struct phys *phys = &pager->phys;
	uint32_t wanted = (uint32_t)min_u64(CLUSTER_PAGES, phys->modified.count);
	if (!phys->modified.count)
		return false;
	if (!stores_left(&pager->stores))
		write_reclaim_slots(pager, wanted);
	uint32_t most = stores_take(&pager->stores, wanted, &cluster->slot);
	while (cluster->count < most && goes_to_paging_file(pager, phys->modified.first))
		add_neighbours(pager, cluster, most, phys->modified.first);
	for (uint32_t i = cluster->count; i < most; i++)
		stores_free(&pager->stores, cluster->slot + i);
	return cluster->count;
}

static void written(struct pager *pager, frame_t frame)
{
	struct frame *record = frame_at(&pager->phys, frame);
	struct mapped owner = map_owner_of(&pager->phys, frame);
	struct page_map *map = pager->maps[owner.map];
	TALLY(map, page_outs);
	pager_event(pager, map, NTMM_EVENT_PAGE_OUT, owner.page, frame, record->slot);
	if (record->flags & (FRAME_RESET | FRAME_DIRTY)) /* reset or stored to meanwhile */
		pager_free_slot(pager, record);
}

static void lose_slot(struct pager *pager, struct frame *record)
{
	stores_lose(&pager->stores, record->slot);
	record->slot = 0;
}

static void not_written(struct pager *pager, const struct cluster *cluster, frame_t frame)
{
	struct frame *record = frame_at(&pager->phys, frame);
	if (cluster->count == 1)
		lose_slot(pager, record);
	else
		pager_free_slot(pager, record);
	if (!(record->flags & FRAME_RESET))
		record->flags |= FRAME_DIRTY;
}

/* PG-61: it may be in use again; then it stays so. */
static void end_write(struct pager *pager, const struct cluster *cluster, frame_t frame, int error)
{
	struct frame *record = frame_at(&pager->phys, frame);
	record->flags &= (uint8_t)~FRAME_OUTGOING;
	if (error)
		not_written(pager, cluster, frame);
	else
		written(pager, frame);
	if (record->state == FRAME_WRITING)
		frame_set_state(&pager->phys, frame, frame_rest_state(record));
}

static void finish(struct pager *pager, const struct cluster *cluster, int error)
{
	for (uint32_t i = 0; i < cluster->count; i++) {
		frame_t frame = cluster->frames[i];
		if (frame_at(&pager->phys, frame)->flags & FRAME_ORPHAN)
			pager_drop(pager, frame);
		else
			end_write(pager, cluster, frame, error);
	}
	pager->write_errors += error != 0;
	pager->write_status = error ? STATUS_IO_DEVICE_ERROR : STATUS_SUCCESS;
	stores_note_write(&pager->stores, cluster->slot, cluster->count, error);
}

/* The page, and those before and behind it that are dirty, too. */
static uint64_t write_file(struct segment *segment, uint64_t page, NTSTATUS *status)
{
	struct range around = {page - min_u64(page, CLUSTER_PAGES / 2), page + CLUSTER_PAGES};
	uint64_t next;
	uint64_t pages = segment_write_some(segment, around, &next, status);
	return *status ? 0 : pages;
}

static void move_to_end(struct phys *phys, frame_t frame)
{
	frame_list_remove(phys, &phys->modified, frame);
	frame_list_append(phys, &phys->modified, frame);
}

/* The section of a file that the page in `frame` is of, if it still may be written. */
static struct segment *file_of(const struct pager *pager, frame_t frame, uint64_t *page)
{
	struct mapped owner = map_owner_of(&pager->phys, frame);
	struct segment *segment = pager->maps[owner.map]->segment;
	*page = owner.page;
	return segment_is_file(segment) && !segment->ending ? segment : NULL;
}

/* The section of a file whose page has been modified the longest, if it is of one. Those that failed go
 * to the end of the list. */
static struct segment *oldest_file(struct pager *pager, uint64_t *page)
{
	struct phys *phys = &pager->phys;
	for (uint64_t left = phys->modified.count; left; left--) {
		frame_t frame = phys->modified.first;
		if (goes_to_paging_file(pager, frame))
			return NULL;
		struct segment *segment = file_of(pager, frame, page);
		if (segment && !segment_has_failed(segment))
			return segment;
		move_to_end(phys, frame);
	}
	return NULL;
}

/* When nothing can go to a paging file: a page of a file, wherever it is in the list; of one that has
 * failed, when there are no others. */
static struct segment *any_file(struct pager *pager, uint64_t *page)
{
	struct phys *phys = &pager->phys;
	frame_t failed = NO_FRAME;
	for (frame_t frame = phys->modified.first; frame != NO_FRAME;
	     frame = frame_at(phys, frame)->next) {
		struct segment *segment = file_of(pager, frame, page);
		if (segment && !segment_has_failed(segment))
			return segment;
		if (segment && failed == NO_FRAME)
			failed = frame;
	}
	if (failed == NO_FRAME)
		return NULL;
	move_to_end(phys, failed); /* each has its turn */
	return file_of(pager, failed, page);
}

static struct write_buffer *idle_buffer(struct pager *pager)
{
	for (unsigned i = 0; i < WRITES; i++)
		if (!pager->writes[i].busy)
			return &pager->writes[i];
	return NULL;
}

static bool is_writing(const struct pager *pager)
{
	for (unsigned i = 0; i < WRITES; i++)
		if (pager->writes[i].busy)
			return true;
	return false;
}

/* Waiting for another's write is progress, too. */
static uint64_t wait_for_write(struct pager *pager)
{
	lock_wait(&pager->lock, &pager->transferred);
	return 1;
}

static uint64_t write_one(struct pager *pager, struct write_buffer *buffer, NTSTATUS *status)
{
	struct cluster cluster = {.buffer = buffer};
	uint64_t page;
	struct segment *segment = oldest_file(pager, &page);
	if (segment)
		return write_file(segment, page, status);
	if (!gather(pager, &cluster)) {
		segment = any_file(pager, &page);
		if (segment)
			return write_file(segment, page, status);
		if (is_writing(pager))
			return wait_for_write(pager);
		if (pager->phys.modified.count && lost_recover(pager))
			return 1; /* there are slots again */
		if (pager->write_status)
			*status = pager->write_status;
		return 0;
	}
	buffer->busy = true;
	lock_drop(&pager->lock);
	int error = stores_write(&pager->stores, cluster.slot, buffer->pages, cluster.count);
	lock_take(&pager->lock);
	buffer->busy = false;
	finish(pager, &cluster, error);
	pthread_cond_broadcast(&pager->transferred);
	*status = pager->write_status;
	return error ? 0 : cluster.count;
}

uint64_t write_cluster(struct pager *pager, NTSTATUS *status)
{
	lock_take(&pager->lock);
	struct write_buffer *buffer = idle_buffer(pager);
	uint64_t pages = buffer ? write_one(pager, buffer, status) : wait_for_write(pager);
	lock_drop(&pager->lock);
	return pages;
}

void write_behind(struct pager *pager)
{
	NTSTATUS status;
	lock_take(&pager->lock);
	if (!is_writing(pager) && pager->phys.modified.count >= CLUSTER_PAGES)
		write_one(pager, idle_buffer(pager), &status);
	lock_drop(&pager->lock);
}

uint64_t write_reclaim_slots(struct pager *pager, uint64_t wanted)
{
	struct phys *phys = &pager->phys;
	uint64_t reclaimed = 0;
	for (uint64_t n = 0; n < phys->count && reclaimed < wanted; n++) {
		struct frame *record = frame_at(phys, pager->reclaim_next);
		pager->reclaim_next = (frame_t)((pager->reclaim_next + 1) % phys->count);
		if (record->state != FRAME_ACTIVE || !record->slot ||
		    (record->flags & FRAME_OUTGOING) ||
		    !stores_can_write(&pager->stores, record->slot))
			continue;
		pager_free_slot(pager, record);
		record->flags |= FRAME_DIRTY;
		reclaimed++;
	}
	return reclaimed;
}
