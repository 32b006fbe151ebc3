/* SPDX-License-Identifier: MIT
 *
 * Mapping, unmapping, and the protection of views.
 */
#include "space/arena.h"

#include "base/check.h"
#include "base/os.h"
#include "space/tables.h"

NTSTATUS space_prepare_view(struct space *space, const struct section *section)
{
	if (!space->spare_view)
		space->spare_view = os_alloc(sizeof *space->spare_view);
	if (!space->spare_view)
		return STATUS_INSUFFICIENT_RESOURCES;
	return space_prepare(space, 2 + section->part_count);
}

void view_free(struct view *view)
{
	struct backing *backing = view->section->backing;
	if (backing)
		backing->operations->remove_view(backing);
	section_release(view->section);
	view_drop_all(view);
	os_free(view);
}

/* ---- what is charged ------------------------------------------------------------------------ */

static bool is_part_moved(const struct view *view, const struct section_part *part)
{
	struct backing *backing = view->section->backing;
	bool moved = false;
	for (uint64_t page = part->range.start; page < part->range.end && !moved; page++)
		moved = view->delta && backing->operations->is_moved(backing, page);
	return moved;
}

/* IM-14: pages that may become the process's own are those that may be written, but for what all
 * processes write in common, and those that relocation changes. */
static bool is_part_charged(const struct view *view, const struct section_part *part)
{
	return part->committed && (prot_is_copy(part->prot) || is_part_moved(view, part));
}

static uint64_t copies_of_image(const struct view *view)
{
	const struct section *section = view->section;
	uint64_t pages = 0;
	for (unsigned i = 0; i < section->part_count; i++)
		if (is_part_charged(view, &section->parts[i]))
			pages += range_pages(section->parts[i].range);
	return pages;
}

static uint64_t copies_of_view(const struct view *view)
{
	if (view->section->kind == SECTION_IMAGE)
		return copies_of_image(view);
	return prot_is_copy(view->protect) ? range_pages(view->range) : 0; /* MV-12 */
}

NTSTATUS space_charge_view(struct space *space, const struct view *view, struct charge *charge)
{
	charge->pages = copies_of_view(view);
	charge->tables = tables_to_add(&space->runs, view->range);
	return ledger_charge(space->ledger, charge->pages + charge->tables)
	               ? STATUS_SUCCESS
	               : STATUS_COMMITMENT_LIMIT;
}

static attr_t attr_of(prot_t prot)
{
	return ATTR_COMMITTED | prot | (prot_is_copy(prot) ? ATTR_CHARGED : 0);
}

/* ---- mapping -------------------------------------------------------------------------------- */

/* What an image is mapped without when it is not to be executed (IM-15). */
static prot_t without_execute(prot_t prot)
{
	switch (prot & PROT_ACCESS_MASK) {
	case PROT_EXECUTE:
	case PROT_EXECUTE_READ:
		return PROT_READONLY;
	case PROT_EXECUTE_READWRITE:
		return PROT_READWRITE;
	case PROT_EXECUTE_WRITECOPY:
		return PROT_WRITECOPY;
	default:
		return prot;
	}
}

prot_t view_part_prot(const struct view *view, const struct section_part *part)
{
	return prot_can_execute(view->protect) ? part->prot : without_execute(part->prot);
}

static void set_parts(struct space *space, struct vad *vad, const struct view *view)
{
	const struct section *section = view->section;
	uint64_t base = vad->range.start;
	for (unsigned i = 0; i < section->part_count; i++) {
		const struct section_part *part = &section->parts[i];
		struct range range = {base + part->range.start, base + part->range.end};
		attr_t attr = ATTR_COMMITTED | view_part_prot(view, part);
		if (is_part_charged(view, part))
			attr |= ATTR_CHARGED;
		runs_set(&space->runs, range, vad, part->committed ? attr : ATTR_RESERVED);
	}
}

struct view *space_map(struct space *space, const struct view *view, struct charge charge)
{
	struct view *made = space->spare_view;
	CHECK(made);
	space->spare_view = NULL;
	*made = *view;
	struct vad *vad = space_is_placeholder(space, view->range)
	                          ? space_replace(space, view->range, view->protect, VAD_VIEW)
	                          : space_reserve(space, view->range, view->protect, VAD_VIEW);
	vad->has.view = made;
	if (view->section->kind == SECTION_IMAGE)
		set_parts(space, vad, view);
	else
		runs_set(&space->runs, view->range, vad, attr_of(view->protect));
	space_take_charge(space, charge);
	struct backing *backing = view->section->backing;
	if (backing)
		backing->operations->add_view(backing, view->file_end);
	return made;
}

uint64_t space_view_charged(const struct space *space, struct range range)
{
	uint64_t pages = 0;
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&space->runs, page);
		uint64_t end = min_u64(run.end, range.end);
		pages += run.attr & ATTR_CHARGED ? end - page : 0;
		page = end;
	}
	return pages;
}

/* Nothing of the view is left but its reserved pages. */
static struct view *empty(struct space *space, struct vad *vad)
{
	struct view *view = vad_view(vad);
	struct range range = vad->range;
	uint64_t pages = space_view_charged(space, range);
	uint64_t tables = tables_to_drop(&space->runs, range);
	space->commit -= pages;
	space->tables -= tables;
	ledger_return(space->ledger, pages + tables);
	runs_set(&space->runs, range, vad, ATTR_RESERVED);
	vad->has.view = NULL;
	return view;
}

struct view *space_unmap(struct space *space, struct vad *vad, bool preserve)
{
	struct view *view = empty(space, vad);
	if (preserve) {
		space_put_back(space, vad);
		return view;
	}
	runs_set(&space->runs, vad->range, NULL, ATTR_RESERVED);
	space->free_pages += range_pages(vad->range);
	vad_free(space, vad);
	return view;
}

/* ---- protection ----------------------------------------------------------------------------- */

enum { SET_READ = 1, SET_WRITE = 2, SET_EXECUTE = 4 };

/* VP-20: a copy needs no right to write, and execute-only can be read. */
static unsigned access_set(prot_t prot)
{
	unsigned set = 0;
	if (prot == PROT_NOACCESS)
		return 0;
	if (prot_can_read(prot))
		set |= SET_READ;
	if (prot_can_write(prot) && !prot_is_copy(prot))
		set |= SET_WRITE;
	if (prot_can_execute(prot))
		set |= SET_EXECUTE;
	return set;
}

bool view_allows(prot_t view, prot_t prot)
{
	return !(access_set(prot) & ~access_set(view));
}

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

struct view_piece view_piece(const struct vad *vad, struct range range, prot_t prot)
{
	const struct view *view = vad_view(vad);
	if (view->section->kind == SECTION_IMAGE) {
		const struct section_part *part =
			section_part_at(view->section, view_page(view, range.start));
		uint64_t end = view->range.start + part->range.end; /* all of it is mapped */
		range.end = min_u64(range.end, end);
		prot = as_in_image(part, prot);
	}
	return (struct view_piece){range, space_private_prot(vad, prot)}; /* with its cache attribute */
}

NTSTATUS space_charge_copies(struct space *space, struct range range, prot_t prot,
                             struct charge *charge)
{
	*charge = (struct charge){0};
	if (prot_is_copy(prot))
		charge->pages = range_pages(range) - space_view_charged(space, range);
	return ledger_charge(space->ledger, charge->pages) ? STATUS_SUCCESS
	                                                   : STATUS_COMMITMENT_LIMIT;
}

unsigned space_view_changes(const struct space *space, struct range range)
{
	unsigned changes = 0;
	for (uint64_t page = range.start; page < range.end; changes++)
		page = runs_at(&space->runs, page).end;
	return changes;
}

void space_set_view_prot(struct space *space, struct range range, prot_t prot,
                         struct charge charge)
{
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&space->runs, page);
		struct range piece = {page, min_u64(run.end, range.end)};
		attr_t kept = run.attr & (ATTR_CHARGED | ATTR_LEVEL_MASK);
		runs_set(&space->runs, piece, run.vad, attr_of(prot) | kept);
		page = piece.end;
	}
	space_take_charge(space, charge);
}

/* ---- what is seen --------------------------------------------------------------------------- */

struct run space_copied(struct space *space, struct run run, uint64_t page)
{
	struct range range = {page, run.end};
	bool copied;
	run.start = page;
	run.end = page + space->engine->copied(space, range, &copied);
	if (copied)
		run.attr = (run.attr & ~ATTR_PROT_MASK) | prot_after_copy(attr_prot(run.attr));
	return run;
}
