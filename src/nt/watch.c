/* SPDX-License-Identifier: MIT
 *
 * NtGetWriteWatch and NtResetWriteWatch (rules WW).
 *
 * To reset, the space is locked for writing: nothing is marked meanwhile. A store by a translation
 * that the engine has yet to take away belongs to a page that is marked already, and is over before the
 * answer is given; one after that faults, waits for the lock, and marks (WW-12).
 */
#include "nt/target.h"
#include "space/marks.h"

#define ROOM 1024  /* rows of pages that are asked for at a time */
#define BLOCK 512 /* addresses that are written at a time */

struct watch_call {
	bool reset;
	struct range rest;   /* still to be looked at */
	uint64_t *addresses; /* the caller's; perhaps an array of pointers */
	uint64_t most;       /* it has room for */
	uint64_t found;
};

/* WW-2; size 0 is complained of later. */
static NTSTATUS check_place(const struct layout *layout, uint64_t base, uint64_t size,
                            struct range *range)
{
	uint64_t last = base;
	if (base > layout->maximum)
		return STATUS_INVALID_PARAMETER_3;
	if (size && (!last_byte(base, size, &last) || last > layout->maximum))
		return STATUS_INVALID_PARAMETER_4;
	*range = pages_touched(base, last); /* WW-5 */
	return STATUS_SUCCESS;
}

/* WW-2: all of the range in one allocation, and that is watched. */
static NTSTATUS check_watch(const struct space *space, struct range range)
{
	struct vad *vad;
	return space_one_vad(space, range, &vad) && vad_watch(vad) ? STATUS_SUCCESS
	                                                       : STATUS_INVALID_PARAMETER_1;
}

static NTSTATUS ask(struct target *target, struct range range, struct marks *marks)
{
	NTSTATUS status = marks->reset ? target_write(target) : target_read(target);
	if (status)
		return status;
	status = check_watch(target->space, range);
	if (!status)
		space_marks(target->space, range, marks);
	target_unlock(target);
	return status;
}

static NTSTATUS put(struct watch_call *call, const uint64_t *block, uint64_t count)
{
	NTSTATUS status = host_put(call->addresses + call->found, block, count * sizeof *block);
	call->found += count;
	return status;
}

/* Without a lock: the caller's array may be memory that faults. */
static NTSTATUS tell(struct watch_call *call, const struct marks *marks)
{
	uint64_t block[BLOCK], count = 0;
	NTSTATUS status = STATUS_SUCCESS;
	for (size_t i = 0; i < marks->count && !status; i++) {
		uint64_t address = marks->found[i].start;
		for (; address < marks->found[i].end && !status; address += PAGE_BYTES) {
			block[count++] = address;
			if (count < BLOCK)
				continue;
			status = put(call, block, count);
			count = 0;
		}
	}
	return status || !count ? status : put(call, block, count);
}

/* Each turn is one step for who stores meanwhile. If the allocation is gone by the next, what was found
 * before is all. */
static NTSTATUS get(struct target *target, struct watch_call *call)
{
	struct marked list[ROOM];
	NTSTATUS status = STATUS_SUCCESS;
	while (call->found < call->most && call->rest.start < call->rest.end && !status) {
		struct marks marks = {.reset = call->reset, .found = list, .room = ROOM};
		marks.most = call->most - call->found;
		status = ask(target, call->rest, &marks);
		if (status)
			return call->found ? STATUS_SUCCESS : status;
		status = tell(call, &marks);
		call->rest.start = marks.end;
	}
	return status;
}

/* WW-2, after what it says of the place. No more is written than there are pages. */
static NTSTATUS check_answer(struct range range, uint64_t *addresses, uint64_t *count,
                             uint32_t *granularity)
{
	NTSTATUS status = probe_word(count);
	if (!status)
		status = probe_word(granularity);
	if (status)
		return status;
	if (!*count || *count > UINT64_MAX / sizeof *addresses)
		return STATUS_INVALID_PARAMETER_5;
	if (!host_range_ok(addresses, *count * sizeof *addresses))
		return STATUS_ACCESS_VIOLATION;
	return probe_out(addresses, min_u64(*count, range_pages(range)) * sizeof *addresses);
}

NTSTATUS NtGetWriteWatch(HANDLE process, uint32_t flags, uint64_t base, uint64_t size,
                         uint64_t *addresses, uint64_t *count, uint32_t *granularity)
{
	struct target target;
	struct watch_call call = {.reset = flags & WRITE_WATCH_FLAG_RESET, .addresses = addresses};
	if (flags & ~(uint32_t)WRITE_WATCH_FLAG_RESET)
		return STATUS_INVALID_PARAMETER_2;
	target_open(&target, process, PROCESS_VM_OPERATION);
	NTSTATUS status = check_place(target.layout, base, size, &call.rest);
	if (!status)
		status = check_answer(call.rest, addresses, count, granularity);
	if (!status && !size)
		status = STATUS_INVALID_PARAMETER_4;
	if (!status) {
		call.most = *count;
		status = get(&target, &call);
	}
	target_close(&target);
	if (status)
		return status;
	*count = call.found;
	*granularity = PAGE_BYTES;
	return STATUS_SUCCESS;
}

/* WW-25. */
NTSTATUS NtResetWriteWatch(HANDLE process, uint64_t base, uint64_t size)
{
	struct target target;
	struct range range;
	target_open(&target, process, PROCESS_VM_OPERATION);
	NTSTATUS status = check_place(target.layout, base, size, &range);
	if (!status && !size)
		status = STATUS_INVALID_PARAMETER_4;
	if (!status)
		status = ask(&target, range, &(struct marks){.reset = true});
	target_close(&target);
	return status;
}
