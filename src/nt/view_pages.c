/* SPDX-License-Identifier: MIT */
#include "nt/view_pages.h"

/* VP-23: whoever writes to an image gets a copy, but where its parts are meant to be shared. */
static prot_t as_in_image(const struct vad *vad, struct range range, prot_t prot)
{
	const struct view *view = vad->view;
	if (view->section->kind != SECTION_IMAGE)
		return prot;
	if (section_part_at(view->section, view_page(view, range.start))->shared)
		return prot;
	if ((prot & PROT_ACCESS_MASK) == PROT_READWRITE)
		return prot + (PROT_WRITECOPY - PROT_READWRITE);
	if ((prot & PROT_ACCESS_MASK) == PROT_EXECUTE_READWRITE)
		return prot + (PROT_EXECUTE_WRITECOPY - PROT_EXECUTE_READWRITE);
	return prot;
}

/* IM-11: what may be done to all of an image, and to its parts that are written in common. */
static prot_t allowed_in(const struct vad *vad, struct range range)
{
	const struct view *view = vad->view;
	bool image = view->section->kind == SECTION_IMAGE;
	if (image && section_part_at(view->section, view_page(view, range.start))->shared)
		return PROT_EXECUTE_READWRITE;
	return vad->protect;
}

/* PR-9, VP-20, MV-41. */
static NTSTATUS check_prot(const struct vad *vad, struct view_change *change)
{
	if (prot_cache_of(change->prot))
		return STATUS_INVALID_PAGE_PROTECTION;
	change->prot = as_in_image(vad, change->range, change->prot);
	if (!view_allows(allowed_in(vad, change->range), change->prot))
		return STATUS_SECTION_PROTECTION;
	change->prot = space_private_prot(vad, change->prot); /* the view's cache attribute */
	return STATUS_SUCCESS;
}

static NTSTATUS prepare(struct space *space, struct view_change *change)
{
	NTSTATUS status = space_prepare(space, space_view_changes(space, change->range));
	return status ? status
	              : space_charge_copies(space, change->range, change->prot, &change->charge);
}

NTSTATUS view_commit_check(struct space *space, const struct vad *vad, struct view_change *change)
{
	const struct view *view = vad->view;
	struct range pages = {view_page(view, change->range.start),
	                      view_page(view, change->range.end)};
	if (view->section->kind != SECTION_MEMORY)
		return STATUS_ALREADY_COMMITTED; /* VA-49 */
	NTSTATUS status = check_prot(vad, change);
	if (!status)
		status = prepare(space, change);
	if (status)
		return status;
	status = section_commit(view->section, pages);
	if (status)
		space_uncharge(space, change->charge);
	return status;
}

/* VP-25: first whether it would be allowed. */
NTSTATUS view_protect_check(struct space *space, const struct vad *vad,
                            struct view_change *change)
{
	NTSTATUS status = check_prot(vad, change);
	if (status)
		return status;
	if (!space_all_committed(space, change->range))
		return STATUS_NOT_COMMITTED; /* VP-5 */
	return prepare(space, change);
}

void view_change_apply(struct space *space, const struct view_change *change)
{
	space_set_view_prot(space, change->range, change->prot, change->charge);
	space->engine->protect(space, change->range, change->prot);
}
