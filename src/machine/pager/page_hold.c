/* SPDX-License-Identifier: MIT */
#include "machine/pager/page_hold.h"

#include "base/os.h"
#include "machine/pager/events.h"
#include "machine/pager/frames.h"
#include "machine/pager/share.h"
#include "machine/pager/table.h"
#include "machine/pager/touch.h"
#include "machine/pager/visit.h"

/* ---- one page -------------------------------------------------------------------------------- */

NTSTATUS page_hold(struct page_map *map, struct place place)
{
	const struct phys *phys = &map->pager->phys;
	frame_t frame = pte_frame(pte_load(place.entry));
	struct frame *record = frame_at(phys, frame);
	if (record->state != FRAME_ACTIVE || is_shared(phys, place, frame))
		return STATUS_NOT_SUPPORTED;
	if (record->held)
		return STATUS_WAS_LOCKED;
	if (!table_lock(map, place.table, 1))
		return STATUS_INSUFFICIENT_RESOURCES;
	record->held = true;
	map->held++;
	return STATUS_SUCCESS;
}

void page_let_go(struct page_map *map, frame_t frame)
{
	struct phys *phys = &map->pager->phys;
	struct frame *record = frame_at(phys, frame);
	if (!record->held)
		return;
	record->held = false;
	map->held--;
	table_unlock(map, record->table, 1);
	if (record->state == FRAME_NO_WRITE)
		frame_set_state(phys, frame, frame_rest_state(record));
}

/* ---- ranges ---------------------------------------------------------------------------------- */

struct holding {
	uint8_t *new; /* bit set: page of the range that this call holds */
	uint64_t index;
};

static NTSTATUS hold_visitor(struct fault *fault, void *context)
{
	struct holding *holding = context;
	NTSTATUS status = page_hold(fault->map, fault->place);
	if (!status)
		holding->new[holding->index / 8] |= (uint8_t)(1u << holding->index % 8);
	return status == STATUS_WAS_LOCKED ? STATUS_SUCCESS : status;
}

static NTSTATUS hold_each(struct machine_process *process, struct range range,
                          struct holding *holding)
{
	struct touch touch = {process, 0, NTMM_LOAD, MODE_SERVICE, hold_visitor, holding};
	NTSTATUS status = STATUS_SUCCESS;
	for (holding->index = 0; holding->index < range_pages(range) && !status; holding->index++) {
		touch.address = address_of(range.start + holding->index);
		status = touch_as_service(&touch);
	}
	return status;
}

static void let_go_entry(struct page_map *map, struct place place, uint64_t page, void *context)
{
	const struct phys *phys = &map->pager->phys;
	struct pte pte = pte_load(place.entry);
	(void)page;
	(void)context;
	if (pte_is_resident(pte) && frame_at(phys, pte_frame(pte))->table == place.table)
		page_let_go(map, pte_frame(pte));
}

static void undo(struct machine_process *process, struct range range,
                 const struct holding *holding)
{
	if (!machine_process_lock(process))
		return;
	for (uint64_t i = 0; i < range_pages(range); i++) {
		struct range page = {range.start + i, range.start + i + 1};
		if (holding->new[i / 8] >> i % 8 & 1)
			visit_present_tables(&process->map, page, let_go_entry, NULL);
	}
	machine_process_unlock(process);
}

NTSTATUS pages_hold(struct space *space, struct range range)
{
	struct machine_process *process = machine_process_of(space);
	struct holding holding = {0};
	if (range_pages(range) > process->map.pager->phys.count)
		return STATUS_INSUFFICIENT_RESOURCES;
	holding.new = os_alloc(range_pages(range) / 8 + 1);
	if (!holding.new)
		return STATUS_INSUFFICIENT_RESOURCES;
	NTSTATUS status = hold_each(process, range, &holding);
	if (status)
		undo(process, range, &holding);
	os_free(holding.new);
	return status;
}

NTSTATUS pages_let_go(struct space *space, struct range range)
{
	struct machine_process *process = machine_process_of(space);
	if (!machine_process_lock(process))
		return STATUS_PROCESS_IS_TERMINATING;
	visit_present_tables(&process->map, range, let_go_entry, NULL);
	machine_process_unlock(process);
	pager_deliver(process->map.pager);
	return STATUS_SUCCESS;
}
