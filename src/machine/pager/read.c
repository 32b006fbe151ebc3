/* SPDX-License-Identifier: MIT
 *
 * Reading pages and tables in from the paging file.
 *
 * The entry says transition while the frame is in state reading; whoever meets it waits (PG-44). What
 * arrives is on standby, until the fault that wanted it runs again. Pages behind the faulting one, in
 * the process and in the paging file alike, are read with it (PG-43), if memory is not short.
 */
#include <string.h>

#include "machine/pager/events.h"
#include "machine/pager/fault.h"
#include "machine/pager/frames.h"
#include "machine/pager/segment.h"
#include "machine/pager/table.h"

/* An entry that is zero, of a page that comes from a file, has none. */
static prot_t soft_prot(struct pte pte)
{
	return pte_is_zero(pte) ? PROT_READWRITE : pte_prot(pte);
}

/* PG-12: takes a frame for the read. */
static bool begin_one(struct fault *fault, struct place place, struct pte pte)
{
	struct page_map *map = fault->map;
	struct pager *pager = map->pager;
	frame_t frame = table_take(map, place.table, USE_READ);
	if (frame == NO_FRAME)
		return false;
	struct frame *record = frame_at(&pager->phys, frame);
	table_wake(map, place.table);
	record->table = place.table;
	record->entry = place.index & (MAP_FANOUT - 1);
	record->level = (place.level - 1u) & 7;
	record->slot = pte_slot(pte);
	frame_set_state(&pager->phys, frame, FRAME_READING);
	map_set(&pager->phys, place, pte_transition(frame, soft_prot(pte)));
	fault->reading[fault->cluster++] = frame;
	return true;
}

/* Room for a page that nobody has asked for. */
static bool has_room(const struct pager *pager)
{
	return phys_available(&pager->phys) > CLUSTER_PAGES / 2;
}

static bool may_read_ahead(const struct fault *fault, struct place place)
{
	const struct pager *pager = fault->map->pager;
	return pager->clusters && !pager->reading && !fault->alone && place.level == 1;
}

/* Whether the page whose entry is `next` is stored `n` pages after that of `pte`. */
static bool follows(const struct fault *fault, struct pte pte, struct pte next, unsigned n)
{
	if (pte_is_zero(pte))
		return pte_is_zero(next) && fault->page + n < fault->file_end;
	return pte_is_paged_out(next) && pte_slot(next) == pte_slot(pte) + n;
}

/* The pages after it, as long as they are in the slots after its own. */
static void read_ahead(struct fault *fault, struct place place, struct pte pte)
{
	unsigned left = MAP_FANOUT - 1u - place.index;
	for (unsigned n = 1; n < CLUSTER_PAGES && n <= left; n++) {
		if (fault->prefetch && fault->page + n >= fault->prefetch_end)
			return;
		place.index++;
		place.entry++;
		struct pte next = pte_load(place.entry);
		if (!follows(fault, pte, next, n))
			return;
		if (!has_room(fault->map->pager) || !begin_one(fault, place, next))
			return;
	}
}

enum fault_outcome fault_begin_read(struct fault *fault, struct place place, struct pte pte)
{
	fault->cluster = 0;
	if (!begin_one(fault, place, pte))
		return FAULT_FRAME;
	if (may_read_ahead(fault, place))
		read_ahead(fault, place, pte);
	fault->map->pager->reading |= fault->cluster > 1;
	fault->map->reads++;
	return FAULT_READ;
}

/* One transfer; several pages come through the pager's buffer. */
static NTSTATUS transfer(struct fault *fault)
{
	struct pager *pager = fault->map->pager;
	struct phys *phys = &pager->phys;
	slot_t slot = frame_at(phys, fault->reading[0])->slot;
	bool many = fault->cluster > 1;
	void *to = many ? pager->read_cluster : frame_bytes(phys, fault->reading[0]);
	NTSTATUS status = STATUS_SUCCESS;
	if (!slot)
		status = segment_read(fault->map->segment, fault->page, to, fault->cluster);
	else if (stores_read(&pager->stores, slot, to, fault->cluster))
		status = STATUS_IO_DEVICE_ERROR;
	for (uint32_t i = 0; many && !status && i < fault->cluster; i++)
		memcpy(frame_bytes(phys, fault->reading[i]), pager->read_cluster + i * PAGE_BYTES,
		       PAGE_BYTES);
	return status;
}

static void count_hard(struct fault *fault, const struct frame *record)
{
	struct page_map *payer = fault_payer(fault);
	TALLY(payer, hard);
	pager_event(payer->pager, payer, NTMM_EVENT_HARD, fault_payer_page(fault),
	            fault->reading[0], record->slot);
	fault->counted = true;
}

static void arrived(struct fault *fault, uint32_t i)
{
	struct page_map *map = fault->map;
	struct frame *record = frame_at(&map->pager->phys, fault->reading[i]);
	frame_set_state(&map->pager->phys, fault->reading[i], FRAME_STANDBY);
	struct page_map *payer = fault_payer(fault);
	TALLY(payer, page_ins);
	pager_event(map->pager, payer, NTMM_EVENT_PAGE_IN, fault_payer_page(fault) + i,
	            fault->reading[i], record->slot);
	if (i == 0 && record->level == 0 && !fault->prefetch)
		count_hard(fault, record);
}

/* It could not be read: its entry says paged out, or nothing, as before. */
static void not_read(struct fault *fault, uint32_t i)
{
	struct pager *pager = fault->map->pager;
	struct frame *record = frame_at(&pager->phys, fault->reading[i]);
	struct place place = map_place_of(&pager->phys, fault->reading[i]);
	struct pte pte = pte_paged_out(record->slot, pte_prot(pte_load(place.entry)));
	map_set(&pager->phys, place, record->slot ? pte : (struct pte){0});
	record->slot = 0; /* the entry's again */
	frame_set_state(&pager->phys, fault->reading[i], FRAME_FREE);
	table_settle(fault->map, place.table);
}

static void finish(struct fault *fault, bool failed)
{
	struct pager *pager = fault->map->pager;
	for (uint32_t i = 0; i < fault->cluster; i++) {
		if (frame_at(&pager->phys, fault->reading[i])->flags & FRAME_ORPHAN)
			pager_drop(pager, fault->reading[i]);
		else if (failed)
			not_read(fault, i);
		else
			arrived(fault, i);
	}
	if (fault->cluster > 1)
		pager->reading = false;
	fault->map->reads--;
	pager->read_errors += failed;
	pthread_cond_broadcast(&pager->transferred);
}

NTSTATUS fault_read(struct fault *fault)
{
	struct pager *pager = fault->map->pager;
	bool many = fault->cluster > 1;
	NTSTATUS status = transfer(fault);
	lock_take(&pager->lock);
	finish(fault, status);
	lock_drop(&pager->lock);
	fault->alone |= status != 0;
	return many ? STATUS_SUCCESS : status; /* a cluster: page by page */
}
