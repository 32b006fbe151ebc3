/* SPDX-License-Identifier: MIT
 *
 * ntmm/machine.h: processes of a machine, and where their pages are.
 */
#include <ntmm/windows.h>

#include "base/check.h"
#include "embed/embed.h"
#include "machine/pager/page_hold.h"
#include "machine/pager/page_lock.h"
#include "machine/pager/segment.h"
#include "win32/error.h"

NTSTATUS embed_process(HANDLE handle, uint32_t access, struct process **process,
                       struct machine_process **inside)
{
	NTSTATUS status = process_reference(handle, access, process);
	if (status)
		return status;
	*inside = machine_process_of((*process)->space);
	if ((*process)->space->engine != &machine_engine)
		status = STATUS_NOT_SUPPORTED;
	else if (atomic_load(&(*inside)->gone))
		status = STATUS_PROCESS_IS_TERMINATING;
	if (status)
		process_release(*process);
	return status;
}

NTSTATUS embed_query(HANDLE handle, struct process **process, struct machine_process **inside)
{
	NTSTATUS status = embed_process(handle, PROCESS_QUERY_INFORMATION, process, inside);
	if (status == STATUS_ACCESS_DENIED)
		status = embed_process(handle, PROCESS_QUERY_LIMITED_INFORMATION, process, inside);
	return status;
}

/* The process's number is known only now: its events and counters tell it. */
void embed_give_number(struct process *process)
{
	struct page_map *map = &machine_process_of(process->space)->map;
	lock_take(&map->pager->lock);
	map->pid = process->pid;
	lock_drop(&map->pager->lock);
}

static NTSTATUS create(ntmm_machine *machine, ntmm_layout layout, struct process **process)
{
	struct space *space;
	if (!machine || !layout_of(layout))
		return STATUS_INVALID_PARAMETER;
	NTSTATUS status = machine_process_create(machine, layout_of(layout), &space);
	if (status)
		return status;
	status = process_create(space, machine, process);
	if (!status) {
		embed_give_number(*process);
		return STATUS_SUCCESS;
	}
	space_end(space);
	machine_engine.free(space);
	return status;
}

HANDLE ntmm_process_create(ntmm_machine *machine, ntmm_layout layout)
{
	struct process *process;
	HANDLE handle = NULL;
	complain_nothing();
	if (!win32_ok(create(machine, layout, &process)))
		return NULL;
	NTSTATUS status = handle_open(&process->object, PROCESS_ALL_ACCESS, &handle);
	process_release(process);
	return win32_ok(status) ? handle : NULL;
}

uint64_t ntmm_process_cr3(HANDLE handle)
{
	struct process *process;
	struct machine_process *inside;
	uint64_t cr3 = 0;
	NTSTATUS status = embed_query(handle, &process, &inside);
	if (status) {
		win32_ok(status);
		return 0;
	}
	if (machine_process_lock(inside)) {
		cr3 = address_of(inside->map.root);
		machine_process_unlock(inside);
	}
	process_release(process);
	return cr3;
}

static void fill_counters(const struct machine_process *inside, ntmm_process_counters *c)
{
	const struct page_map *map = &inside->map;
	*c = (ntmm_process_counters){.size = sizeof *c, .pid = map->pid};
	c->commit = inside->space.commit;
	c->commit_peak = inside->space.commit_peak;
	c->working_set = map->active;
	c->working_set_peak = map->active_peak;
	c->tables = map->tables;
	c->locked = map->locked;
	c->held = map->held;
	c->physical = map->physical.count;
	c->large = map->large * LARGE_PAGES;
	c->demand_zero = map->tally.demand_zero;
	c->soft = map->tally.soft;
	c->hard = map->tally.hard;
	c->violations = map->tally.violations;
	c->guards = map->tally.guards;
	c->page_ins = map->tally.page_ins;
	c->page_outs = map->tally.page_outs;
	c->trimmed = map->tally.trimmed;
	c->stray_writes = map->tally.stray_writes;
}

NTSTATUS ntmm_process_get_counters(HANDLE handle, ntmm_process_counters *counters)
{
	struct process *process;
	struct machine_process *inside;
	if (!counters || counters->size != sizeof *counters)
		return STATUS_INFO_LENGTH_MISMATCH;
	NTSTATUS status = embed_query(handle, &process, &inside);
	if (status)
		return status;
	status = STATUS_PROCESS_IS_TERMINATING;
	if (machine_process_lock(inside)) {
		fill_counters(inside, counters);
		machine_process_unlock(inside);
		status = STATUS_SUCCESS;
	}
	process_release(process);
	return status;
}

static uint32_t where_is(enum frame_state state)
{
	switch (state) {
	case FRAME_ACTIVE:
	case FRAME_FIXED:
		return NTMM_PAGE_ACTIVE;
	case FRAME_STANDBY:
		return NTMM_PAGE_STANDBY;
	case FRAME_MODIFIED:
		return NTMM_PAGE_MODIFIED;
	case FRAME_NO_WRITE:
		return NTMM_PAGE_MODIFIED_NO_WRITE;
	case FRAME_PHYSICAL:
		return NTMM_PAGE_PHYSICAL;
	default:
		return NTMM_PAGE_TRANSITION;
	}
}

static void fill_frame(const struct pager *pager, struct pte pte, ntmm_page_info *info)
{
	const struct frame *record = frame_at(&pager->phys, pte_frame(pte));
	info->where = where_is(record->state);
	info->frame = pte_frame(pte);
	info->slot = record->slot;
	info->dirty = (record->flags & FRAME_DIRTY) != 0;
	info->accessed = pte_is_present(pte) && pte_is_accessed(pte);
	info->age = info->where == NTMM_PAGE_ACTIVE && !info->locked ? frame_age(pager, record) : 0;
}

static void fill_info(const struct page_map *map, uint64_t page, ntmm_page_info *info)
{
	*info = (ntmm_page_info){.size = sizeof *info, .where = NTMM_PAGE_NONE};
	struct place place = map_walk(&map->pager->phys, map->root, page);
	struct pte pte = pte_load(place.entry);
	if (place_is_large(place)) {
		info->where = NTMM_PAGE_LARGE;
		info->entry = pte.raw;
		info->frame = pte_frame(pte) + page % LARGE_PAGES;
		info->locked = info->dirty = info->accessed = 1;
		return;
	}
	if (place.level != 1) {
		info->where =
			pte_is_zero(pte) ? NTMM_PAGE_NONE : NTMM_PAGE_PAGED_OUT; /* its table is */
		return;
	}
	info->entry = pte.raw;
	if (pte_is_resident(pte)) {
		fill_frame(map->pager, pte, info);
		info->locked = pte_is_present(pte) &&
		               (page_locks(map, place) || info->where == NTMM_PAGE_PHYSICAL);
	} else if (pte_is_paged_out(pte)) {
		info->where = NTMM_PAGE_PAGED_OUT;
		info->slot = pte_slot(pte);
	}
}

/* A page of a view that the process does not show: the section knows where it is. */
static void fill_info_behind(const struct space *space, uint64_t page, ntmm_page_info *info)
{
	const struct vad *vad = runs_at(&space->runs, page).vad;
	if (!vad || !vad_view(vad) || info->entry || info->where != NTMM_PAGE_NONE)
		return;
	fill_info(&segment_of(vad_view(vad)->section)->map, view_page(vad_view(vad), page), info);
	info->entry = info->locked = 0;
}

NTSTATUS ntmm_process_page_info(HANDLE handle, uint64_t address, ntmm_page_info *info)
{
	struct process *process;
	struct machine_process *inside;
	if (!info || info->size != sizeof *info)
		return STATUS_INFO_LENGTH_MISMATCH;
	NTSTATUS status = embed_query(handle, &process, &inside);
	if (status)
		return status;
	status = STATUS_INVALID_PARAMETER;
	inside = machine_process_of(space_at(&inside->space, address));
	if (address <= inside->space.layout->maximum && machine_process_lock(inside)) {
		fill_info(&inside->map, page_of(address), info);
		fill_info_behind(&inside->space, page_of(address), info);
		machine_process_unlock(inside);
		status = STATUS_SUCCESS;
	}
	process_release(process);
	return status;
}

static bool is_user_range(const struct layout *layout, uint64_t address, uint64_t bytes)
{
	return bytes && address <= layout->maximum && bytes - 1 <= layout->maximum - address;
}

NTSTATUS ntmm_process_hold_pages(HANDLE handle, uint64_t address, uint64_t bytes, bool hold)
{
	struct process *process;
	struct machine_process *inside;
	NTSTATUS status = embed_process(handle, PROCESS_VM_OPERATION, &process, &inside);
	if (status)
		return status;
	status = STATUS_INVALID_PARAMETER;
	if (is_user_range(inside->space.layout, address, bytes)) {
		struct range range = {page_of(address), page_of(address + (bytes - 1)) + 1};
		status = hold ? pages_hold(&inside->space, range)
		              : pages_let_go(&inside->space, range);
	}
	process_release(process);
	return status;
}
