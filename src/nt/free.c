/* SPDX-License-Identifier: MIT
 *
 * NtFreeVirtualMemory: decommit and release (rules VF). Placeholders are in placeholder.c.
 */
#include "nt/free.h"
#include "space/ready.h"

static NTSTATUS check_type(uint32_t type)
{
	if (type == MEM_DECOMMIT || type == MEM_RELEASE)
		return STATUS_SUCCESS;
	if (type == (MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER) ||
	    type == (MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS))
		return STATUS_SUCCESS;
	return STATUS_INVALID_PARAMETER_4; /* VF-2 */
}

/* VF-3. */
static NTSTATUS check_place(const struct layout *layout, struct free *f, uint64_t base,
                            uint64_t size)
{
	if (base > layout->maximum)
		return STATUS_INVALID_PARAMETER_2;
	f->base = base;
	f->whole = size == 0;
	if (f->whole && f->type & FREE_PLACEHOLDERS)
		return STATUS_INVALID_PARAMETER_3; /* PH-3, PH-4 */
	if (!f->whole && (!last_byte(base, size, &f->last) || f->last > layout->maximum))
		return STATUS_INVALID_PARAMETER_3;
	return STATUS_SUCCESS;
}

static bool is_all(const struct free *f, const struct vad *vad)
{
	return f->range.start == vad->range.start && f->range.end == vad->range.end;
}

/* VF-14, VF-35: it goes as a whole. */
static NTSTATUS check_unpaged(const struct free *f, const struct vad *vad)
{
	if (f->type == MEM_DECOMMIT)
		return STATUS_MEMORY_NOT_ALLOCATED;
	return is_all(f, vad) ? STATUS_SUCCESS : STATUS_FREE_VM_NOT_AT_BASE;
}

/* The pages meant, all of one allocation. */
static NTSTATUS find_range(const struct space *space, struct free *f, const struct vad **found)
{
	uint64_t page = page_of(f->base);
	const struct vad *vad = runs_at(&space->runs, page).vad;
	if (!vad)
		return STATUS_MEMORY_NOT_ALLOCATED; /* VF-4 */
	if (vad_view(vad))
		return STATUS_UNABLE_TO_DELETE_SECTION; /* VF-6 */
	if (f->whole && page != vad->range.start)
		return STATUS_FREE_VM_NOT_AT_BASE; /* VF-11, VF-30 */
	f->range = f->whole ? vad->range : pages_touched(f->base, f->last);
	if (f->range.end > vad->range.end)
		return STATUS_UNABLE_TO_FREE_VM; /* VF-5 */
	*found = vad;
	return vad_is_paged(vad) ? STATUS_SUCCESS : check_unpaged(f, vad);
}

/* A release of all of an allocation may use what is kept for those who cannot wait for memory: it has to
 * be possible when there is none. */
static NTSTATUS prepare(struct space *space, const struct free *f, const struct vad *vad)
{
	if (f->type == MEM_DECOMMIT)
		return space_prepare(space, 1);
	NTSTATUS status = space_prepare(space, space_release_changes(space, f->range));
	return status && is_all(f, vad) && runs_ready(&space->runs) ? STATUS_SUCCESS : status;
}

static NTSTATUS free_check(struct space *space, struct free *f)
{
	const struct vad *vad;
	if (f->type & MEM_COALESCE_PLACEHOLDERS)
		return coalesce_check(space, f);
	space_seek(space, page_of(f->base));
	NTSTATUS status = find_range(space, f, &vad);
	if (status)
		return status;
	if (vad_is_systems(vad))
		return STATUS_INVALID_PAGE_PROTECTION; /* AS-4, W9-2 */
	status = f->type & MEM_PRESERVE_PLACEHOLDER ? preserve_check(space, f, vad)
	                                            : prepare(space, f, vad);
	f->has_pages = runs_committed(&space->runs, f->range) || vad_mapped(vad);
	return !status && f->has_pages ? ready_close(space, f->range) : status;
}

static void free_apply(struct space *space, const struct free *f)
{
	if (f->type & MEM_COALESCE_PLACEHOLDERS) {
		coalesce_apply(space, f);
		return;
	}
	if (f->type & MEM_PRESERVE_PLACEHOLDER) {
		preserve_apply(space, f);
		return;
	}
	const struct vad *vad = runs_at(&space->runs, f->range.start).vad;
	if (f->has_pages)
		space->engine->decommit(space, f->range); /* of a window: unmaps (VF-36) */
	if (f->type == MEM_RELEASE) {
		space_release(space, f->range);
		ready_drop(space, f->range);
		return;
	}
	if (vad_watch(vad) && era_of(space->layout)->forgets)
		page_set_remove(vad_watch(vad), f->range);
	space_decommit(space, f->range);
}

static NTSTATUS free_pages(struct target *target, struct free *f)
{
	NTSTATUS status = target_write(target);
	if (status)
		return status;
	status = free_check(target->space, f);
	if (!status)
		free_apply(target->space, f);
	target_unlock(target);
	if (!status && !f->quiet)
		target->space->engine->note(target->space, NOTE_FREE, f->range);
	return status;
}

NTSTATUS NtFreeVirtualMemory(HANDLE process, uint64_t *base, uint64_t *size, uint32_t type)
{
	struct target target;
	struct free f = {.type = type};
	target_open(&target, process, PROCESS_VM_OPERATION);
	NTSTATUS status = check_type(type);
	if (!status)
		status = probe_words(base, size);
	if (!status) {
		target_at(&target, *base);
		status = check_place(target.layout, &f, *base, *size);
	}
	if (!status)
		status = free_pages(&target, &f);
	target_close(&target);
	if (!status) {
		*base = address_of(f.range.start);
		if (!f.whole || type == MEM_RELEASE) /* a whole decommit leaves it 0 (VF-20) */
			*size = address_of(range_pages(f.range));
	}
	return status;
}
