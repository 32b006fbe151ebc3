/* SPDX-License-Identifier: MIT
 *
 * NtUnmapViewOfSection (rules UV).
 */
#include "base/check.h"
#include "nt/map.h"
#include "space/ready.h"

/* The view that holds `address` goes; it is to be freed when no lock is held. NULL: others still hold it. */
static NTSTATUS unmap_locked(struct target *target, uint64_t address, bool preserve,
                             struct view **gone)
{
	struct space *space = target->space;
	struct vad *vad = runs_at(&space->runs, page_of(address)).vad; /* UV-1 */
	if (!vad || !vad_view(vad))
		return STATUS_NOT_MAPPED_VIEW; /* UV-2 */
	if (layout_is_9x(space->layout) && address != address_of(vad->range.start))
		return STATUS_NOT_MAPPED_VIEW; /* W9-13 */
	if (preserve && !vad->replaced)
		return STATUS_CONFLICTING_ADDRESSES; /* PH-20 */
	NTSTATUS status = space_prepare(space, 2);
	if (status && !runs_ready(&space->runs))
		return status;
	status = ready_hide(space, vad_view(vad));
	if (status)
		return status;
	if (target_is_shared(target) && !view_drop(vad_view(vad), target->process->space))
		return STATUS_NOT_MAPPED_VIEW;
	if (vad_view(vad)->holders) { /* W9-11 */
		*gone = NULL;
		return STATUS_SUCCESS;
	}
	space->engine->unmap(space, vad_view(vad));
	*gone = space_unmap(space, vad, preserve);
	if (!preserve)
		ready_drop(space, (*gone)->range);
	return STATUS_SUCCESS;
}

NTSTATUS unmap_view(struct target *target, uint64_t address, bool preserve)
{
	struct view *view;
	NTSTATUS status = target_write(target);
	if (status)
		return status;
	status = unmap_locked(target, address, preserve, &view);
	target_unlock(target);
	if (status || !view)
		return status;
	target->space->engine->note(target->space, NOTE_FREE, view->range);
	view_free(view);
	return STATUS_SUCCESS;
}

NTSTATUS NtUnmapViewOfSectionEx(HANDLE process, uint64_t address, uint32_t flags)
{
	struct target target;
	complain_nothing(); /* of pages that could not be written */
	if (flags & ~(uint32_t)(MEM_UNMAP_WITH_TRANSIENT_BOOST | MEM_PRESERVE_PLACEHOLDER))
		return STATUS_INVALID_PARAMETER; /* UV-5 */
	target_open(&target, process, PROCESS_VM_OPERATION);
	target_at(&target, address);
	NTSTATUS status = STATUS_NOT_MAPPED_VIEW;
	if (address <= target.layout->maximum || target.status)
		status = target.status ? target.status
		                       : unmap_view(&target, address,
		                                    flags & MEM_PRESERVE_PLACEHOLDER);
	target_close(&target);
	return status;
}

NTSTATUS NtUnmapViewOfSection(HANDLE process, uint64_t address)
{
	return NtUnmapViewOfSectionEx(process, address, 0);
}
