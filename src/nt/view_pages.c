/* SPDX-License-Identifier: MIT */
#include "nt/view_pages.h"

#include "space/ready.h"
#include "space/vad.h"

static bool is_image(const struct vad *vad)
{
	return vad->view->section->kind == SECTION_IMAGE;
}

static const struct section_part *part_at(const struct vad *vad, uint64_t page)
{
	return section_part_at(vad->view->section, view_page(vad->view, page));
}

/* Pages of a change that get the same protection: all, or in an image those of one part. */
struct piece {
	struct range range;
	prot_t prot;
};

/* VP-23: whoever writes to an image gets a copy, but where its parts are meant to be shared. */
static prot_t as_in_image(const struct section_part *part, prot_t prot)
{
	if (part->shared)
		return prot;
	if ((prot & PROT_ACCESS_MASK) == PROT_READWRITE)
		return prot + (PROT_WRITECOPY - PROT_READWRITE);
	if ((prot & PROT_ACCESS_MASK) == PROT_EXECUTE_READWRITE)
		return prot + (PROT_EXECUTE_WRITECOPY - PROT_EXECUTE_READWRITE);
	return prot;
}

/* The piece that begins with `page`. */
static struct piece piece_at(const struct vad *vad, const struct view_change *change,
                             uint64_t page)
{
	struct piece piece = {{page, change->range.end}, change->prot};
	if (is_image(vad)) {
		const struct section_part *part = part_at(vad, page);
		uint64_t end = vad->view->range.start + part->range.end; /* all of it is mapped */
		piece.range.end = min_u64(piece.range.end, end);
		piece.prot = as_in_image(part, piece.prot);
	}
	piece.prot = space_private_prot(vad, piece.prot); /* the view's cache attribute */
	return piece;
}

/* IM-11: what may be done to all of an image, and to its parts that are written in common. */
static prot_t allowed_at(const struct vad *vad, uint64_t page)
{
	bool executes = prot_can_execute(vad->protect);
	if (is_image(vad) && part_at(vad, page)->shared)
		return executes ? PROT_EXECUTE_READWRITE : PROT_READWRITE;
	return vad->protect;
}

/* PR-9, VP-20, MV-41. */
static NTSTATUS check_prot(const struct vad *vad, const struct view_change *change)
{
	if (prot_cache_of(change->prot))
		return STATUS_INVALID_PAGE_PROTECTION;
	if (vad->view->fixed && change->prot != (vad->protect & PROT_ACCESS_MASK))
		return STATUS_INVALID_PAGE_PROTECTION;
	for (uint64_t page = change->range.start; page < change->range.end;) {
		struct piece piece = piece_at(vad, change, page);
		prot_t prot = is_image(vad) ? piece.prot : change->prot;
		if (!view_allows(allowed_at(vad, page), prot))
			return STATUS_SECTION_PROTECTION;
		page = piece.range.end;
	}
	return STATUS_SUCCESS;
}

static NTSTATUS charge(struct space *space, const struct vad *vad, struct view_change *change)
{
	NTSTATUS status = STATUS_SUCCESS;
	change->charge = (struct charge){0};
	for (uint64_t page = change->range.start; page < change->range.end && !status;) {
		struct piece piece = piece_at(vad, change, page);
		struct charge more;
		status = space_charge_copies(space, piece.range, piece.prot, &more);
		change->charge.pages += status ? 0 : more.pages;
		page = piece.range.end;
	}
	if (status)
		space_uncharge(space, change->charge);
	return status;
}

static NTSTATUS prepare(struct space *space, const struct vad *vad, struct view_change *change)
{
	unsigned changes = 0;
	for (uint64_t page = change->range.start; page < change->range.end;) {
		struct piece piece = piece_at(vad, change, page);
		changes += space_view_changes(space, piece.range);
		page = piece.range.end;
	}
	NTSTATUS status = space_prepare(space, changes);
	return status ? status : charge(space, vad, change);
}

/* The last step: nothing is left to be done when it fails but to give back the charge. */
static NTSTATUS open_pages(struct space *space, const struct vad *vad, struct view_change *change)
{
	NTSTATUS status = STATUS_SUCCESS;
	uint64_t page = change->range.start;
	while (page < change->range.end && !status) {
		struct piece piece = piece_at(vad, change, page);
		status = ready_open(space, piece.range, piece.prot, NULL);
		page = status ? page : piece.range.end;
	}
	if (status && page > change->range.start)
		ready_undo(space, (struct range){change->range.start, page});
	if (status)
		space_uncharge(space, change->charge);
	return status;
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
		status = prepare(space, vad, change);
	if (!status)
		status = open_pages(space, vad, change);
	if (status)
		return status;
	status = section_commit(view->section, pages);
	if (status) {
		ready_undo(space, change->range);
		space_uncharge(space, change->charge);
	}
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
	status = prepare(space, vad, change);
	return status ? status : open_pages(space, vad, change);
}

void view_change_apply(struct space *space, const struct view_change *change)
{
	const struct vad *vad = vad_at(space, change->range.start);
	struct charge charge = change->charge;
	for (uint64_t page = change->range.start; page < change->range.end;) {
		struct piece piece = piece_at(vad, change, page);
		space_set_view_prot(space, piece.range, piece.prot, charge);
		space->engine->protect(space, piece.range, piece.prot);
		charge = (struct charge){0};
		page = piece.range.end;
	}
}
