/* SPDX-License-Identifier: MIT */
#include "space/arena.h"

#include "base/os.h"

/* A process that maps a view; in a list of its view. */
struct view_holder {
	const struct space *space;
	uint64_t times;
	struct view_holder *next;
};

/* ---- holders -------------------------------------------------------------------------------- */

/* Where the list refers to the holder, or ends. */
static struct view_holder **find_holder(struct view *view, const struct space *space)
{
	struct view_holder **link = &view->holders;
	while (*link && (*link)->space != space)
		link = &(*link)->next;
	return link;
}

bool view_hold(struct view *view, const struct space *holder)
{
	struct view_holder **link = find_holder(view, holder);
	if (!*link) {
		struct view_holder *made = os_alloc(sizeof *made);
		if (!made)
			return false;
		*made = (struct view_holder){.space = holder};
		*link = made;
	}
	(*link)->times++;
	return true;
}

static void forget(struct view_holder **link)
{
	struct view_holder *gone = *link;
	*link = gone->next;
	os_free(gone);
}

bool view_drop(struct view *view, const struct space *holder)
{
	struct view_holder **link = find_holder(view, holder);
	if (!*link)
		return false;
	if (--(*link)->times == 0)
		forget(link);
	return true;
}

void view_drop_all(struct view *view)
{
	while (view->holders)
		forget(&view->holders);
}

/* ---- views ---------------------------------------------------------------------------------- */

/* The next view from *page on; *page moves behind it. NULL: there are no more. */
static struct view *next_view(const struct space *shared, uint64_t *page)
{
	while (*page < shared->runs.whole.end) {
		struct run run = runs_at(&shared->runs, *page);
		*page = run.vad ? run.vad->range.end : run.end;
		if (run.vad && vad_view(run.vad))
			return vad_view(run.vad);
	}
	return NULL;
}

static bool is_same(const struct view *a, const struct view *b)
{
	return a->section == b->section && a->first == b->first && a->protect == b->protect &&
	       range_pages(a->range) == range_pages(b->range);
}

struct view *arena_find(const struct space *shared, const struct view *view, uint64_t start)
{
	uint64_t page = page_of(shared->layout->minimum);
	struct view *each = next_view(shared, &page);
	while (each && !(is_same(each, view) && (!start || each->range.start == start)))
		each = next_view(shared, &page);
	return each;
}

/* The view has no holder: it is unmapped, and the caller's; NULL: there is no memory to do it. */
static struct view *unmap(struct space *shared, struct view *view)
{
	if (space_prepare(shared, 2) && !runs_ready(&shared->runs))
		return NULL;
	shared->engine->unmap(shared, view);
	return space_unmap(shared, runs_at(&shared->runs, view->range.start).vad, false);
}

/* The next view from *page on that only `holder` held, and does no more. */
static struct view *leave_next(struct space *shared, const struct space *holder, uint64_t *page)
{
	struct view *gone = NULL, *view;
	shared_lock_write(&shared->lock);
	while (!gone && (view = next_view(shared, page))) {
		struct view_holder **link = find_holder(view, holder);
		if (!*link)
			continue;
		forget(link);
		if (!view->holders)
			gone = unmap(shared, view);
	}
	shared_lock_drop(&shared->lock);
	return gone;
}

void arena_leave(struct space *shared, const struct space *holder)
{
	uint64_t page = page_of(shared->layout->minimum);
	for (struct view *gone; (gone = leave_next(shared, holder, &page));) {
		shared->engine->note(shared, NOTE_FREE, gone->range);
		view_free(gone);
	}
}
