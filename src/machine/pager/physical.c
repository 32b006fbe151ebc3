/* SPDX-License-Identifier: MIT
 *
 * Frames of a process's own: given out, taken back. They are mapped in physical_map.c.
 */
#include "base/os.h"
#include "machine/pager/events.h"
#include "machine/pager/frames.h"
#include "machine/pager/physical.h"
#include "machine/pager/shoot.h"
#include "machine/pager/table.h"
#include "machine/pager/touch.h"

#define STARVED_TRIES 64 /* steps without any progress before fewer frames are given */

static void uncharge(struct pager *pager, uint64_t frames)
{
	ledger_return(&pager->resident, frames);
	ledger_return(&pager->commit, frames);
}

/* For how many frames there is a promise of both kinds. No lock is held: a paging file may grow. */
static uint64_t charge(struct pager *pager, uint64_t wanted)
{
	uint64_t resident = ledger_charge_most(&pager->resident, wanted);
	uint64_t both = ledger_charge_most(&pager->commit, resident);
	ledger_return(&pager->resident, resident - both);
	return both;
}

/* As many as there are at the moment. */
static void take_frames(struct page_map *map, uint64_t *frames, uint64_t wanted, uint64_t *count)
{
	struct pager *pager = map->pager;
	for (; *count < wanted; ++*count) {
		frame_t frame = pager_take(pager, USE_DATA);
		if (frame == NO_FRAME)
			return;
		frame_set_state(&pager->phys, frame, FRAME_PHYSICAL);
		frame_at(&pager->phys, frame)->owner = map->number & INT32_MAX;
		frame_list_append(&pager->phys, &map->physical, frame);
		frames[*count] = frame;
	}
}

/* Takes frames that are charged, or what can be had of them; what was got is the process's, whatever
 * comes after. */
static NTSTATUS take_charged(struct machine_process *process, uint64_t *frames, uint64_t wanted,
                             uint64_t *got)
{
	for (unsigned starved = 0; *got < wanted && starved < STARVED_TRIES;) {
		uint64_t before = *got;
		if (!machine_process_lock(process))
			return STATUS_PROCESS_IS_TERMINATING;
		take_frames(&process->map, frames, wanted, got);
		machine_process_unlock(process);
		if (*got == wanted)
			break;
		bool progress = !pager_make_room(process->map.pager) || *got > before;
		starved = progress ? 0 : starved + 1;
		if (!progress)
			os_yield();
	}
	return STATUS_SUCCESS;
}

NTSTATUS physical_allocate(struct space *space, uint64_t *frames, uint64_t *count)
{
	struct machine_process *process = machine_process_of(space);
	struct pager *pager = process->map.pager;
	uint64_t got = 0, charged = charge(pager, *count);
	NTSTATUS status = take_charged(process, frames, charged, &got);
	uncharge(pager, charged - got);
	pager_deliver(pager);
	if (!status && *count && !got)
		status = STATUS_INSUFFICIENT_RESOURCES;
	if (!status)
		*count = got;
	return status;
}

/* ---- back ------------------------------------------------------------------------------------ */

void physical_unmapped(struct page_map *map, frame_t frame)
{
	struct frame *record = frame_at(&map->pager->phys, frame);
	table_unlock(map, record->table, 0);
	record->table = NO_FRAME;
}

static void unmap(struct space *space, frame_t frame, struct shootdown *shootdown)
{
	struct page_map *map = &machine_process_of(space)->map;
	struct phys *phys = &map->pager->phys;
	struct place place = map_place_of(phys, frame);
	uint64_t page = map_owner_of(phys, frame).page;
	physical_unmapped(map, frame);
	map_set(phys, place, (struct pte){0});
	shoot_page(map, page, SHOOT_ALL, shootdown);
	page_set_remove(vad_mapped(space_run(space, address_of(page)).vad),
	                (struct range){page, page + 1});
	table_settle(map, place.table);
}

static void give_back(struct page_map *map, frame_t frame)
{
	frame_list_remove(&map->pager->phys, &map->physical, frame);
	pager_drop(map->pager, frame);
	uncharge(map->pager, 1);
}

/* The frames may be taken by others once the lock is dropped, and not before: so one barrier does. */
NTSTATUS physical_free(struct space *space, const uint64_t *frames, uint64_t *count)
{
	struct page_map *map = &machine_process_of(space)->map;
	struct shootdown shootdown = {0};
	uint64_t wanted = *count;
	lock_take(&map->pager->lock);
	for (*count = 0; *count < wanted; ++*count) {
		uint64_t number = frames[*count];
		if (!physical_is_own(map, number))
			break;
		if (frame_at(&map->pager->phys, (frame_t)number)->table != NO_FRAME)
			unmap(space, (frame_t)number, &shootdown);
		give_back(map, (frame_t)number);
	}
	shoot_wait(&shootdown);
	lock_drop(&map->pager->lock);
	return *count == wanted ? STATUS_SUCCESS : STATUS_CONFLICTING_ADDRESSES;
}

void physical_free_all(struct page_map *map)
{
	lock_take(&map->pager->lock);
	while (map->physical.first != NO_FRAME)
		give_back(map, map->physical.first);
	lock_drop(&map->pager->lock);
}
