/* SPDX-License-Identifier: MIT */
#include "nt/view_pages.h"

#include "space/ready.h"
#include "space/vad.h"

static bool is_image(const struct vad *vad)
{
	return vad_view(vad)->section->kind == SECTION_IMAGE;
}

static const struct section_part *part_at(const struct vad *vad, uint64_t page)
{
	return section_part_at(vad_view(vad)->section, view_page(vad_view(vad), page));
}

/* The piece of a change that begins with `page`. */
static struct view_piece piece_at(const struct vad *vad, const struct view_change *change,
                                  uint64_t page)
{
	return view_piece(vad, (struct range){page, change->range.end}, change->prot);
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
	if (vad_view(vad)->fixed && change->prot != (vad->protect & PROT_ACCESS_MASK))
		return STATUS_INVALID_PAGE_PROTECTION;
	for (uint64_t page = change->range.start; page < change->range.end;) {
		struct view_piece piece = piece_at(vad, change, page);
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
		struct view_piece piece = piece_at(vad, change, page);
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
		struct view_piece piece = piece_at(vad, change, page);
		changes += space_view_changes(space, piece.range);
		page = piece.range.end;
	}
	NTSTATUS status = space_prepare(space, changes);
	return status ? status : charge(space, vad, change);
}

/* The last step: nothing is left to be done when it fails but to give back the charge. */
static NTSTATUS open_pages(struct space *space, const struct view_change *change)
{
	NTSTATUS status = ready_open(space, change->range, change->prot, NULL);
	if (status)
		space_uncharge(space, change->charge);
	return status;
}

/* Once the pages are open nothing fails: the engine that may refuse that has all views of the section in this
 * space. */
static NTSTATUS commit(struct space *space, struct section *section, struct range pages,
                       struct view_change *change)
{
	uint64_t charge = 0;
	NTSTATUS status = section_charge_commit(section, pages, &charge);
	if (status) {
		space_uncharge(space, change->charge);
		return status;
	}
	status = open_pages(space, change);
	if (status) {
		section_uncharge(section, charge);
		return status;
	}
	status = section_commit(section, pages, charge);
	if (status)
		space_uncharge(space, change->charge);
	return status;
}

NTSTATUS view_commit_check(struct space *space, const struct vad *vad, struct view_change *change)
{
	const struct view *view = vad_view(vad);
	struct range pages = {view_page(view, change->range.start),
	                      view_page(view, change->range.end)};
	if (view->section->kind != SECTION_MEMORY)
		return STATUS_ALREADY_COMMITTED; /* VA-49 */
	NTSTATUS status = check_prot(vad, change);
	if (!status)
		status = prepare(space, vad, change);
	return status ? status : commit(space, view->section, pages, change);
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
	return status ? status : open_pages(space, change);
}

void view_change_apply(struct space *space, const struct view_change *change)
{
	const struct vad *vad = vad_at(space, change->range.start);
	struct charge charge = change->charge;
	for (uint64_t page = change->range.start; page < change->range.end;) {
		struct view_piece piece = piece_at(vad, change, page);
		space_set_view_prot(space, piece.range, piece.prot, charge);
		space->engine->protect(space, piece.range, piece.prot);
		charge = (struct charge){0};
		page = piece.range.end;
	}
}
