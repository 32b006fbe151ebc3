/* SPDX-License-Identifier: MIT
 *
 * ntmm/machine.h: ntmm_process_clone.
 */
#include <ntmm/windows.h>

#include "base/check.h"
#include "embed/embed.h"
#include "machine/pager/clone.h"
#include "space/clone.h"
#include "win32/error.h"

static NTSTATUS fill(struct machine_process *parent, struct machine_process *child)
{
	clone_take_back(&parent->map);
	if (parent->space.clones && !parent->map.clones)
		space_forget_clones(&parent->space);
	NTSTATUS status = space_clone_check(&parent->space);
	if (!status)
		status = space_clone(&parent->space, &child->space);
	if (!status)
		status = clone_pages(parent, child, &machine_engine);
	if (!status)
		space_cloned(&parent->space);
	return status;
}

static NTSTATUS fill_locked(struct machine_process *parent, struct machine_process *child)
{
	shared_lock_write(&parent->space.lock);
	NTSTATUS status = parent->space.ended ? STATUS_PROCESS_IS_TERMINATING
	                                      : fill(parent, child);
	shared_lock_drop(&parent->space.lock);
	return status;
}

/* A process of the same machine, known to nobody yet. */
static NTSTATUS make(struct process *parent, struct machine_process *inside,
                     struct process **child)
{
	struct space *space;
	NTSTATUS status = machine_process_create(inside->machine, inside->space.layout, &space);
	if (status)
		return status;
	status = fill_locked(inside, machine_process_of(space));
	if (!status)
		status = process_create(space, parent->domain, child);
	if (!status) {
		atomic_store(&(*child)->privileges, atomic_load(&parent->privileges));
		embed_give_number(*child);
		return STATUS_SUCCESS;
	}
	space_end(space);
	machine_engine.free(space);
	return status;
}

HANDLE ntmm_process_clone(HANDLE handle)
{
	struct process *parent, *child;
	struct machine_process *inside;
	HANDLE made = NULL;
	complain_nothing();
	NTSTATUS status = embed_process(handle, PROCESS_CREATE_PROCESS, &parent, &inside);
	if (!status) {
		status = make(parent, inside, &child);
		process_release(parent);
	}
	if (!status) {
		status = handle_open(&child->object, PROCESS_ALL_ACCESS, &made);
		process_release(child);
	}
	return win32_ok(status) ? made : NULL;
}
