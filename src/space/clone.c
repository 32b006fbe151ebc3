/* SPDX-License-Identifier: MIT */
#include "space/clone.h"

#include "space/tables.h"
#include "space/vad.h"
#include "space/view.h"

/* Pages that may be the process's own. */
static bool is_own(struct run run)
{
	return run.vad && (run.vad->kind == VAD_PRIVATE || run.attr & ATTR_CHARGED);
}

static bool can_be_cloned(const struct vad *vad)
{
	return vad->kind == VAD_PRIVATE || vad->kind == VAD_PLACEHOLDER ||
	       vad->kind == VAD_SHARED_PAGE || vad->kind == VAD_VIEW;
}

NTSTATUS space_clone_check(const struct space *from)
{
	if (from->clones >= MOST_CLONES)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (uint64_t page = 0; page < from->runs.whole.end;) {
		struct run run = runs_at(&from->runs, page);
		if (run.vad && !can_be_cloned(run.vad))
			return STATUS_NOT_SUPPORTED;
		page = run.end;
	}
	return STATUS_SUCCESS;
}

static attr_t attr_in_clone(const struct space *from, struct run run)
{
	if (!attr_is_committed(run.attr) || attr_level(run.attr) || !is_own(run))
		return run.attr;
	return run.attr | (attr_t)((from->clones + 1) << ATTR_LEVEL_SHIFT);
}

static NTSTATUS copy_run(const struct space *from, struct space *to, struct vad *vad,
                         struct run run)
{
	struct range range = {run.start, run.end};
	struct charge charge = {0};
	if (attr_is_committed(run.attr)) {
		charge.pages = is_own(run) ? range_pages(range) : 0;
		charge.tables = tables_to_add(&to->runs, range);
	}
	if (!ledger_charge(to->ledger, charge.pages + charge.tables))
		return STATUS_COMMITMENT_LIMIT;
	space_take_charge(to, charge);
	runs_set(&to->runs, range, vad, attr_in_clone(from, run));
	return STATUS_SUCCESS;
}

static void copy_view(struct space *to, struct vad *vad, const struct view *view)
{
	struct view *made = to->spare_view;
	struct backing *backing = view->section->backing;
	to->spare_view = NULL;
	*made = *view;
	section_retain(made->section);
	if (backing)
		backing->operations->add_view(backing, made->file_end);
	vad->has.view = made;
	to->engine->map(to, made);
}

static NTSTATUS prepare(struct space *to, const struct vad *vad, unsigned changes)
{
	NTSTATUS status = STATUS_SUCCESS;
	if (vad_view(vad))
		status = space_prepare_view(to, vad_view(vad)->section);
	return status ? status : space_prepare(to, changes);
}

static NTSTATUS copy_vad(const struct space *from, struct space *to, const struct vad *vad)
{
	NTSTATUS status = prepare(to, vad, 1 + space_view_changes(from, vad->range));
	struct page_set *watch =
		!status && vad_watch(vad) ? page_set_create(vad->range) : NULL;
	if (!status && vad_watch(vad) && !watch)
		status = STATUS_INSUFFICIENT_RESOURCES;
	if (status)
		return status;
	struct vad *made = space_reserve(to, vad->range, vad->protect, vad->kind);
	made->replaced = vad->replaced;
	made->has.watch = watch;
	if (vad_view(vad))
		copy_view(to, made, vad_view(vad));
	for (uint64_t page = vad->range.start; page < vad->range.end && !status;) {
		struct run run = runs_at(&from->runs, page);
		status = copy_run(from, to, made, run);
		page = run.end;
	}
	return status;
}

static bool is_left_out(const struct vad *vad)
{
	return vad->kind == VAD_SHARED_PAGE || (vad_view(vad) && !vad_view(vad)->inherit);
}

NTSTATUS space_clone(const struct space *from, struct space *to)
{
	NTSTATUS status = STATUS_SUCCESS;
	for (uint64_t page = 0; page < from->runs.whole.end && !status;) {
		struct run run = runs_at(&from->runs, page);
		page = run.vad ? run.vad->range.end : run.end;
		if (run.vad && !is_left_out(run.vad))
			status = copy_vad(from, to, run.vad);
	}
	to->clones = from->clones + 1;
	return status;
}

void space_forget_clones(struct space *space)
{
	for (uint64_t page = 0; page < space->runs.whole.end;) {
		struct run run = runs_at(&space->runs, page);
		struct range range = {run.start, run.end};
		page = run.end;
		if (!attr_level(run.attr))
			continue;
		if (!runs_prepare(&space->runs, 1))
			return; /* the levels that are left do no harm, nor does their number */
		runs_set(&space->runs, range, run.vad, run.attr & ~ATTR_LEVEL_MASK);
	}
	space->clones = 0;
}

void space_cloned(struct space *from)
{
	from->clones++;
	runs_raise(&from->runs, from->clones, is_own);
}
