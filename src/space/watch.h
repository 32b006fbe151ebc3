/* SPDX-License-Identifier: MIT
 *
 * The record of a write-watched allocation: which of its pages have been written (rules WW).
 *
 * What this is: a bit for each page, and one for each group of 4096 pages some of which may be
 * marked. The host populates it where pages are marked, so that a reservation of terabytes costs
 * nothing, and groups without a mark are passed over. Allocations that were split share one record:
 * each looks at the bits of its own pages.
 *
 * The mark of a page is set where a store first makes it dirty, so a page that is present and dirty
 * in the page map is marked. It stays whatever becomes of the page (WW-20 to WW-22): only
 * watch_clear takes it away, after engine.rearm.
 *
 * Units: page numbers. Threads: with the space locked, for reading if it is not said otherwise.
 */
#ifndef NTMM_SPACE_WATCH_H
#define NTMM_SPACE_WATCH_H

#include "base/units.h"

struct watch;

/* Nothing is marked. NULL: the host has no memory. */
struct watch *watch_create(struct range range);
/* For another allocation, which lies inside. (The space is locked for writing.) */
struct watch *watch_share(struct watch *watch);
/* The last one frees it; NULL is ignored. (The same.) */
void watch_drop(struct watch *watch);
bool watch_covers(const struct watch *watch, struct range range);

void watch_mark(struct watch *watch, uint64_t page);
void watch_mark_all(struct watch *watch, struct range range);
bool watch_is_marked(const struct watch *watch, uint64_t page);
/* Some marked pages in a row, the lowest of `range`; what follows them may be marked too. False: there
 * are none. */
bool watch_find(const struct watch *watch, struct range range, struct range *marked);
/* (The space is locked for writing.) */
void watch_clear(struct watch *watch, struct range range);

#endif
