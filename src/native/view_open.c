/* SPDX-License-Identifier: MIT
 *
 * The protection of views.
 *
 * The host may refuse every request, also one by which another is to be undone. So a change is made in steps:
 *
 *      close   access goes that the new protection has not; of pages that move all of it
 *      show    pages that move, private ones become shared or shared ones private, but not what has been
 *              copied, are mapped anew, inaccessible
 *      open    access comes to the pages that do not move; the last step that can fail
 *      reopen  access comes to those that move
 *
 * When a step fails no page can be accessed in a way that the old protection has not, nor does any show what
 * it should not: what is not undone lags, and a fault makes up for it. Pages that could not be mapped as
 * they were are *unsettled*: they are inaccessible, and not to be opened but by being mapped once more.
 * From `reopen` on the call has succeeded, and faults open what the host refuses to.
 *
 * A page that a thread can write to while it is mapped anew could be copied in that moment, and the copy
 * be lost: pages that are private are closed before they are looked at.
 */
#include <limits.h>

#include "base/os_pages.h"
#include "native/pages.h"
#include "native/section.h"

struct change {
	struct native *native;
	const struct vad *vad;
	struct range range;
	prot_t prot;
};

/* Pages that change in the same way. */
struct stretch {
	struct range range;
	unsigned before, between, after; /* OS_PAGE_ bits */
	bool settled;
	bool moves;
	bool was_private, private;
	bool copies; /* there may be some */
};

static struct view *view_of(const struct change *c)
{
	return vad_view(c->vad);
}

/* ---- stretches ------------------------------------------------------------------------------- */

/* All of it is settled, or may not be. */
static struct range cut_to_settled(const struct view *view, struct range range)
{
	const struct range *unsettled = &view->unsettled;
	uint64_t end = range_has(*unsettled, range.start) ? unsettled->end : unsettled->start;
	if (range.start < end && end < range.end)
		range.end = end;
	return range;
}

static struct stretch first_stretch(const struct change *c, struct range rest)
{
	const struct view *view = view_of(c);
	struct run said = space_run(&c->native->space, address_of(rest.start));
	attr_t attr = runs_at(&c->native->space.runs, rest.start).attr;
	rest.end = min_u64(rest.end, said.end);
	struct view_piece piece = view_piece(c->vad, cut_to_settled(view, rest), c->prot);
	struct stretch s = {
		.range = piece.range,
		.before = attr_is_committed(said.attr) ? host_access(attr_prot(attr)) : 0,
		.after = host_access(piece.prot),
		.settled = view_is_settled(view, piece.range.start),
		.was_private = view_is_private(view, piece.range.start, attr_prot(attr)),
		.private = view_is_private(view, piece.range.start, piece.prot),
		.copies = attr & ATTR_CHARGED,
	};
	s.moves = !s.settled || s.was_private != s.private;
	s.between = s.moves && (s.was_private || !s.settled) ? 0 : s.before & s.after;
	return s;
}

typedef int step(const struct change *c, const struct stretch *s);

/* Up to the first stretch that is refused: *end is its end. */
static int walk(const struct change *c, step *step, uint64_t *end)
{
	int error = 0;
	for (struct range rest = c->range; rest.start < rest.end && !error;) {
		struct stretch s = first_stretch(c, rest);
		error = step(c, &s);
		rest.start = *end = s.range.end;
	}
	return error;
}

/* How many are refused. */
static unsigned walk_all(const struct change *c, struct range range, step *step)
{
	unsigned refused = 0;
	for (struct range rest = range; rest.start < rest.end;) {
		struct stretch s = first_stretch(c, rest);
		refused += step(c, &s) != 0;
		rest.start = s.range.end;
	}
	return refused;
}

/* What the host has no mappings for may be done when others have joined, or there is room. */
static unsigned persist(const struct change *c, struct range range, step *step)
{
	unsigned refused = walk_all(c, range, step), before = UINT_MAX;
	if (!refused)
		return 0;
	slack_give(&c->native->slack);
	while (refused && refused < before) {
		before = refused;
		refused = walk_all(c, range, step);
	}
	slack_keep(&c->native->slack);
	return refused;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static int protect(const struct stretch *s, unsigned how)
{
	return os_pages_protect(pointer_to_page(s->range.start), bytes_of(s->range), how);
}

static int close_pages(const struct change *c, const struct stretch *s)
{
	(void)c;
	return s->between == s->before && s->settled ? 0 : protect(s, s->between);
}

static int show_closed(const struct change *c, struct range range, bool private)
{
	int error = view_show_pages(view_of(c), range, 0, private);
	return error ? error : locked_again(&c->native->locked, range);
}

static int show_apart(const struct change *c, const struct stretch *s, bool private)
{
	int error = 0;
	for (struct range rest = s->range, piece; rest.start < rest.end && !error;
	     rest.start = piece.end) {
		uint64_t pages = range_pages(rest);
		bool copied = false;
		if (s->copies)
			error = view_find_copies(rest, &pages, &copied);
		piece = (struct range){rest.start, rest.start + pages};
		if (!error && !copied)
			error = show_closed(c, piece, private);
	}
	return error;
}

static int show_moved(const struct change *c, const struct stretch *s)
{
	return s->moves ? show_apart(c, s, s->private) : 0;
}

/* Also where access seems to be there: another view may have committed the pages. */
static int open_others(const struct change *c, const struct stretch *s)
{
	(void)c;
	bool closed = s->between != s->before;
	return s->moves || (closed && s->between == s->after) ? 0 : protect(s, s->after);
}

static int close_others(const struct change *c, const struct stretch *s)
{
	(void)c;
	return s->moves ? 0 : protect(s, s->between);
}

static int open_moved(const struct change *c, const struct stretch *s)
{
	(void)c;
	return s->moves ? protect(s, s->after) : 0;
}

/* ---- backwards ------------------------------------------------------------------------------- */

static int show_as_before(const struct change *c, const struct stretch *s)
{
	return s->moves ? show_apart(c, s, s->was_private) : 0;
}

static int open_as_before(const struct change *c, const struct stretch *s)
{
	(void)c;
	return s->settled ? protect(s, s->before) : 0;
}

static void unsettle(struct view *view, struct range range)
{
	struct range *unsettled = &view->unsettled;
	bool none = unsettled->start == unsettled->end;
	*unsettled = none ? range
	                  : (struct range){min_u64(unsettled->start, range.start),
	                                   max_u64(unsettled->end, range.end)};
}

/* The pages are as the space says. What lies in the middle of others is looked at again in time. */
static void settle(struct view *view, struct range range)
{
	struct range *unsettled = &view->unsettled;
	if (range_has(range, unsettled->start))
		unsettled->start = min_u64(range.end, unsettled->end);
	if (unsettled->end > range.start && unsettled->end <= range.end)
		unsettled->end = max_u64(range.start, unsettled->start);
}

/* Pages before `shown` may have been shown, those before `closed` closed. */
static void undo(const struct change *c, uint64_t shown, uint64_t closed)
{
	struct range moved = {c->range.start, shown};
	if (persist(c, moved, show_as_before))
		unsettle(view_of(c), moved);
	persist(c, (struct range){c->range.start, closed}, open_as_before);
}

/* ---- changes --------------------------------------------------------------------------------- */

/* Nothing to be closed, looked at or locked: one request does it, or is refused. */
static bool is_single(const struct change *c, const struct stretch *s)
{
	return s->range.end == c->range.end && s->settled && s->moves && !s->was_private &&
	       !s->copies && !locked_has_some(&c->native->locked, c->range);
}

static int change_all(const struct change *c)
{
	uint64_t start = c->range.start, closed = start, shown = start, opened = start;
	int error = walk(c, close_pages, &closed);
	if (!error)
		error = walk(c, show_moved, &shown);
	if (!error)
		error = walk(c, open_others, &opened);
	bool open = error && opened > start;
	if (open && persist(c, (struct range){start, opened}, close_others))
		error = 0; /* what is open stays so: all is as it is to be, or lags */
	if (error) {
		undo(c, shown, closed);
		return error;
	}
	persist(c, c->range, open_moved);
	settle(view_of(c), c->range);
	return 0;
}

int view_open(struct native *native, const struct vad *vad, struct range range, prot_t prot)
{
	const struct change c = {native, vad, range, prot};
	struct stretch s = first_stretch(&c, range);
	return is_single(&c, &s) ? view_show_pages(vad_view(vad), range, s.after, s.private)
	                         : change_all(&c);
}

int view_settle(struct native *native, const struct vad *vad, uint64_t page)
{
	struct range range = {page, page + 1};
	prot_t prot = attr_prot(runs_at(&native->space.runs, page).attr);
	int error = view_open(native, vad, range, prot);
	if (!error)
		return 0;
	slack_give(&native->slack);
	error = view_open(native, vad, range, prot);
	slack_keep(&native->slack);
	return error;
}
