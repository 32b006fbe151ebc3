/* SPDX-License-Identifier: MIT
 *
 * NtLockVirtualMemory and NtUnlockVirtualMemory (rules VL). Which pages can be touched, how many
 * may be locked and which are is the engine's to say.
 */
#include "nt/target.h"

enum way { LOCK, UNLOCK };

struct lock_call {
	enum way way;
	unsigned how; /* MAP_PROCESS, MAP_SYSTEM */
	struct range range;
};

/* VL-2. */
static NTSTATUS check_place(const struct layout *layout, uint64_t base, uint64_t size,
                            struct range *range)
{
	uint64_t last;
	if (base > layout->maximum || !last_byte(base, size, &last) || last > layout->maximum)
		return STATUS_INVALID_PARAMETER;
	*range = pages_touched(base, last);
	return STATUS_SUCCESS;
}

/* What the space does not know the engine may. */
static bool is_hole(const struct target *target, uint64_t page)
{
	const struct engine *engine = target->space->engine;
	struct foreign foreign;
	return !engine->foreign || !engine->foreign(target->space, page, &foreign) ||
	       foreign.kind == FOREIGN_NONE;
}

/* VL-3, VL-21: in order. Of a part that the space does not know the first page is looked at; others the engine
 * finds when it touches them. */
static NTSTATUS check_holes(struct target *target, const struct lock_call *call)
{
	struct run run = {.end = call->range.start};
	for (;;) {
		NTSTATUS status = target_read(target);
		if (status)
			return status;
		bool more = next_run(target->space, call->range, &run);
		bool known = more && run.vad, paged = known && vad_is_paged(run.vad);
		target_unlock(target);
		if (!more)
			return STATUS_SUCCESS;
		if (!known && is_hole(target, run.start))
			return call->way == LOCK ? STATUS_ACCESS_VIOLATION : STATUS_NOT_LOCKED;
		if (known && !paged && call->way == LOCK)
			return STATUS_INCOMPATIBLE_FILE_MAP;
	}
}

/* VL-12: as Windows 7 and 10 do it. */
static void mark_written(struct target *target, struct range range)
{
	if (target_read(target))
		return;
	for (struct run run = {.end = range.start}; next_run(target->space, range, &run);) {
		if (run.vad && vad_watch(run.vad))
			page_set_add_all(vad_watch(run.vad), (struct range){run.start, run.end});
	}
	target_unlock(target);
}

static NTSTATUS run(struct target *target, const struct lock_call *call)
{
	const struct engine *engine = target->space->engine;
	if (call->how & MAP_SYSTEM && !may_lock_memory(target))
		return STATUS_PRIVILEGE_NOT_HELD; /* VL-1 */
	NTSTATUS status = check_holes(target, call);
	if (status)
		return status;
	if (call->way == UNLOCK)
		return engine->unlock(target->space, call->range, call->how);
	status = engine->lock(target->space, call->range, call->how);
	if (status >= 0)
		mark_written(target, call->range);
	return status;
}

static NTSTATUS check(const struct layout *layout, uint64_t *base, uint64_t *size,
                      struct lock_call *call)
{
	if (!call->how || call->how & ~(unsigned)(MAP_PROCESS | MAP_SYSTEM))
		return STATUS_INVALID_PARAMETER; /* VL-1 */
	NTSTATUS status = probe_words(base, size);
	return status ? status : check_place(layout, *base, *size, &call->range);
}

static NTSTATUS lock_pages(struct lock_call *call, HANDLE process, uint64_t *base, uint64_t *size)
{
	struct target target;
	target_open(&target, process, PROCESS_VM_OPERATION);
	NTSTATUS status = check(target.layout, base, size, call);
	if (!status)
		status = target.status ? target.status : run(&target, call);
	target_close(&target);
	if (status >= 0) { /* STATUS_WAS_LOCKED too */
		*base = address_of(call->range.start);
		*size = address_of(range_pages(call->range));
	}
	return status;
}

NTSTATUS NtLockVirtualMemory(HANDLE process, uint64_t *base, uint64_t *size, uint32_t map_type)
{
	return lock_pages(&(struct lock_call){.way = LOCK, .how = map_type}, process, base, size);
}

NTSTATUS NtUnlockVirtualMemory(HANDLE process, uint64_t *base, uint64_t *size, uint32_t map_type)
{
	return lock_pages(&(struct lock_call){.way = UNLOCK, .how = map_type}, process, base, size);
}
