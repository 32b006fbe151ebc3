/* SPDX-License-Identifier: MIT
 *
 * The engine table of the host process. What can fail is done in the steps before a change; where the space
 * is told afterwards there is nothing left to do.
 */
#include "base/check.h"
#include "base/os_pages.h"
#include "base/user.h"
#include "native/figures.h"
#include "native/foreign.h"
#include "native/give_up.h"
#include "native/pages.h"
#include "native/physical.h"
#include "native/section.h"
#include "native/signals.h"
#include "native/watch.h"

static NTSTATUS status_of(int error)
{
	return error ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

/* ---- before a change (R) --------------------------------------------------------------------- */

static int open_private(struct native *native, struct range range, unsigned how)
{
	int error = how & OS_PAGE_WRITE ? 0 : give_up_end(native, range);
	return error ? error : pages_open(native, range, how, true);
}

static NTSTATUS open_pages(struct space *space, struct range range, prot_t prot,
                           struct page_set *watch)
{
	struct native *native = native_of(space);
	const struct vad *vad = runs_at(&space->runs, range.start).vad;
	int error;
	slack_keep_rest(&native->slack);
	if (watch)
		error = watch_open(native, watch, range, prot);
	else if (vad && vad_view(vad))
		error = view_open(native, vad, range, prot);
	else
		error = open_private(native, range, host_access(prot));
	if (!error && !host_access(prot))
		locked_forget(space, range); /* VP-14, VL-11 */
	return status_of(error);
}

static NTSTATUS close_pages(struct space *space, struct range range)
{
	struct native *native = native_of(space);
	const struct vad *vad = runs_at(&space->runs, range.start).vad;
	locked_forget(space, range);
	if (vad_watch(vad))
		return status_of(watch_close(native, vad_watch(vad), range));
	return status_of(vad_is_paged(vad) ? pages_close(native, range)
	                                   : pages_shut(native, range));
}

static NTSTATUS hide(struct space *space, const struct view *view)
{
	locked_forget(space, view->range);
	return view_hide(space, view);
}

/* ---- told afterwards (W) --------------------------------------------------------------------- */

/* Whoever makes guard pages may be about to run on a stack that ends with one: there, the host could not
 * tell a handler of the fault. */
static void protect(struct space *space, struct range range, prot_t prot)
{
	(void)space, (void)range;
	if (prot_is_guard(prot))
		(void)signals_enter_thread();
}

static void decommit(struct space *space, struct range range)
{
	lazy_free_forget(&native_of(space)->lazy, range);
	if (runs_at(&space->runs, range.start).vad->kind == VAD_PHYSICAL)
		physical_window_gone(native_of(space), range);
}

static void map(struct space *space, struct view *view)
{
	(void)space, (void)view;
}

static void unmap(struct space *space, struct view *view)
{
	(void)space, (void)view;
}

/* ---- contents (W) ---------------------------------------------------------------------------- */

static void discard(struct space *space, struct range range)
{
	locked_forget(space, range);
	lazy_free_forget(&native_of(space)->lazy, range);
	for (struct range piece; range.start < range.end; range.start = piece.end) {
		struct run run = runs_at(&space->runs, range.start);
		piece = (struct range){range.start, min_u64(run.end, range.end)};
		if (vad_watch(run.vad))
			watch_discard(native_of(space), vad_watch(run.vad), piece);
		else
			(void)os_pages_zero(pointer_to_page(piece.start), bytes_of(piece));
	}
}

/* ---- large pages ----------------------------------------------------------------------------- */

static NTSTATUS large_commit(struct space *space, struct range range, prot_t prot)
{
	struct native *native = native_of(space);
	if (!os_pages_open_large(pointer_to_page(range.start), bytes_of(range), host_access(prot))) {
		pages_note_mapped(native, range);
		return STATUS_SUCCESS;
	}
	(void)pages_shut(native, range); /* in case that it was unmapped */
	return STATUS_INSUFFICIENT_RESOURCES;
}

/* ---- copies (0) ------------------------------------------------------------------------------ */

/* The processor knows what the rules allow: a page can be accessed, or the copy stops there. */
static NTSTATUS copy(struct space *space, uint64_t address, void *host, uint64_t bytes,
                     enum copy_way way, uint64_t *done)
{
	void *here = (void *)(uintptr_t)address;
	struct user_end end;
	bool write = way == COPY_WRITE;
	(void)space;
	NTSTATUS status = write ? user_copy(here, host, bytes, USER_STORE_OTHER, &end)
	                        : user_copy(host, here, bytes, USER_LOAD_OTHER, &end);
	*done = bytes - end.left;
	return status;
}

/* ---- sections -------------------------------------------------------------------------------- */

static bool section_fits(struct space *space, const struct section *section)
{
	return section->engine == space->engine;
}

/* Views show the file itself: what has been cut off is gone from them. */
static void section_cut(struct section *section, uint64_t bytes)
{
	(void)section, (void)bytes;
}

/* ---- the process (0) ------------------------------------------------------------------------- */

static void note(struct space *space, enum note note, struct range range)
{
	(void)space, (void)note, (void)range;
}

static void never(struct space *space)
{
	(void)space;
	CHECK(!"the host process ends as a whole");
}

const struct engine native_engine = {
	.place = arena_place,
	.claim = arena_claim,
	.drop = arena_drop,
	.open = open_pages,
	.close = close_pages,
	.withdraw = give_up_withdraw,
	.show = view_show,
	.hide = hide,
	.protect = protect,
	.decommit = decommit,
	.marks = watch_marks,
	.reset = give_up_reset,
	.reset_undo = give_up_take_back,
	.offer = give_up_offer,
	.reclaim = give_up_take_back,
	.discard = discard,
	.large_commit = large_commit,
	.physical_allocate = native_physical_allocate,
	.physical_free = native_physical_free,
	.physical_map = native_physical_map,
	.lock = locked_add,
	.unlock = locked_remove,
	.copy = copy,
	.prefetch = figures_prefetch,
	.empty = figures_empty,
	.residency = figures_residency,
	.usage = figures_usage,
	.memory = figures_memory,
	.get_limits = figures_get_limits,
	.set_limits = figures_set_limits,
	.section_create = native_section_create,
	.section_free = native_section_free,
	.section_fits = section_fits,
	.section_flush = native_section_flush,
	.section_cut = section_cut,
	.patch = view_patch,
	.map = map,
	.unmap = unmap,
	.copied = view_copied,
	.foreign = foreign_at,
	.foreign_protect = foreign_protect,
	.exit = os_exit,
	.note = note,
	.end = never,
	.free = never,
};
