/* SPDX-License-Identifier: MIT */
#include "native/pages.h"

#include <limits.h>

#include "base/os_pages.h"

/* To shut so many pages costs less than to mark each, and frees page tables. */
#define MANY_PAGES LARGE_PAGES

#define OPEN_ACCESS (OS_PAGE_READ | OS_PAGE_WRITE)

unsigned host_access(prot_t prot)
{
	unsigned access = 0;
	if (prot == PROT_NOACCESS || prot_is_guard(prot))
		return 0;
	if (prot_can_read(prot))
		access |= OS_PAGE_READ;
	if (prot_can_write(prot))
		access |= OS_PAGE_WRITE;
	if (prot_can_execute(prot))
		access |= OS_PAGE_EXECUTE;
	return access;
}

/* ---- opening --------------------------------------------------------------------------------- */

struct opening {
	struct native *native;
	unsigned how;
	bool plain;
	bool fresh; /* some pages are not committed yet */
};

static int protect(struct range range, unsigned how)
{
	return os_pages_protect(pointer_to_page(range.start), bytes_of(range), how);
}

static int guard(struct range range)
{
	return range.start < range.end
	               ? os_pages_guard(pointer_to_page(range.start), bytes_of(range))
	               : 0;
}

static int unguard(struct range range)
{
	return os_pages_unguard(pointer_to_page(range.start), bytes_of(range));
}

static void dump(struct range range)
{
	os_pages_dump(pointer_to_page(range.start), bytes_of(range));
}

/* The granules of which `range` is a part. */
static struct range whole_granules(struct range range)
{
	return (struct range){round_down(range.start, GRANULE_PAGES),
	                      round_up(range.end, GRANULE_PAGES)};
}

/* Shut granules become open: around `range` they are guarded first. */
static int open_shut(const struct piece *piece)
{
	struct range range = piece->range, all = whole_granules(range);
	if (all.start == range.start && all.end == range.end)
		return os_pages_open(pointer_to_page(all.start), bytes_of(all));
	int error = guard((struct range){all.start, range.start});
	if (!error)
		error = guard((struct range){range.end, all.end});
	if (!error)
		error = protect(all, OPEN_ACCESS);
	if (!error)
		dump(all);
	return error;
}

/* No committed page beside `range` is in its granules: it would be guarded. */
static bool is_alone(const struct native *native, const struct piece *piece)
{
	struct range all = whole_granules(piece->range);
	return runs_committed(&native->space.runs, all) ==
	       runs_committed(&native->space.runs, piece->range);
}

/* Each page for itself. */
static int open_mixed(const struct opening *opening, const struct piece *piece)
{
	bool shut = piece->granule == GRANULE_SHUT && !opening->how;
	int error = shut ? 0 : protect(piece->range, opening->how);
	if (error || !opening->fresh)
		return error;
	if (piece->granule == GRANULE_OPEN || piece->granule == GRANULE_MIXED)
		error = unguard(piece->range);
	if (!error && piece->granule != GRANULE_OPEN)
		dump(piece->range);
	return error;
}

static int open_piece(const struct opening *opening, const struct piece *piece)
{
	bool plain = opening->plain && opening->how == OPEN_ACCESS;
	if (plain && piece->granule == GRANULE_OPEN)
		return opening->fresh ? unguard(piece->range) : 0;
	if (plain && piece->granule == GRANULE_SHUT && is_alone(opening->native, piece) &&
	    !open_shut(piece)) {
		arena_set_all(piece->chunk, piece->range, GRANULE_OPEN);
		return 0;
	}
	if (piece->granule != GRANULE_OWN)
		arena_set_all(piece->chunk, piece->range, GRANULE_MIXED);
	return open_mixed(opening, piece);
}

/* Pages of one run are again as the space says; false: the host refused some. Guards may be left where there
 * were none: where they can be had they are what closes pages, for they take no mappings. `last`: what is
 * refused is closed, and a fault opens it. */
static bool undo_run(struct native *native, struct range range, attr_t attr, bool last)
{
	bool done = true;
	bool shown = attr_is_committed(attr) && !(attr & ATTR_OFFERED);
	unsigned how = shown ? host_access(attr_prot(attr)) : 0;
	for (struct range rest = range; rest.start < rest.end;) {
		struct piece piece = arena_piece(&native->arena, rest);
		bool guards = piece.granule != GRANULE_OWN && !attr_is_committed(attr);
		bool guarded = guards && !guard(piece.range);
		if (!guarded && piece.granule != GRANULE_OPEN && protect(piece.range, how)) {
			(void)(last && protect(piece.range, 0));
			done = false;
		}
		if (piece.granule == GRANULE_SHUT)
			arena_set_all(piece.chunk, piece.range, GRANULE_MIXED);
		rest.start = piece.range.end;
	}
	return done;
}

/* How many runs the host refused. */
static unsigned undo_runs(struct native *native, struct range range, bool last)
{
	unsigned refused = 0;
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&native->space.runs, page);
		struct range piece = {page, min_u64(run.end, range.end)};
		refused += !undo_run(native, piece, run.attr, last);
		page = piece.end;
	}
	return refused;
}

/* Whether all that is committed is to be read and written, and the rest can be guarded: so it is, now. */
static bool guard_around_open(struct native *native, const struct piece *piece)
{
	for (uint64_t page = piece->range.start; page < piece->range.end;) {
		struct run run = runs_at(&native->space.runs, page);
		struct range range = {page, min_u64(run.end, piece->range.end)};
		bool shown = attr_is_committed(run.attr) && !(run.attr & ATTR_OFFERED);
		if (shown ? host_access(attr_prot(run.attr)) != OPEN_ACCESS
		          : attr_is_committed(run.attr) || guard(range))
			return false;
		page = range.end;
	}
	return true;
}

/* Pieces that may have been one mapping, open, become one again. */
static void undo_whole(struct native *native, struct range range)
{
	for (struct range rest = range; rest.start < rest.end;) {
		struct piece piece = arena_piece(&native->arena, rest);
		if (piece.granule == GRANULE_MIXED && guard_around_open(native, &piece))
			(void)protect(piece.range, OPEN_ACCESS);
		rest.start = piece.range.end;
	}
}

/* In the end there are hardly more mappings than there were, but on the way there may be more than the host
 * allows: what it refused may be done when others have joined, or there is room. */
void pages_undo(struct native *native, struct range range)
{
	unsigned refused = undo_runs(native, range, false), before = UINT_MAX;
	if (!refused)
		return;
	slack_give(&native->slack);
	while (refused && refused < before) {
		undo_whole(native, range);
		before = refused;
		refused = undo_runs(native, range, false);
	}
	if (refused)
		undo_runs(native, range, true);
	slack_keep(&native->slack);
}

int pages_open(struct native *native, struct range range, unsigned how, bool plain)
{
	bool fresh = runs_committed(&native->space.runs, range) < range_pages(range);
	struct opening opening = {native, how, plain, fresh};
	int error = 0;
	struct range rest = range;
	while (rest.start < rest.end && !error) {
		struct piece piece = arena_piece(&native->arena, rest);
		error = open_piece(&opening, &piece);
		rest.start = piece.range.end;
	}
	if (error)
		pages_undo(native, (struct range){range.start, rest.start});
	return error;
}

int page_open(struct native *native, uint64_t page, unsigned how)
{
	struct range range = {page, page + 1};
	int error = protect(range, how);
	if (!error)
		return 0;
	slack_give(&native->slack);
	error = protect(range, how);
	slack_keep(&native->slack);
	return error;
}

/* ---- closing --------------------------------------------------------------------------------- */

static int shut(struct range range)
{
	return os_pages_shut(pointer_to_page(range.start), bytes_of(range));
}

static struct range granules_within(struct range range)
{
	struct range inner = {round_up(range.start, GRANULE_PAGES),
	                      round_down(range.end, GRANULE_PAGES)};
	return inner.start < inner.end ? inner : (struct range){range.end, range.end};
}

/* Memory that the program keeps locked takes no guards. */
static int guard_or_shut(const struct piece *piece, struct range range)
{
	if (range.start == range.end || !guard(range))
		return 0;
	arena_set_all(piece->chunk, range, GRANULE_MIXED);
	return shut(range);
}

/* The host has no mapping left to shut these granules. Guarded they may be open: so they join with each
 * other, which takes none, and sets many free. */
static int guard_and_join(const struct piece *piece, struct range inner)
{
	if (guard(piece->range))
		return guard_or_shut(piece, piece->range);
	if (!protect(inner, OPEN_ACCESS)) {
		dump(inner);
		arena_set(piece->chunk, inner, GRANULE_OPEN);
	}
	return 0;
}

static int close_guarded(const struct piece *piece)
{
	struct range inner = granules_within(piece->range);
	bool whole = piece->granule == GRANULE_MIXED || range_pages(inner) >= MANY_PAGES;
	if (!whole || inner.start == inner.end)
		return guard_or_shut(piece, piece->range);
	if (shut(inner))
		return guard_and_join(piece, inner);
	arena_set(piece->chunk, inner, GRANULE_SHUT);
	int error = guard_or_shut(piece, (struct range){piece->range.start, inner.start});
	return error ? error
	             : guard_or_shut(piece, (struct range){inner.end, piece->range.end});
}

int pages_close(struct native *native, struct range range)
{
	int error = 0;
	if (!native->arena.guards)
		return pages_shut(native, range);
	for (struct range rest = range; rest.start < rest.end && !error;) {
		struct piece piece = arena_piece(&native->arena, rest);
		if (piece.granule == GRANULE_OWN)
			error = shut(piece.range);
		else if (piece.granule != GRANULE_SHUT)
			error = close_guarded(&piece);
		rest.start = piece.range.end;
	}
	return error;
}

static void set_granules(struct native *native, struct range range,
                         void (*set)(const struct chunk *, struct range, enum granule),
                         enum granule granule)
{
	for (struct range rest = range; rest.start < rest.end;) {
		struct piece piece = arena_piece(&native->arena, rest);
		if (piece.chunk)
			set(piece.chunk, piece.range, granule);
		rest.start = piece.range.end;
	}
}

/* Granules that lie in the range in part are open no more, the others are shut. */
static void note_shut(struct native *native, struct range range)
{
	pages_note_mapped(native, range);
	set_granules(native, range, arena_set, GRANULE_SHUT);
}

/* What is given back may take a mapping or two on the way. */
int pages_shut(struct native *native, struct range range)
{
	int error = shut(range);
	if (error) {
		slack_give(&native->slack);
		error = shut(range);
		slack_keep(&native->slack);
	}
	if (!error)
		note_shut(native, range);
	return error;
}

/* Shut granules stay so: what lies over them will be shut again. */
void pages_note_mapped(struct native *native, struct range range)
{
	for (struct range rest = range; rest.start < rest.end;) {
		struct piece piece = arena_piece(&native->arena, rest);
		if (piece.granule == GRANULE_OPEN)
			arena_set_all(piece.chunk, piece.range, GRANULE_MIXED);
		rest.start = piece.range.end;
	}
}
