/* SPDX-License-Identifier: MIT
 *
 * The supply of frames: free, zeroed, then standby, oldest first (PG-36); and how more are made.
 */
#include "base/check.h"
#include "machine/pager/age.h"
#include "machine/pager/background.h"
#include "machine/pager/events.h"
#include "machine/pager/frames.h"
#include "machine/pager/table.h"
#include "machine/pager/trim.h"
#include "machine/pager/write.h"

#define MAKE_ROOM_PAGES 32u
#define MODIFIED_MOST 8 /* a part of RAM like this is written without need */
#define BALANCE_TRIES 64

void pager_free_slot(struct pager *pager, struct frame *record)
{
	if (record->flags & FRAME_OUTGOING)
		return;
	if (record->slot)
		stores_free(&pager->stores, record->slot);
	record->slot = 0;
}

void pager_recall(struct frame *record)
{
	if (record->state == FRAME_WRITING)
		record->flags |= FRAME_OUTGOING;
}

/* A page in use that is being written is so no more, but in use. */
static bool back_to_writing(struct pager *pager, frame_t frame)
{
	struct frame *record = frame_at(&pager->phys, frame);
	if (!(record->flags & FRAME_OUTGOING))
		return false;
	record->flags &= (uint8_t)~FRAME_OUTGOING;
	frame_set_state(&pager->phys, frame, FRAME_WRITING);
	return true;
}

void pager_rest(struct pager *pager, frame_t frame)
{
	const struct frame *record = frame_at(&pager->phys, frame);
	if (!back_to_writing(pager, frame))
		frame_set_state(&pager->phys, frame,
		                record->level ? FRAME_MODIFIED : frame_rest_state(record));
}

void pager_drop(struct pager *pager, frame_t frame)
{
	struct frame *record = frame_at(&pager->phys, frame);
	back_to_writing(pager, frame);
	bool in_transfer = record->state == FRAME_READING || record->state == FRAME_WRITING;
	record->table = NO_FRAME;
	if (in_transfer && !(record->flags & FRAME_ORPHAN)) {
		record->flags |= FRAME_ORPHAN; /* the transfer ends it */
		return;
	}
	pager_free_slot(pager, record);
	record->flags = 0;
	frame_set_state(&pager->phys, frame, FRAME_FREE);
}

/* What the entry of a page says once no frame holds it. */
static struct pte entry_without_frame(const struct frame *record, prot_t prot)
{
	if (record->slot)
		return pte_paged_out(record->slot, prot);
	return record->flags & (FRAME_RESET | FRAME_LOST) ? pte_discarded(prot) : (struct pte){0};
}

/* PG-34: the frame of the oldest standby page is given to another. */
void pager_repurpose(struct pager *pager, frame_t frame)
{
	struct frame *record = frame_at(&pager->phys, frame);
	struct mapped owner = map_owner_of(&pager->phys, frame);
	struct page_map *map = pager->maps[owner.map];
	struct place place = map_place_of(&pager->phys, frame);
	CHECK(record->slot || record->level == 0);
	pager_event(pager, map, NTMM_EVENT_REPURPOSE, owner.page, frame, record->slot);
	map_set(&pager->phys, place, entry_without_frame(record, pte_prot(pte_load(place.entry))));
	record->slot = 0; /* the entry's now */
	pager_drop(pager, frame);
	table_settle(map, place.table);
}

frame_t pager_take(struct pager *pager, enum frame_use use)
{
	if (!phys_free_count(&pager->phys) && phys_first_standby(&pager->phys) != NO_FRAME)
		pager_repurpose(pager, phys_first_standby(&pager->phys));
	shoot_walkers(pager);
	return phys_take(&pager->phys, use);
}

/* Frames that are not promised for good: where there are few, not all of them can be kept available, or
 * every page would be trimmed as soon as it is touched. */
static uint64_t pageable(const struct pager *pager)
{
	return pager->phys.count - SYSTEM_FRAMES - atomic_load(&pager->resident.total);
}

static uint64_t low_water(const struct pager *pager)
{
	return min_u64(min_u64(MAKE_ROOM_PAGES, pager->phys.count / 32), pageable(pager) / 4);
}

bool pager_is_low(const struct pager *pager)
{
	return phys_available(&pager->phys) < low_water(pager);
}

/* Trims if too little is available; how many pages are then. */
static uint64_t trim_some(struct pager *pager, uint64_t wanted)
{
	lock_take(&pager->lock);
	age_step(pager);
	uint64_t available = phys_available(&pager->phys) + pager->phys.modified.count;
	if (available < wanted)
		trim_oldest(pager, wanted - available);
	available = phys_available(&pager->phys);
	lock_drop(&pager->lock);
	return available;
}

/* Trimmed pages that are used again come back by soft faults: a longer queue of them tells use better. */
static uint64_t wanted_after_trim(const struct pager *pager)
{
	uint64_t low = low_water(pager);
	return min_u64(max_u64(4 * low, 2 * low + CLUSTER_PAGES), pageable(pager) / 2);
}

bool pager_trim_is_due(const struct pager *pager)
{
	uint64_t soon = phys_available(&pager->phys) + pager->phys.modified.count;
	return age_is_due(pager) || (pager_is_low(pager) && soon < wanted_after_trim(pager));
}

bool pager_trim_step(struct pager *pager)
{
	lock_take(&pager->lock);
	bool due = age_is_due(pager);
	age_step(pager);
	uint64_t soon = phys_available(&pager->phys) + pager->phys.modified.count;
	uint64_t wanted = wanted_after_trim(pager);
	bool trimmed = soon < wanted && trim_oldest(pager, wanted - soon);
	background_nudge(pager);
	lock_drop(&pager->lock);
	return due || trimmed;
}

bool pager_write_is_due(const struct pager *pager)
{
	const struct phys *phys = &pager->phys;
	uint64_t modified = phys->modified.count;
	if (modified < CLUSTER_PAGES)
		return modified && pager_is_low(pager);
	return modified > phys->count / MODIFIED_MOST ||
	       phys_available(phys) < 2 * wanted_after_trim(pager);
}

void pager_keep_ahead(struct pager *pager)
{
	if (trim_some(pager, wanted_after_trim(pager)) < low_water(pager))
		write_behind(pager);
}

/* What is modified cannot be written: pages that can be, or are clean, may still be in use. */
static bool trim_more(struct pager *pager)
{
	lock_take(&pager->lock);
	bool trimmed = trim_oldest(pager, CLUSTER_PAGES);
	lock_drop(&pager->lock);
	return trimmed;
}

NTSTATUS pager_make_room(struct pager *pager)
{
	NTSTATUS status = STATUS_NO_MEMORY;
	if (trim_some(pager, wanted_after_trim(pager)) || write_cluster(pager, &status) ||
	    trim_more(pager))
		return STATUS_SUCCESS;
	return status;
}

static uint64_t available_now(struct pager *pager)
{
	lock_take(&pager->lock);
	uint64_t available = phys_available(&pager->phys);
	lock_drop(&pager->lock);
	return available;
}

uint64_t pager_balance(struct pager *pager, uint64_t wanted)
{
	NTSTATUS status = STATUS_SUCCESS;
	lock_take(&pager->lock);
	lost_recover(pager);
	lock_drop(&pager->lock);
	uint64_t available = trim_some(pager, wanted);
	for (int failures = 0; available < wanted && failures < BALANCE_TRIES;) {
		uint64_t before = available;
		write_cluster(pager, &status);
		available = available_now(pager);
		if (available <= before)
			available = trim_some(pager, wanted);
		failures += available <= before;
	}
	return available;
}
