/* SPDX-License-Identifier: MIT
 *
 * AWE (rules AW): frames of a process's own, and mapping them into its windows.
 */
#include "base/os.h"
#include "nt/target.h"

#define MOST_NUMBERS (UINT64_MAX / sizeof(struct physical_mapping))
#define BLOCK 256 /* of the caller's numbers that are read at a time */

/* ---- frames ---------------------------------------------------------------------------------- */

static NTSTATUS check_numbers(uint64_t *count, const uint64_t *frames)
{
	NTSTATUS status = probe_word(count);
	if (status)
		return status;
	if (*count > MOST_NUMBERS)
		return STATUS_INVALID_PARAMETER_2;
	if (*count && !host_range_ok(frames, *count * sizeof *frames))
		return STATUS_ACCESS_VIOLATION;
	return STATUS_SUCCESS;
}

static NTSTATUS free_now(struct target *target, const uint64_t *frames, uint64_t *count)
{
	NTSTATUS status = target_write(target);
	if (status) {
		*count = 0;
		return status;
	}
	status = target->space->engine->physical_free(target->space, frames, count);
	target_unlock(target);
	return status;
}

/* There are not more frames than that. */
static uint64_t most_frames(struct target *target)
{
	struct memory_status memory;
	target->space->engine->memory(target->space, &memory);
	return memory.physical;
}

/* Into a list of the library's first: the caller's may be memory that is touched without a lock. */
static NTSTATUS allocate_list(struct target *target, uint64_t *frames, uint64_t *count)
{
	uint64_t got = min_u64(*count, most_frames(target));
	uint64_t *list = os_alloc(got ? got * sizeof *list : 1);
	if (!list)
		return STATUS_INSUFFICIENT_RESOURCES;
	NTSTATUS status =
		target->space->engine->physical_allocate(target->space, list, &got);
	if (!status) {
		status = host_put(frames, list, got * sizeof *list);
		*count = got;
		if (status)
			(void)free_now(target, list, &got);
	}
	os_free(list);
	return status;
}

static NTSTATUS allocate(struct target *target, uint64_t *frames, uint64_t *count)
{
	NTSTATUS status = target_alive(target);
	if (status)
		return status;
	if (!may_lock_memory(target))
		return STATUS_PRIVILEGE_NOT_HELD; /* AW-2 */
	return allocate_list(target, frames, count);
}

NTSTATUS NtAllocateUserPhysicalPages(HANDLE process, uint64_t *count, uint64_t *frames)
{
	struct target target;
	NTSTATUS status = check_numbers(count, frames);
	if (status)
		return status;
	uint64_t got = *count;
	target_open(&target, process, PROCESS_VM_OPERATION);
	status = allocate(&target, frames, &got);
	target_close(&target);
	if (!status)
		*count = got;
	return status;
}

/* Some at a time, as they are read. */
static NTSTATUS free_list(struct target *target, const uint64_t *frames, uint64_t *count)
{
	uint64_t block[BLOCK], wanted = *count, done;
	NTSTATUS status = STATUS_SUCCESS;
	for (*count = 0; *count < wanted && !status; *count += done) {
		done = min_u64(wanted - *count, BLOCK);
		status = host_get(block, frames + *count, done * sizeof *block);
		if (status)
			return status;
		status = free_now(target, block, &done);
	}
	return status;
}

NTSTATUS NtFreeUserPhysicalPages(HANDLE process, uint64_t *count, const uint64_t *frames)
{
	struct target target;
	NTSTATUS status = check_numbers(count, frames);
	if (status)
		return status;
	target_open(&target, process, PROCESS_VM_OPERATION);
	status = target_alive(&target);
	if (!status) {
		uint64_t freed = *count;
		status = free_list(&target, frames, &freed);
		*count = freed; /* AW-7: also on failure */
	}
	target_close(&target);
	return status;
}

/* ---- mapping --------------------------------------------------------------------------------- */

/* The caller's arrays, of uint64_t; perhaps of pointers. They are read once. */
struct map_call {
	uint64_t address;      /* of the first page, when `addresses` is NULL */
	const void *addresses;
	const void *frames;    /* NULL: unmap */
	bool zero_unmaps;      /* a frame 0 means none (AW-5) */
	uint64_t count;
};

/* The mappings from `first` on, a block of them at most. */
static NTSTATUS read_block(const struct map_call *call, uint64_t first, uint64_t count,
                           struct physical_mapping *list)
{
	uint64_t addresses[BLOCK], frames[BLOCK];
	NTSTATUS status = STATUS_SUCCESS;
	if (call->addresses)
		status = host_get(addresses, (const uint64_t *)call->addresses + first,
		                  count * sizeof *addresses);
	if (!status && call->frames)
		status = host_get(frames, (const uint64_t *)call->frames + first,
		                  count * sizeof *frames);
	for (uint64_t i = 0; i < count && !status; i++) {
		list[i].page = call->addresses ? page_of(addresses[i])
		                               : page_of(call->address) + first + i;
		list[i].frame = call->frames ? frames[i] : PHYSICAL_NONE;
		if (call->frames && frames[i] == PHYSICAL_NONE)
			list[i].frame--; /* nobody's, too */
		if (call->frames && frames[i] == 0 && call->zero_unmaps)
			list[i].frame = PHYSICAL_NONE;
	}
	return status;
}

static NTSTATUS read_list(const struct map_call *call, struct physical_mapping *list)
{
	NTSTATUS status = STATUS_SUCCESS;
	for (uint64_t first = 0, count; first < call->count && !status; first += count) {
		count = min_u64(call->count - first, BLOCK);
		status = read_block(call, first, count, list + first);
	}
	return status;
}

static bool is_in_window(const struct space *space, uint64_t page, struct range *window)
{
	if (range_has(*window, page))
		return true;
	if (page >= space->runs.whole.end)
		return false;
	const struct vad *vad = runs_at(&space->runs, page).vad;
	if (!vad || vad->kind != VAD_PHYSICAL)
		return false;
	*window = vad->range;
	return true;
}

static NTSTATUS check_list(const struct space *space, const struct physical_mapping *list,
                           uint64_t count)
{
	struct range window = {0, 0};
	for (uint64_t i = 0; i < count; i++)
		if (!is_in_window(space, list[i].page, &window))
			return STATUS_INVALID_PARAMETER_1;
	return STATUS_SUCCESS;
}

/* AW-4: all in one window. Before there is a list: it cannot be longer than the window. */
static NTSTATUS check_window(struct target *target, const struct map_call *call)
{
	struct range window = {0, 0};
	uint64_t page = page_of(call->address);
	NTSTATUS status = target_read(target);
	if (status)
		return status;
	if (!call->addresses && !is_in_window(target->space, page, &window))
		status = STATUS_INVALID_PARAMETER_1;
	else if (!call->addresses && call->count > window.end - page)
		status = STATUS_INVALID_PARAMETER_2;
	target_unlock(target);
	return status;
}

static NTSTATUS map_list(struct target *target, const struct physical_mapping *list, uint64_t count)
{
	NTSTATUS status = target_write(target);
	if (status)
		return status;
	status = check_list(target->space, list, count);
	if (!status)
		status = target->space->engine->physical_map(target->space, list, count);
	target_unlock(target);
	return status;
}

static NTSTATUS map_pages(struct target *target, const struct map_call *call)
{
	NTSTATUS status = check_window(target, call);
	if (status)
		return status;
	struct physical_mapping *list = os_alloc(call->count * sizeof *list);
	if (!list)
		return STATUS_INSUFFICIENT_RESOURCES;
	status = read_list(call, list);
	if (!status)
		status = map_list(target, list, call->count);
	os_free(list);
	return status;
}

/* AW-6: in the current process. */
static NTSTATUS map(const struct map_call *call)
{
	struct target target;
	if (!call->count)
		return STATUS_SUCCESS;
	if (call->count > MOST_NUMBERS)
		return STATUS_INVALID_PARAMETER_2;
	if (call->frames && !host_range_ok(call->frames, call->count * sizeof(uint64_t)))
		return STATUS_ACCESS_VIOLATION;
	target_open(&target, NtCurrentProcess(), PROCESS_VM_OPERATION);
	NTSTATUS status = map_pages(&target, call);
	target_close(&target);
	return status;
}

NTSTATUS NtMapUserPhysicalPages(uint64_t address, uint64_t count, const uint64_t *frames)
{
	return map(&(struct map_call){.address = address, .frames = frames, .count = count});
}

NTSTATUS NtMapUserPhysicalPagesScatter(const uint64_t *addresses, uint64_t count,
                                       const uint64_t *frames)
{
	if (count && count <= MOST_NUMBERS &&
	    !host_range_ok(addresses, count * sizeof *addresses))
		return STATUS_ACCESS_VIOLATION;
	return map(&(struct map_call){.addresses = addresses,
	                              .frames = frames,
	                              .zero_unmaps = true,
	                              .count = count});
}
