/* SPDX-License-Identifier: MIT
 *
 * The one structure that says, for every page of a user space, which allocation it belongs to and
 * what state it is in.
 *
 * What this is: a B+-tree of runs that cover the space without gap or overlap. A run is a range of
 * pages with one allocation (NULL: free) and one attr_t; neighbours that are alike in both are
 * always one run. Inner nodes know for each child the largest hole for an allocation beneath it (a
 * free run counts from its first granule boundary) and the number of committed pages. So a look-up,
 * a change, the search for a place and the count of committed pages in a range all cost
 * O(log runs), whatever the number of pages.
 *
 * Units: page numbers, [start, end).
 * Errors: only runs_init and runs_prepare can fail (host memory). A change takes nodes that
 * runs_prepare made ready, and keeps a small reserve for those that cannot prepare (faults).
 * Threads: guarded by the space's lock; look-ups may run in parallel.
 */
#ifndef NTMM_SPACE_RUNS_H
#define NTMM_SPACE_RUNS_H

#include "base/check.h"
#include "base/pool.h"
#include "base/units.h"
#include "space/prot.h"

struct vad;
struct runs_node;

struct run {
	uint64_t start, end;
	struct vad *vad; /* NULL: free */
	attr_t attr;     /* ATTR_RESERVED where free */
};

struct runs {
	struct range whole;
	struct runs_node *root;
	struct runs_node *near_leaf; /* the leaf of `near` */
	struct range near;           /* pages whose leaf is known without a search; may be empty */
	struct run near_run;         /* that was sought or made last, known without a search; may be empty */
	unsigned near_slot;          /* its slot in the leaf */
	unsigned height;         /* 0: the root is a leaf */
	uint64_t count;          /* runs */
	uint64_t nodes;          /* nodes in the tree */
	struct pool pool;        /* of nodes */
};

/* One free run over `whole`. False when there is no memory; then nothing needs freeing. */
bool runs_init(struct runs *runs, struct range whole);
void runs_destroy(struct runs *runs);

/* Makes `changes` calls of runs_set possible, and the reserve full. False: there is no memory. */
bool runs_prepare(struct runs *runs, unsigned changes);

/* Whether one runs_set is possible now without runs_prepare: true until the reserve is used up. */
bool runs_ready(const struct runs *runs);

/* What follows is about pages near `page`: makes it cheap. Changes nothing that can be seen, but
 * counts as a change for threads; runs_set leaves things the same way. */
void runs_seek(struct runs *runs, uint64_t page);

static inline bool is_near_run(const struct runs *runs, uint64_t page)
{
	return page >= runs->near_run.start && page < runs->near_run.end;
}

/* The run that holds `page`, which lies in the space; runs_search: when it is not at hand. */
struct run runs_search(const struct runs *runs, uint64_t page);
static inline struct run runs_at(const struct runs *runs, uint64_t page)
{
	DEBUG_CHECK(range_has(runs->whole, page));
	return is_near_run(runs, page) ? runs->near_run : runs_search(runs, page);
}

/* Gives the pages of `range`, not empty, to `vad` with `attr`. Merges neighbours that are alike. */
void runs_set(struct runs *runs, struct range range, struct vad *vad, attr_t attr);

/* The lowest (highest) place for `pages` free pages that starts at a multiple of `align` pages (a
 * multiple of GRANULE_PAGES) and lies within `bounds`. False when there is none. */
bool runs_find_low(const struct runs *runs, struct range bounds, uint64_t pages, uint64_t align,
                   uint64_t *start);
bool runs_find_high(const struct runs *runs, struct range bounds, uint64_t pages, uint64_t align,
                    uint64_t *start);

/* The committed runs of which `is_meant` says so, and that have no level, get `level` (clone.h): their
 * borders stay. */
void runs_raise(struct runs *runs, unsigned level, bool (*is_meant)(struct run run));

/* Committed pages in `range`. */
uint64_t runs_committed(const struct runs *runs, struct range range);

/* The first run with committed pages that ends above `page` (the last one that begins at or below
 * it). False when there is none. */
bool runs_committed_from(const struct runs *runs, uint64_t page, struct range *found);
bool runs_committed_back(const struct runs *runs, uint64_t page, struct range *found);

/* Verifies order, coverage, merging, fill and all figures of the inner nodes; complains. */
bool runs_check(const struct runs *runs);

#endif
