/* SPDX-License-Identifier: MIT */
#include "native/check.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/os_maps.h"
#include "base/os_pages.h"
#include "base/user.h"
#include "native/pages.h"
#include "native/section.h"
#include "native/watch.h"

/* Pages of one run of the space, alike in their granules and in one mapping of the host. */
struct stretch {
	struct range range;
	struct run run;
	enum granule granule;
	unsigned access; /* OS_PAGE_ bits of the mapping */
	bool shared;     /* it is */
};

struct audit {
	struct native *native;
	uint64_t lagging;
};

static bool breach(uint64_t page, const char *what)
{
	return complain("native: page %" PRIx64 " %s", page, what);
}

/* ---- what the host has ----------------------------------------------------------------------- */

static unsigned access_by(unsigned flags)
{
	return (flags & OS_MAPPING_READ ? OS_PAGE_READ : 0) |
	       (flags & OS_MAPPING_WRITE ? OS_PAGE_WRITE : 0) |
	       (flags & OS_MAPPING_EXECUTE ? OS_PAGE_EXECUTE : 0);
}

/* Cuts the stretch to the mapping that its first page is in. */
static bool look(struct stretch *stretch)
{
	struct os_mapping mapping;
	uint64_t address = address_of(stretch->range.start);
	if (os_maps_find(address, OS_MAPS_FASTEST, &mapping) || mapping.start > address)
		return breach(stretch->range.start, "is not mapped any more");
	stretch->range.end = min_u64(stretch->range.end, page_of(mapping.end));
	stretch->access = access_by(mapping.flags);
	stretch->shared = mapping.flags & OS_MAPPING_SHARED;
	return true;
}

/* By a load, which changes nothing: guards that the rules know stay. */
static bool can_load(uint64_t page)
{
	return !user_probe(pointer_to_page(page), 1, false, USER_OTHER, NULL);
}

/* ---- what it is to have ---------------------------------------------------------------------- */

static bool is_reachable(struct run run)
{
	return attr_is_committed(run.attr) && !(run.attr & ATTR_OFFERED);
}

static unsigned access_allowed(const struct audit *audit, struct run run, uint64_t page)
{
	prot_t prot = attr_prot(run.attr);
	return vad_watch(run.vad) ? watch_access(audit->native, vad_watch(run.vad), page, prot)
	                      : host_access(prot);
}

/* Of a watched page that is marked, though nobody has stored to it (VL-12), a store may be noticed. */
static unsigned access_owed(struct run run, unsigned allowed)
{
	return vad_watch(run.vad) ? allowed & ~(unsigned)OS_PAGE_WRITE : allowed;
}

/* Guards of the host are all that keeps pages closed in a mapping that is open. */
static bool check_closed(const struct stretch *stretch)
{
	for (uint64_t page = stretch->range.start; stretch->access && page < stretch->range.end;
	     page++)
		if (can_load(page))
			return breach(page, "can be read, but is not committed");
	return true;
}

/* Views end at the end of a file, where a load is no use to tell anything. */
static bool check_page(struct audit *audit, const struct stretch *stretch, uint64_t page)
{
	unsigned allowed = access_allowed(audit, stretch->run, page);
	if (stretch->access & ~allowed)
		return breach(page, "can be accessed in more ways than it is protected for");
	audit->lagging += (access_owed(stretch->run, allowed) & ~stretch->access) != 0;
	if (stretch->access & OS_PAGE_READ && !vad_view(stretch->run.vad) && !can_load(page))
		return breach(page, "is committed, but guarded");
	return true;
}

static bool check_open(struct audit *audit, const struct stretch *stretch)
{
	for (uint64_t page = stretch->range.start; page < stretch->range.end; page++)
		if (!check_page(audit, stretch, page))
			return false;
	return true;
}

static bool is_copy(uint64_t page)
{
	uint64_t pages;
	bool copied;
	return view_find_copies((struct range){page, page + 1}, &pages, &copied) || copied;
}

/* CW-2: what is written to a copy-on-write page nobody else sees; to others all do, but for copies. */
static bool check_sharing(const struct stretch *stretch)
{
	const struct view *view = vad_view(stretch->run.vad);
	bool writes = stretch->access & OS_PAGE_WRITE;
	uint64_t end = view && stretch->access ? stretch->range.end : 0;
	for (uint64_t page = stretch->range.start; page < end; page++) {
		bool private = view_is_private(view, page, attr_prot(stretch->run.attr));
		if (private && stretch->shared && writes)
			return breach(page, "is shared, but copy-on-write");
		if (!private && !stretch->shared && !is_copy(page))
			return breach(page, "is private, but to be shared");
	}
	return true;
}

/* As arena.h has it. What lies over shut granules, views and frames, is mapped there. */
static bool check_granule(const struct stretch *stretch)
{
	const struct vad *vad = stretch->run.vad;
	bool mapped = vad && (vad_view(vad) || (!vad_is_paged(vad) && is_reachable(stretch->run)));
	if (stretch->granule == GRANULE_SHUT && !mapped && stretch->access)
		return breach(stretch->range.start, "is in a shut granule, but open");
	if (stretch->granule == GRANULE_OPEN &&
	    (mapped || stretch->access != (OS_PAGE_READ | OS_PAGE_WRITE)))
		return breach(stretch->range.start, "is in an open granule, but is not open");
	return true;
}

/* It is locked when it is mapped again. */
static bool is_unsettled(const struct audit *audit, uint64_t page)
{
	const struct vad *vad = runs_at(&audit->native->space.runs, page).vad;
	return vad && vad_view(vad) && !view_is_settled(vad_view(vad), page);
}

/* VL-8, VL-11. */
static bool check_locks(const struct audit *audit, struct range range)
{
	const struct runs *runs = &audit->native->locked.runs;
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(runs, page);
		struct range piece = {page, min_u64(run.end, range.end)};
		bool locked = attr_is_committed(run.attr);
		if (locked)
			piece.end = page + 1;
		if (os_pages_have_lock(pointer_to_page(page), bytes_of(piece)) != locked &&
		    !(locked && is_unsettled(audit, page)))
			return breach(page, locked ? "is locked, but not by the host"
			                           : "or one behind is locked by the host");
		page = piece.end;
	}
	return true;
}

/* ---- the walk -------------------------------------------------------------------------------- */

/* Of a longer stretch that is closed nobody has touched the granules. */
#define LONG_STRETCH UINT64_C(4096)

static bool check_stretch(struct audit *audit, const struct stretch *stretch)
{
	if (!check_granule(stretch))
		return false;
	if (!is_reachable(stretch->run))
		return check_closed(stretch);
	return check_sharing(stretch) && check_open(audit, stretch);
}

/* Pages in one mapping. */
static bool check_mapped(struct audit *audit, struct stretch stretch)
{
	struct range rest = stretch.range;
	if (!stretch.access && range_pages(rest) > LONG_STRETCH && !is_reachable(stretch.run))
		return true;
	while (rest.start < rest.end) {
		struct piece piece = arena_piece(&audit->native->arena, rest);
		stretch.range = piece.range;
		stretch.granule = piece.granule;
		if (!check_stretch(audit, &stretch))
			return false;
		rest.start = piece.range.end;
	}
	return true;
}

static bool check_range(struct audit *audit, struct range range, struct run run)
{
	while (range.start < range.end) {
		struct stretch stretch = {.range = range, .run = run};
		if (!look(&stretch) || !check_locks(audit, stretch.range) ||
		    !check_mapped(audit, stretch))
			return false;
		range.start = stretch.range.end;
	}
	return true;
}

/* Free pages outside the arena are the host's business; so are those of the system. */
static bool check_run(struct audit *audit, struct run run)
{
	const struct arena *arena = &audit->native->arena;
	if (run.vad)
		return vad_is_systems(run.vad) ||
		       check_range(audit, (struct range){run.start, run.end}, run);
	for (unsigned i = 0; i < arena->chunks; i++) {
		struct range both = {max_u64(run.start, arena->chunk[i].range.start),
		                     min_u64(run.end, arena->chunk[i].range.end)};
		if (both.start < both.end && !check_range(audit, both, run))
			return false;
	}
	return true;
}

bool native_check(struct native *native, uint64_t *lagging)
{
	const struct space *space = &native->space;
	struct audit audit = {.native = native};
	if (!space_check(space) || !runs_check(&native->locked.runs) ||
	    !runs_check(&native->lazy.runs))
		return false;
	if (!os_maps_known())
		return complain("native: the host does not tell what it has mapped");
	for (uint64_t page = 0; page < space->runs.whole.end;) {
		struct run run = space_run(space, address_of(page));
		if (!check_run(&audit, run))
			return false;
		page = run.end;
	}
	if (lagging)
		*lagging = audit.lagging;
	return true;
}
