/* SPDX-License-Identifier: MIT */
#include "nt/target.h"

#include "object/token.h"

void target_open(struct target *target, HANDLE handle, uint32_t access)
{
	*target = (struct target){.layout = layout_of(NTMM_LAYOUT_NT64_128TB)};
	target->status = process_reference(handle, access, &target->process);
	if (target->status)
		return;
	target->space = target->process->space;
	target->layout = target->space->layout;
}

void target_close(struct target *target)
{
	if (!target->status)
		process_release(target->process);
}

/* The shared space lives as long as a process does that has not ended. */
void target_share(struct target *target)
{
	if (target->status || target->space->ended || !target->space->shared)
		return;
	target->space = target->space->shared;
	target->layout = target->space->layout;
}

void target_at(struct target *target, uint64_t address)
{
	if (layout_is_9x(target->layout) && address > target->layout->maximum)
		target_share(target);
}

uint64_t target_top(const struct target *target)
{
	const struct layout *layout = target->layout;
	return layout_is_9x(layout) ? layout->limit - 1 : layout->maximum;
}

/* Who ends leaves the shared space after that: nothing can be mapped there for him any more. */
static NTSTATUS refuse_ended(struct target *target)
{
	if (!target->space->ended && !target->process->space->ended)
		return STATUS_SUCCESS;
	target_unlock(target);
	return STATUS_PROCESS_IS_TERMINATING;
}

NTSTATUS target_read(struct target *target)
{
	if (target->status)
		return target->status;
	shared_lock_read(&target->space->lock);
	return refuse_ended(target);
}

NTSTATUS target_write(struct target *target)
{
	if (target->status)
		return target->status;
	shared_lock_write(&target->space->lock);
	return refuse_ended(target);
}

void target_unlock(struct target *target)
{
	shared_lock_drop(&target->space->lock);
}

NTSTATUS target_alive(struct target *target)
{
	NTSTATUS status = target_read(target);
	if (!status)
		target_unlock(target);
	return status;
}

bool may_lock_memory(const struct target *target)
{
	const struct process *caller = process_current();
	return privilege_enabled(caller ? caller : target->process, PRIVILEGE_LOCK_MEMORY);
}

bool last_byte(uint64_t base, uint64_t size, uint64_t *last)
{
	if (!size || size - 1 > UINT64_MAX - base)
		return false;
	*last = base + size - 1;
	return true;
}

struct range pages_touched(uint64_t base, uint64_t last)
{
	return (struct range){page_of(base), page_of(last) + 1};
}

bool next_run(const struct space *space, struct range range, struct run *run)
{
	uint64_t page = run->end;
	if (page >= range.end)
		return false;
	*run = space_run(space, address_of(page));
	run->start = page;
	run->end = min_u64(run->end, range.end);
	return true;
}
