/* SPDX-License-Identifier: MIT
 *
 * A set of pages of one allocation: those of a write-watched one that were written (rules WW), those
 * of a window of physical pages that have one (rules AW).
 *
 * What this is: a bit for each page, and one for each group of 4096 pages some of which may be
 * members. The host populates it where members are, so that a reservation of terabytes costs
 * nothing, and groups without members are passed over. Allocations that were split share one set:
 * each looks at its own pages.
 *
 * Units: page numbers. Threads: with the space locked, for reading if it is not said otherwise.
 */
#ifndef NTMM_SPACE_PAGE_SET_H
#define NTMM_SPACE_PAGE_SET_H

#include "base/units.h"

struct page_set;

/* Empty. NULL: the host has no memory. */
struct page_set *page_set_create(struct range range);
/* For another allocation, which lies inside. (The space is locked for writing.) */
struct page_set *page_set_share(struct page_set *set);
/* The last one frees it; NULL is ignored. (The same.) */
void page_set_drop(struct page_set *set);
bool page_set_covers(const struct page_set *set, struct range range);

void page_set_add(struct page_set *set, uint64_t page);
void page_set_add_all(struct page_set *set, struct range range);
bool page_set_has(const struct page_set *set, uint64_t page);
/* Some members in a row, the lowest of `range`; the page after them may be a member too. False: there
 * are none. */
bool page_set_find(const struct page_set *set, struct range range, struct range *found);
/* (The space is locked for writing.) */
void page_set_remove(struct page_set *set, struct range range);

#endif
