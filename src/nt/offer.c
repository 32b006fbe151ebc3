/* SPDX-License-Identifier: MIT
 *
 * Offer, reclaim, discard (rules OF): pages whose contents may be thrown away when RAM is short.
 */
#include "nt/target.h"
#include "space/ready.h"

#define FIRST_PRIORITY 1
#define LAST_PRIORITY 4

/* OF-2. */
static NTSTATUS check_place(const struct layout *layout, uint64_t address, uint64_t size,
                            struct range *range)
{
	uint64_t last;
	if (address % PAGE_BYTES || size % PAGE_BYTES)
		return STATUS_INVALID_PARAMETER;
	if (!last_byte(address, size, &last) || last > layout->maximum)
		return STATUS_INVALID_PARAMETER;
	*range = pages_touched(address, last);
	return STATUS_SUCCESS;
}

/* Counts the runs; all are to be private and committed. */
static NTSTATUS check_runs(const struct space *space, struct range range, unsigned *runs)
{
	*runs = 0;
	for (struct run run = {.end = range.start}; next_run(space, range, &run); ++*runs) {
		if (!attr_is_committed(run.attr))
			return STATUS_INVALID_PARAMETER;
		if (vad_view(run.vad) || !vad_is_paged(run.vad))
			return STATUS_INVALID_PARAMETER; /* OF-2: private memory */
		if (vad_is_systems(run.vad))
			return STATUS_INVALID_PAGE_PROTECTION; /* AS-4 */
	}
	return STATUS_SUCCESS;
}

/* Opens the target, and locks it when the range can be offered. To be closed in any case. */
static NTSTATUS begin(struct target *target, HANDLE process, uint64_t address, uint64_t size,
                      struct range *range)
{
	unsigned runs;
	target_open(target, process, PROCESS_VM_OPERATION);
	NTSTATUS status = check_place(target->layout, address, size, range);
	if (!status)
		status = target_write(target);
	if (status)
		return status;
	status = check_runs(target->space, *range, &runs);
	if (!status)
		status = space_prepare(target->space, runs);
	if (status)
		target_unlock(target);
	return status;
}

/* Offered pages are out of reach, others as protected. */
static NTSTATUS open_runs(struct space *space, struct range range, bool offered)
{
	NTSTATUS status = STATUS_SUCCESS;
	for (struct run run = {.end = range.start}; !status && next_run(space, range, &run);) {
		struct range piece = {run.start, run.end};
		status = offered ? ready_withdraw(space, piece)
		                 : ready_open(space, piece, attr_prot(run.attr), vad_watch(run.vad));
	}
	if (status)
		ready_undo(space, range);
	return status;
}

NTSTATUS nt_offer(HANDLE process, uint64_t address, uint64_t size, unsigned priority)
{
	struct target target;
	struct range range;
	if (priority < FIRST_PRIORITY || priority > LAST_PRIORITY)
		return STATUS_INVALID_PARAMETER;
	NTSTATUS status = begin(&target, process, address, size, &range);
	if (!status) {
		status = open_runs(target.space, range, true);
		if (!status) {
			space_set_offered(target.space, range, true);
			target.space->engine->offer(target.space, range, priority);
		}
		target_unlock(&target);
	}
	target_close(&target);
	return status;
}

/* Every offered page of the range comes back from the engine; false when some contents are lost. */
static bool reclaim_runs(struct space *space, struct range range)
{
	bool intact = true;
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&space->runs, page); /* private: nobody else has a say */
		struct range piece = {page, min_u64(run.end, range.end)};
		if (run.attr & ATTR_OFFERED)
			intact &= space->engine->reclaim(space, piece);
		page = piece.end;
	}
	return intact;
}

void take_back_offered(struct space *space, struct range range)
{
	reclaim_runs(space, range);
}

NTSTATUS nt_reclaim(HANDLE process, uint64_t address, uint64_t size, bool *intact)
{
	struct target target;
	struct range range;
	NTSTATUS status = begin(&target, process, address, size, &range);
	if (!status) {
		status = open_runs(target.space, range, false);
		if (!status) {
			*intact = reclaim_runs(target.space, range);
			space_set_offered(target.space, range, false);
		}
		target_unlock(&target);
	}
	target_close(&target);
	return status;
}

/* OF-5: all PAGE_READWRITE, and in reach. */
static bool can_discard(const struct space *space, struct range range)
{
	for (struct run run = {.end = range.start}; next_run(space, range, &run);) {
		if ((run.attr & ~ATTR_LEVEL_MASK) != (ATTR_COMMITTED | PROT_READWRITE))
			return false;
	}
	return true;
}

NTSTATUS nt_discard(HANDLE process, uint64_t address, uint64_t size)
{
	struct target target;
	struct range range;
	NTSTATUS status = begin(&target, process, address, size, &range);
	if (!status) {
		if (can_discard(target.space, range))
			target.space->engine->discard(target.space, range);
		else
			status = STATUS_INVALID_PARAMETER;
		target_unlock(&target);
	}
	target_close(&target);
	return status;
}
