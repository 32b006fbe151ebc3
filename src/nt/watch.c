/* SPDX-License-Identifier: MIT
 *
 * NtGetWriteWatch and NtResetWriteWatch (rules WW).
 *
 * To reset, the space is locked for writing: nothing is marked meanwhile. A store by a translation
 * that the engine has yet to take away belongs to a page that is marked already, and is over before the
 * answer is given; one after that faults, waits for the lock, and marks (WW-12).
 */
#include <string.h>

#include "nt/target.h"

struct watch_call {
	bool reset;
	struct range range;
	void *addresses; /* the host's, of uint64_t; perhaps an array of pointers */
	uint64_t most;   /* it has room for */
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
static NTSTATUS find_watch(const struct space *space, struct range range, struct page_set **watch)
{
	struct vad *vad;
	if (!space_one_vad(space, range, &vad) || !vad->watch)
		return STATUS_INVALID_PARAMETER_1;
	*watch = vad->watch;
	return STATUS_SUCCESS;
}

/* Writes the addresses of what is marked, as many as there is room for; where it had to stop (WW-7). */
static uint64_t collect(const struct page_set *watch, struct watch_call *call)
{
	struct range rest = call->range, marked;
	while (call->found < call->most && page_set_find(watch, rest, &marked)) {
		for (rest.start = marked.start;
		     rest.start < marked.end && call->found < call->most; rest.start++) {
			uint64_t address = address_of(rest.start);
			memcpy((char *)call->addresses + call->found++ * sizeof address, &address,
			       sizeof address);
		}
	}
	return call->found < call->most ? call->range.end : rest.start;
}

static void reset(struct space *space, struct page_set *watch, struct range range)
{
	struct range marked;
	if (!page_set_find(watch, range, &marked))
		return;
	space->engine->rearm(space, range);
	page_set_remove(watch, range);
}

static NTSTATUS get(struct target *target, struct watch_call *call)
{
	struct page_set *watch;
	NTSTATUS status = call->reset ? target_write(target) : target_read(target);
	if (status)
		return status;
	status = find_watch(target->space, call->range, &watch);
	if (!status) {
		uint64_t end = collect(watch, call);
		if (call->reset)
			reset(target->space, watch, (struct range){call->range.start, end});
	}
	target_unlock(target);
	return status;
}

/* WW-2, after what it says of the place. */
static NTSTATUS check_answer(const uint64_t *addresses, const uint64_t *count,
                             const uint32_t *granularity)
{
	if (!host_pointer_ok(count) || !host_pointer_ok(granularity))
		return STATUS_ACCESS_VIOLATION;
	if (!*count || *count > UINT64_MAX / sizeof *addresses)
		return STATUS_INVALID_PARAMETER_5;
	return host_range_ok(addresses, *count * sizeof *addresses) ? STATUS_SUCCESS
	                                                            : STATUS_ACCESS_VIOLATION;
}

NTSTATUS NtGetWriteWatch(HANDLE process, uint32_t flags, uint64_t base, uint64_t size,
                         uint64_t *addresses, uint64_t *count, uint32_t *granularity)
{
	struct target target;
	struct watch_call call = {.reset = flags & WRITE_WATCH_FLAG_RESET, .addresses = addresses};
	if (flags & ~(uint32_t)WRITE_WATCH_FLAG_RESET)
		return STATUS_INVALID_PARAMETER_2;
	target_open(&target, process, PROCESS_VM_OPERATION);
	NTSTATUS status = check_place(target.layout, base, size, &call.range);
	if (!status)
		status = check_answer(addresses, count, granularity);
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
static NTSTATUS reset_call(struct target *target, struct range range)
{
	struct page_set *watch;
	NTSTATUS status = target_write(target);
	if (status)
		return status;
	status = find_watch(target->space, range, &watch);
	if (!status)
		reset(target->space, watch, range);
	target_unlock(target);
	return status;
}

NTSTATUS NtResetWriteWatch(HANDLE process, uint64_t base, uint64_t size)
{
	struct target target;
	struct range range;
	target_open(&target, process, PROCESS_VM_OPERATION);
	NTSTATUS status = check_place(target.layout, base, size, &range);
	if (!status && !size)
		status = STATUS_INVALID_PARAMETER_4;
	if (!status)
		status = reset_call(&target, range);
	target_close(&target);
	return status;
}
