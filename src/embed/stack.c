/* SPDX-License-Identifier: MIT */
#include "embed/stack.h"

#include <ntmm/ntapi.h>
#include <ntmm/windows.h>

#define MB (UINT64_C(1) << 20)
#define GRANULE (GRANULE_PAGES * PAGE_BYTES)
#define DEFAULT_RESERVE MB
#define DEFAULT_COMMIT (2 * PAGE_BYTES)
#define LARGEST (UINT64_C(1) << 46)

/* Bytes. Below the committed part: one guard page, one that stays reserved. */
struct sizes {
	uint64_t reserve, commit;
};

static bool choose_sizes(const ntmm_thread_options *options, struct sizes *sizes)
{
	uint64_t reserve = options->stack_reserve ? options->stack_reserve : DEFAULT_RESERVE;
	uint64_t commit = options->stack_commit ? options->stack_commit : DEFAULT_COMMIT;
	if (reserve > LARGEST || commit > LARGEST)
		return false;
	sizes->commit = round_up(commit < DEFAULT_COMMIT ? DEFAULT_COMMIT : commit, PAGE_BYTES);
	sizes->reserve = round_up(reserve, GRANULE);
	if (sizes->commit + 2 * PAGE_BYTES > sizes->reserve)
		sizes->reserve = round_up(sizes->commit + 2 * PAGE_BYTES, MB);
	return true;
}

static NTSTATUS commit_part(HANDLE handle, uint64_t base, uint64_t size)
{
	return NtAllocateVirtualMemory(handle, &base, 0, &size, MEM_COMMIT, PAGE_READWRITE);
}

/* Not by a call: Windows 9x has none that makes guards, but its stacks grow, too (W9-4). Unless the
 * process has just given the page back. */
static NTSTATUS set_guard(struct space *space, uint64_t page)
{
	struct range guard = {page, page + 1};
	const prot_t prot = PROT_READWRITE | PROT_GUARD;
	NTSTATUS status = STATUS_PROCESS_IS_TERMINATING;
	shared_lock_write(&space->lock);
	if (!space->ended)
		status = space_prepare(space, 1);
	if (!status && runs_committed(&space->runs, guard)) {
		space_protect(space, guard, prot);
		space->engine->protect(space, guard, prot);
	}
	shared_lock_drop(&space->lock);
	return status;
}

static NTSTATUS make(HANDLE handle, struct space *space, const struct sizes *sizes, uint64_t *base)
{
	uint64_t size = sizes->reserve, nothing = 0;
	NTSTATUS status =
		NtAllocateVirtualMemory(handle, base, 0, &size, MEM_RESERVE, PAGE_READWRITE);
	if (status)
		return status;
	uint64_t committed = *base + sizes->reserve - sizes->commit;
	status = commit_part(handle, committed - PAGE_BYTES, sizes->commit + PAGE_BYTES);
	if (!status)
		status = set_guard(space, page_of(committed) - 1);
	if (status)
		NtFreeVirtualMemory(handle, base, &nothing, MEM_RELEASE);
	return status;
}

static void tell(struct ntmm_thread *thread, struct stack stack)
{
	struct space *space = &thread->process->space;
	shared_lock_write(&space->lock);
	thread->stack = stack;
	shared_lock_drop(&space->lock);
}

NTSTATUS stack_create(struct process *process, struct ntmm_thread *thread,
                      const ntmm_thread_options *options)
{
	struct sizes sizes;
	HANDLE handle;
	uint64_t base = 0;
	if (!choose_sizes(options, &sizes))
		return STATUS_INVALID_PARAMETER;
	NTSTATUS status = handle_open(&process->object, PROCESS_ALL_ACCESS, &handle);
	if (status)
		return status;
	status = make(handle, process->space, &sizes, &base);
	if (!status)
		tell(thread, (struct stack){base + sizes.reserve,
		                            base + sizes.reserve - sizes.commit, base, 0});
	handle_close(handle);
	return status;
}

void stack_release(struct process *process, struct ntmm_thread *thread)
{
	HANDLE handle;
	uint64_t base = thread->stack.deallocation, size = 0;
	if (!thread->stack.base || handle_open(&process->object, PROCESS_ALL_ACCESS, &handle))
		return;
	NtFreeVirtualMemory(handle, &base, &size,
	                    MEM_RELEASE); /* the process may have released it itself */
	handle_close(handle);
	tell(thread, (struct stack){0});
}
