/* SPDX-License-Identifier: MIT
 *
 * AWE (rules AW): frames of a process's own, and mapping them into its windows.
 */
#include <string.h>

#include "base/os.h"
#include "nt/target.h"

#define MOST_NUMBERS (UINT64_MAX / sizeof(struct physical_mapping))

/* ---- frames ---------------------------------------------------------------------------------- */

static NTSTATUS check_numbers(const uint64_t *count, const uint64_t *frames)
{
	if (!host_pointer_ok(count))
		return STATUS_ACCESS_VIOLATION;
	if (*count > MOST_NUMBERS)
		return STATUS_INVALID_PARAMETER_2;
	if (*count && !host_range_ok(frames, *count * sizeof *frames))
		return STATUS_ACCESS_VIOLATION;
	return STATUS_SUCCESS;
}

static NTSTATUS allocate(struct target *target, uint64_t *frames, uint64_t *count)
{
	NTSTATUS status = target_alive(target);
	if (status)
		return status;
	if (!may_lock_memory(target))
		return STATUS_PRIVILEGE_NOT_HELD; /* AW-2 */
	return target->space->engine->physical_allocate(target->space, frames, count);
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

NTSTATUS NtFreeUserPhysicalPages(HANDLE process, uint64_t *count, const uint64_t *frames)
{
	struct target target;
	NTSTATUS status = check_numbers(count, frames);
	if (status)
		return status;
	target_open(&target, process, PROCESS_VM_OPERATION);
	status = target_write(&target);
	if (!status) {
		uint64_t freed = *count;
		status = target.space->engine->physical_free(target.space, frames, &freed);
		target_unlock(&target);
		*count = freed; /* AW-7: also on failure */
	}
	target_close(&target);
	return status;
}

/* ---- mapping --------------------------------------------------------------------------------- */

/* The host's arrays, of uint64_t; perhaps of pointers. They are read once. */
struct map_call {
	uint64_t address;      /* of the first page, when `addresses` is NULL */
	const void *addresses;
	const void *frames;    /* NULL: unmap */
	bool zero_unmaps;      /* a frame 0 means none (AW-5) */
	uint64_t count;
};

static uint64_t number_at(const void *array, uint64_t i)
{
	uint64_t number;
	memcpy(&number, (const char *)array + i * sizeof number, sizeof number);
	return number;
}

static struct physical_mapping mapping_at(const struct map_call *call, uint64_t i)
{
	struct physical_mapping mapping = {page_of(call->address) + i, PHYSICAL_NONE};
	if (call->addresses)
		mapping.page = page_of(number_at(call->addresses, i));
	if (!call->frames)
		return mapping;
	mapping.frame = number_at(call->frames, i);
	if (mapping.frame == PHYSICAL_NONE)
		mapping.frame--; /* nobody's, too */
	if (mapping.frame == 0 && call->zero_unmaps)
		mapping.frame = PHYSICAL_NONE;
	return mapping;
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

static NTSTATUS fill_list(const struct space *space, const struct map_call *call,
                          struct physical_mapping *list)
{
	struct range window = {0, 0};
	for (uint64_t i = 0; i < call->count; i++) {
		list[i] = mapping_at(call, i);
		if (!is_in_window(space, list[i].page, &window))
			return STATUS_INVALID_PARAMETER_1;
	}
	return STATUS_SUCCESS;
}

/* AW-4: all in one window. Before there is a list: it cannot be longer than the window. */
static NTSTATUS check_window(const struct space *space, const struct map_call *call)
{
	struct range window = {0, 0};
	uint64_t page = page_of(call->address);
	if (call->addresses)
		return STATUS_SUCCESS;
	if (!is_in_window(space, page, &window))
		return STATUS_INVALID_PARAMETER_1;
	return call->count <= window.end - page ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER_2;
}

static NTSTATUS map_list(struct space *space, const struct map_call *call)
{
	NTSTATUS status = check_window(space, call);
	if (status)
		return status;
	struct physical_mapping *list = os_alloc(call->count * sizeof *list);
	if (!list)
		return STATUS_INSUFFICIENT_RESOURCES;
	status = fill_list(space, call, list);
	if (!status)
		status = space->engine->physical_map(space, list, call->count);
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
	NTSTATUS status = target_write(&target);
	if (!status) {
		status = map_list(target.space, call);
		target_unlock(&target);
	}
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
