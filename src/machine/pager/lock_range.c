/* SPDX-License-Identifier: MIT
 *
 * VirtualLock and VirtualUnlock over a range.
 */
#include "base/os.h"
#include "machine/pager/touch.h"
#include "machine/pager/events.h"
#include "machine/pager/fault.h"
#include "machine/pager/page_lock.h"
#include "machine/pager/share.h"
#include "machine/pager/table.h"
#include "machine/pager/trim.h"

struct locking {
	unsigned how;
	bool all_were; /* every page so far had the bits before */
	uint8_t *new;  /* bit set: page of the range that this call has locked */
	uint64_t index;
};

static NTSTATUS lock_visitor(struct fault *fault, void *context)
{
	struct locking *locking = context;
	NTSTATUS status = page_lock(fault->map, fault->place, locking->how);
	if (status == STATUS_WAS_LOCKED)
		return STATUS_SUCCESS;
	if (status)
		return status;
	locking->all_were = false;
	locking->new[locking->index / 8] |= (uint8_t)(1u << locking->index % 8);
	return STATUS_SUCCESS;
}

/* The place of a page, if it is active. The space's and the pager's locks are held. */
static bool active_place(const struct page_map *map, uint64_t page, struct place *place)
{
	*place = map_walk(&map->pager->phys, map->root, page);
	struct pte pte = pte_load(place->entry);
	return place->level == 1 && pte_is_present(pte) &&
	       frame_at(&map->pager->phys, pte_frame(pte))->state == FRAME_ACTIVE;
}

static void undo(struct machine_process *process, struct range range, const struct locking *locking)
{
	struct place place;
	if (!machine_process_lock(process))
		return;
	for (uint64_t i = 0; i < range_pages(range); i++)
		if ((locking->new[i / 8] >> i % 8 & 1) &&
		    active_place(&process->map, range.start + i, &place))
			page_unlock(&process->map, place, locking->how);
	machine_process_unlock(process);
}

static NTSTATUS lock_each(struct machine_process *process, struct range range,
                          struct locking *locking)
{
	struct touch touch = {process, 0, NTMM_LOAD, MODE_SERVICE, lock_visitor, locking};
	NTSTATUS status = STATUS_SUCCESS;
	for (locking->index = 0; locking->index < range_pages(range) && !status; locking->index++) {
		touch.address = address_of(range.start + locking->index);
		status = touch_as_service(&touch);
	}
	return status;
}

/* Whether so many pages could be locked at all: keeps the bookkeeping in bounds. */
static bool within_quota(struct machine_process *process, struct range range)
{
	if (!machine_process_lock(process))
		return false;
	bool within = range_pages(range) <= process->map.limits.minimum;
	machine_process_unlock(process);
	return within;
}

NTSTATUS pages_lock(struct space *space, struct range range, unsigned how)
{
	struct machine_process *process = machine_process_of(space);
	struct locking locking = {.how = how * FRAME_LOCK_PROCESS, .all_were = true};
	if (!within_quota(process, range))
		return STATUS_WORKING_SET_QUOTA;
	locking.new = os_alloc(range_pages(range) / 8 + 1);
	if (!locking.new)
		return STATUS_INSUFFICIENT_RESOURCES;
	NTSTATUS status = lock_each(process, range, &locking);
	if (status)
		undo(process, range, &locking);
	else if (locking.all_were)
		status = STATUS_WAS_LOCKED;
	os_free(locking.new);
	return status;
}

static bool is_locked(const struct page_map *map, uint64_t page, unsigned how)
{
	struct place place;
	return active_place(map, page, &place) && (page_locks(map, place) & how) == how;
}

static void trim_place(struct page_map *map, struct place place, uint64_t page,
                       struct shootdown *shootdown)
{
	frame_t frame = pte_frame(pte_load(place.entry));
	if (!is_shared(&map->pager->phys, place, frame)) {
		trim_page(map, frame, shootdown);
		return;
	}
	share_leave(map, place, page, shootdown);
	table_settle(map, place.table);
}

/* VL-23: what is not locked leaves the working set. */
static void trim_unlocked(struct page_map *map, struct range range)
{
	struct shootdown shootdown = {0};
	struct place place;
	for (uint64_t page = range.start; page < range.end; page++)
		if (active_place(map, page, &place) && !page_locks(map, place))
			trim_place(map, place, page, &shootdown);
	shoot_wait(&shootdown);
}

static NTSTATUS unlock_locked(struct page_map *map, struct range range, unsigned how)
{
	struct place place;
	for (uint64_t page = range.start; page < range.end; page++)
		if (!is_locked(map, page, how)) {
			trim_unlocked(map, range);
			return STATUS_NOT_LOCKED;
		}
	for (uint64_t page = range.start; page < range.end; page++)
		if (active_place(map, page, &place))
			page_unlock(map, place, how);
	return STATUS_SUCCESS;
}

NTSTATUS pages_unlock(struct space *space, struct range range, unsigned how)
{
	struct machine_process *process = machine_process_of(space);
	if (!machine_process_lock(process))
		return STATUS_PROCESS_IS_TERMINATING;
	NTSTATUS status = unlock_locked(&process->map, range, how * FRAME_LOCK_PROCESS);
	machine_process_unlock(process);
	pager_deliver(process->map.pager);
	return status;
}
