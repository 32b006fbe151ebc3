/* SPDX-License-Identifier: MIT
 *
 * Ages of pages: how many passes ago each was last seen in use (PG-51).
 *
 * A hand goes over the working sets' lists, a few pages at a time. A page whose accessed bit is
 * set gets the number of the present pass and is moved to the end of its list; the bit is cleared.
 * So the front of a list is what has not been used for longest, as far as passes tell. Pass
 * numbers wrap around: ages stop at AGE_MOST.
 *
 * Conventions: pager.h. The pager's lock is held; functions marked (s) take it themselves.
 */
#ifndef NTMM_MACHINE_PAGER_AGE_H
#define NTMM_MACHINE_PAGER_AGE_H

#include "machine/pager/shoot.h"

#define AGE_MOST 0x7FFFu
#define AGE_STEP 256u /* pages at once, at most: the lock is held meanwhile */

/* A page is used now. */
static inline void age_renew(const struct pager *pager, struct frame *record)
{
	record->epoch = pager->epoch;
}

/* How many pages the hand looks at for one that is faulted in. It rests as long as most memory is
 * available, and begins long before pages must go, so that it knows by then which are in use. */
static inline unsigned age_pace(const struct phys *phys)
{
	uint64_t active = phys->in_state[FRAME_ACTIVE], available = phys_available(phys);
	if (available >= 3 * active)
		return 0;
	if (available >= active)
		return 2;
	return available >= active / 8 ? 8 : 16;
}

static inline void age_count_fault(struct pager *pager)
{
	pager->looks_due += age_pace(&pager->phys);
}

/* Whether so many looks are due that they should be taken. */
static inline bool age_is_due(const struct pager *pager)
{
	return pager->looks_due >= min_u64(AGE_STEP, pager->phys.in_state[FRAME_ACTIVE] / 4 + 1);
}

/* Takes the looks that are due, at most AGE_STEP. */
void age_step(struct pager *pager);
/* (s) The same, if they should be taken. */
void age_work(struct pager *pager);
/* Whether the page in `frame` has been used since it was looked at last: then it is the last of
 * its working set's list now. */
bool age_look(struct page_map *map, frame_t frame, struct shootdown *shootdown);

#endif
