/* SPDX-License-Identifier: MIT
 *
 * Pages given up to the host by MEM_RESET and OfferVirtualMemory, and what became of them (rules
 * VA-60 to VA-69, OF).
 *
 * What this is: a record of the pages that had contents when they were given up, and what asks
 * about them later. A page that is not in the record is never given up, so nothing that is not
 * recorded can be lost.
 *
 * Whether contents were lost is told after the page has been made safe, never before: the host may
 * take it at any moment until then.
 *
 *      has a byte that is not zero when it is safe   not lost: it is what it was, or has been
 *                                                    stored to since (VA-64)
 *      had one before, and has none then             lost in between
 *      had none before                               lost; unless it is a page of this process
 *                                                    alone: then zeroes were stored to it since
 *
 * For a page that was taken has no memory, or when it has been read shows the host's page of
 * zeroes, until it is stored to. Only a host that puts in large pages unasked can fill it by
 * itself: there, pages that are all zero count as lost. The other mistake, to call a page intact
 * that was lost, cannot be made. What is all zero need not be made safe.
 *
 * Pages that other processes share with this one since a fork are not given up: that would set
 * nothing free. In a forked child the record is that of the parent.
 *
 * Units: pages. Threads: (l) guarded by the space's lock; all of this with the space locked for
 * writing.
 */
#ifndef NTMM_NATIVE_LAZY_FREE_H
#define NTMM_NATIVE_LAZY_FREE_H

#include "space/runs.h"

struct lazy_free {
	struct runs runs; /* (l) committed: recorded */
	enum { LAZY_UNTRIED, LAZY_WORKS, LAZY_REFUSED } host; /* (l) */
};

/* False: there is no memory. */
bool lazy_free_init(struct lazy_free *lazy, struct range whole);

static inline bool lazy_free_has(const struct lazy_free *lazy, struct range range)
{
	return lazy->runs.count > 1 && runs_committed(&lazy->runs, range);
}

/* Committed private pages, to be read and written, not watched: those that have contents are
 * recorded. Nothing can be lost yet. False: some are not, for want of memory or of the host's
 * help. */
bool lazy_free_note(struct lazy_free *lazy, struct range range);
/* What is recorded may be lost from now on. */
void lazy_free_give(const struct lazy_free *lazy, struct range range);

/* What is recorded cannot be lost any more; what is not lost by now leaves the record. The host
 * must let the pages be read and written, but those that are lost already. An errno value: of some
 * pages neither is so. */
int lazy_free_keep(struct lazy_free *lazy, struct range range);
/* The same, and what is lost leaves the record, too. `were_kept`: those that the host does not let
 * be written are safe. False: something is lost, or could not be made safe; that stays. */
bool lazy_free_take_back(struct lazy_free *lazy, struct range range, bool were_kept);

/* The contents go, or have gone, in another way. */
void lazy_free_forget(struct lazy_free *lazy, struct range range);

#endif
