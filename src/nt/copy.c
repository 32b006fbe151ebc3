/* SPDX-License-Identifier: MIT
 *
 * NtReadVirtualMemory and NtWriteVirtualMemory (rules PM).
 */
#include "nt/target.h"

struct copy {
	uint64_t address;
	void *host;
	uint64_t bytes;
	enum copy_way way;
	uint64_t done;
};

/* PM-2. */
static NTSTATUS check(const struct target *target, const struct copy *copy)
{
	uint64_t last;
	if (!last_byte(copy->address, copy->bytes, &last) || last > target_top(target))
		return STATUS_ACCESS_VIOLATION;
	return host_range_ok(copy->host, copy->bytes) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

/* What a copy that stopped is called: to write, the first page is probed (PM-5, PM-8). */
static NTSTATUS stopped(const struct copy *copy, NTSTATUS why)
{
	return copy->way == COPY_WRITE && !copy->done ? why : STATUS_PARTIAL_COPY;
}

static NTSTATUS copy_bytes(struct target *target, struct copy *copy)
{
	NTSTATUS status = check(target, copy);
	if (!status)
		status = target_alive(target);
	if (status)
		return status;
	status = target->space->engine->copy(target->space, copy->address, copy->host, copy->bytes,
	                                     copy->way, &copy->done);
	return status ? stopped(copy, status) : STATUS_SUCCESS;
}

/* Nothing of a copy of nothing is looked at (PM-1). *copied is written in any case (PM-15). */
static NTSTATUS copy_call(HANDLE process, uint32_t access, struct copy *copy, uint64_t *copied)
{
	struct target target;
	NTSTATUS status = STATUS_SUCCESS;
	status = copied ? probe_word(copied) : STATUS_SUCCESS;
	if (status)
		return status;
	if (copy->bytes) {
		target_open(&target, process, access);
		status = copy_bytes(&target, copy);
		target_close(&target);
	}
	if (copied)
		*copied = copy->done;
	return status;
}

NTSTATUS NtReadVirtualMemory(HANDLE process, uint64_t address, void *buffer, uint64_t size,
                             uint64_t *copied)
{
	struct copy copy = {.address = address, .host = buffer, .bytes = size, .way = COPY_READ};
	return copy_call(process, PROCESS_VM_READ, &copy, copied);
}

NTSTATUS NtWriteVirtualMemory(HANDLE process, uint64_t address, const void *buffer, uint64_t size,
                              uint64_t *copied)
{
	struct copy copy = {.address = address, .bytes = size, .way = COPY_WRITE};
	copy.host = (void *)(uintptr_t)buffer; /* the engine only reads it */
	return copy_call(process, PROCESS_VM_WRITE, &copy, copied);
}
