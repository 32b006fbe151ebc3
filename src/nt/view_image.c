/* SPDX-License-Identifier: MIT
 *
 * Views of images (rules IM): one section of the file for all processes; a process that has it at
 * another base than the preferred one has its own copies of the pages that differ there.
 */
#include "nt/map.h"
#include "object/backing.h"

/* IM-4: one that cannot be moved is mapped as it is; its loader will refuse it. */
static NTSTATUS load_fixups(const struct section *section)
{
	NTSTATUS status = backing_load_fixups(section);
	return status == STATUS_CONFLICTING_ADDRESSES ? STATUS_SUCCESS : status;
}

NTSTATUS map_check_image(const struct section_object *object, struct map_call *call)
{
	struct view *view = &call->view;
	bool no_execute = object->attributes & SEC_NOCACHE; /* IM-15: SEC_IMAGE_NO_EXECUTE */
	if (call->type & (MEM_RESERVE | MEM_REPLACE_PLACEHOLDER))
		return STATUS_INVALID_PARAMETER_9; /* PH-10: only data */
	if (call->offset || call->bytes > object->bytes)
		return STATUS_INVALID_VIEW_SIZE;
	if (call->machine && backing_image(view->section)->machine != call->machine)
		return STATUS_NOT_SUPPORTED; /* V2-9 */
	view->protect = no_execute ? PROT_WRITECOPY : PROT_EXECUTE_WRITECOPY;
	view->range = (struct range){0, view->section->pages};
	return load_fixups(view->section);
}

void map_prefer_base(const struct space *space, struct map_call *call)
{
	const struct section *section = call->view.section;
	uint64_t base = section->base, end = base + address_of(section->pages);
	if (section->kind != SECTION_IMAGE || call->base || base < call->lowest ||
	    end < base || end - 1 > min_u64(call->highest, space->layout->highest))
		return;
	struct run run = runs_at(&space->runs, page_of(base));
	if (run.vad || run.end < page_of(end))
		return;
	call->base = base;
	call->prefers = true;
}

struct relocation {
	const struct view *view;
};

static void relocate(void *context, uint64_t page, void *bytes)
{
	const struct view *view = ((struct relocation *)context)->view;
	struct backing *backing = view->section->backing;
	backing->operations->move(backing, view_page(view, page), view->delta, bytes);
}

static NTSTATUS relocate_pages(struct space *space, const struct view *view)
{
	struct backing *backing = view->section->backing;
	struct relocation relocation = {view};
	NTSTATUS status = STATUS_SUCCESS;
	for (uint64_t page = view->range.start; page < view->range.end && !status; page++)
		if (backing->operations->is_moved(backing, view_page(view, page)))
			status = space->engine->patch(space, page, relocate, &relocation);
	return status;
}

/* IM-9. */
static bool is_for(const struct layout *layout, const struct image *image)
{
	return image->machine == (layout->wide ? IMAGE_MACHINE_AMD64 : IMAGE_MACHINE_I386);
}

NTSTATUS map_finish_image(struct target *target, struct map_call *call)
{
	const struct view *view = &call->view;
	NTSTATUS status = STATUS_SUCCESS;
	if (view->delta && !call->there)
		status = relocate_pages(target->space, view);
	if (status) {
		unmap_view(target, address_of(view->range.start), false);
		return status;
	}
	if (!is_for(target->layout, backing_image(view->section)))
		return STATUS_IMAGE_MACHINE_TYPE_MISMATCH;
	return view->delta ? STATUS_IMAGE_NOT_AT_BASE : STATUS_SUCCESS;
}
