/* SPDX-License-Identifier: MIT
 *
 * A space's beginning, its end, and what can be asked of it. Changes are in change.c.
 */
#include "space/vad.h"

#include "base/check.h"
#include "base/os.h"
#include "space/arena.h"
#include "space/tables.h"
#include "space/view.h"

#define SHARED_PAGE page_of(SHARED_PAGE_ADDRESS)

struct range space_whole(const struct layout *layout)
{
	return (struct range){0, page_of(layout->maximum) + 1};
}

/* The system's read-only page (AS-4). Its storage is the system's: only its tables are charged. */
static NTSTATUS add_shared_page(struct space *space)
{
	struct range page = {SHARED_PAGE, SHARED_PAGE + 1};
	NTSTATUS status = space_prepare(space, 1);
	if (status)
		return status;
	uint64_t tables = tables_to_add(&space->runs, page);
	if (!ledger_charge(space->ledger, tables))
		return STATUS_COMMITMENT_LIMIT;
	space->tables = tables;
	struct vad *vad = space_reserve(space, page, PROT_READONLY, VAD_SHARED_PAGE);
	runs_set(&space->runs, page, vad, ATTR_COMMITTED | PROT_READONLY);
	return STATUS_SUCCESS;
}

NTSTATUS space_add_system(struct space *space, struct range range)
{
	struct charge charge;
	NTSTATUS status = space_prepare(space, 2);
	if (!status)
		status = space_charge(space, range, &charge);
	if (status)
		return status;
	space_reserve(space, range, PROT_READWRITE, VAD_SYSTEM);
	space_commit(space, range, PROT_READWRITE, charge);
	if (range.end <= page_of(space->layout->minimum))
		space->free_pages += range_pages(range); /* they are not counted */
	return STATUS_SUCCESS;
}

static NTSTATUS add_what_is_systems(struct space *space)
{
	const struct layout *layout = space->layout;
	struct range range = {page_of(layout->system_start), page_of(layout->system_end)};
	if (!layout_is_9x(layout))
		return add_shared_page(space);
	return range.start < range.end ? space_add_system(space, range) : STATUS_SUCCESS;
}

NTSTATUS space_init(struct space *space, const struct engine *engine, const struct layout *layout,
                    struct ledger *ledger, bool nx)
{
	*space = (struct space){.engine = engine, .layout = layout, .ledger = ledger, .nx = nx};
	if (!runs_init(&space->runs, space_whole(layout)))
		return STATUS_NO_MEMORY;
	pool_init(&space->vads, sizeof(struct vad));
	shared_lock_init(&space->lock, RANK_SPACE);
	space->free_pages = page_of(layout->maximum) + 1 - page_of(layout->minimum);
	NTSTATUS status = add_what_is_systems(space);
	if (status) {
		pool_end(&space->vads);
		runs_destroy(&space->runs);
		shared_lock_destroy(&space->lock);
	}
	return status;
}

/* Its allocations go. What their views need to be freed cannot be done under a lock: they are returned,
 * chained by `next`. */
static struct view *free_vads(struct space *space)
{
	struct view *views = NULL;
	for (uint64_t page = 0; page < space->runs.whole.end;) {
		struct run run = runs_at(&space->runs, page);
		page = run.vad ? run.vad->range.end : run.end;
		if (!run.vad)
			continue;
		if (vad_view(run.vad)) {
			vad_view(run.vad)->next = views;
			views = vad_view(run.vad);
		}
		vad_free(space, run.vad);
	}
	pool_end(&space->vads);
	os_free(space->spare_view);
	return views;
}

static void free_views(struct view *views)
{
	for (struct view *view = views, *next; view; view = next) {
		next = view->next;
		view_free(view);
	}
}

static bool mark_ended(struct space *space)
{
	shared_lock_write(&space->lock);
	bool first = !space->ended;
	space->ended = true;
	shared_lock_drop(&space->lock);
	return first;
}

void space_end(struct space *space)
{
	if (!mark_ended(space))
		return;
	if (space->shared)
		arena_leave(space->shared, space);
	space->engine->end(space);
	shared_lock_write(&space->lock);
	struct view *views = free_vads(space);
	runs_destroy(&space->runs);
	ledger_return(space->ledger, space->commit + space->tables + space->windows);
	space->commit = space->tables = space->windows = 0;
	space->ledger = NULL;
	shared_lock_drop(&space->lock);
	free_views(views);
}

void space_destroy(struct space *space)
{
	CHECK(space->ended);
	shared_lock_destroy(&space->lock);
}

/* VQ-15: what the section says of the page, from it on. */
static struct run cut_to_section(struct run run, uint64_t page)
{
	const struct view *view = vad_view(run.vad);
	uint64_t end = view_page(view, run.end);
	if (!view->section->reserve)
		return run;
	if (!section_is_committed(view->section, view_page(view, page), &end))
		run.attr = ATTR_RESERVED;
	run.start = page;
	run.end = page + (end - view_page(view, page));
	return run;
}

/* A piece of a window, from `page` on, that has frames, or has none. */
static struct run cut_to_mapped(struct run run, uint64_t page)
{
	struct range mapped;
	run.start = page;
	if (!page_set_find(vad_mapped(run.vad), (struct range){page, run.end}, &mapped))
		return run;
	run.end = mapped.start > page ? mapped.start : mapped.end;
	if (mapped.start == page)
		run.attr = ATTR_COMMITTED | PROT_READWRITE; /* VQ-17 */
	return run;
}

struct run space_cut(struct run run, uint64_t page)
{
	return vad_mapped(run.vad) ? cut_to_mapped(run, page) : cut_to_section(run, page);
}

bool space_one_vad(const struct space *space, struct range range, struct vad **vad)
{
	*vad = runs_at(&space->runs, range.start).vad;
	return *vad && range.end <= (*vad)->range.end;
}

bool space_all_committed(const struct space *space, struct range range)
{
	const struct view *view = vad_view(runs_at(&space->runs, range.start).vad);
	if (runs_committed(&space->runs, range) != range_pages(range))
		return false;
	return !view || section_all_committed(view->section,
	                                      (struct range){view_page(view, range.start),
	                                                     view_page(view, range.end)});
}

NTSTATUS space_place(const struct space *space, const struct place_wish *wish, uint64_t *start)
{
	bool found = (wish->top_down ? runs_find_high : runs_find_low)(
		&space->runs, wish->bounds, wish->pages, wish->align, start);
	return found ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}

prot_t space_private_prot(const struct vad *vad, prot_t prot)
{
	if (prot == PROT_NOACCESS || prot_is_guard(prot))
		return prot;
	return (prot & PROT_ACCESS_MASK) | prot_cache_of(vad->protect);
}

/* Pages of a run that are charged to the process (CM-2). */
static uint64_t charged_of(struct run run)
{
	bool own = run.vad && (run.vad->kind == VAD_PRIVATE || run.vad->kind == VAD_LARGE ||
	                       run.vad->kind == VAD_SYSTEM);
	bool private = own && attr_is_committed(run.attr);
	return private || run.attr & ATTR_CHARGED ? run.end - run.start : 0;
}

static bool check_run(const struct space *space, struct run run, uint64_t *free_pages)
{
	uint64_t lowest = page_of(space->layout->minimum);
	if (!run.vad && run.end > lowest)
		*free_pages += run.end - max_u64(run.start, lowest);
	if (!run.vad)
		return run.attr == ATTR_RESERVED ||
		       complain("free run at page %#lx has state", run.start);
	if (run.start < run.vad->range.start || run.end > run.vad->range.end)
		return complain("run at page %#lx lies outside its allocation", run.start);
	if ((run.vad->kind == VAD_PHYSICAL) != (vad_mapped(run.vad) != NULL))
		return complain("allocation at page %#lx: what is mapped is not known",
		                run.vad->range.start);
	if (vad_watch(run.vad) && !page_set_covers(vad_watch(run.vad), run.vad->range))
		return complain("the record of writes does not cover the allocation at page %#lx",
		                run.vad->range.start);
	if (run.vad->kind == VAD_PLACEHOLDER && run.attr != ATTR_RESERVED)
		return complain("page %#lx of a placeholder has state", run.start);
	return true;
}

bool space_check(const struct space *space)
{
	uint64_t free_pages = 0, charged = 0, windows = 0;
	if (space->ended)
		return true;
	if (!runs_check(&space->runs))
		return false;
	for (uint64_t page = 0; page < space->runs.whole.end;) {
		struct run run = runs_at(&space->runs, page);
		if (!check_run(space, run, &free_pages))
			return false;
		charged += charged_of(run);
		windows += run.vad && vad_mapped(run.vad) ? tables_over(run.vad->range) : 0;
		page = run.end;
	}
	if (charged != space->commit)
		return complain("%lu pages to be charged, %lu charged", charged, space->commit);
	if (free_pages != space->free_pages)
		return complain("%lu pages free, %lu counted", free_pages, space->free_pages);
	uint64_t tables = tables_to_drop(&space->runs, space->runs.whole);
	if (tables != space->tables || windows != space->windows)
		return complain("%lu tables and %lu of windows needed, %lu and %lu charged", tables,
		                windows, space->tables, space->windows);
	return true;
}
