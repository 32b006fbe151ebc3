/* SPDX-License-Identifier: MIT
 *
 * TLB shootdown: making other processors forget.
 *
 * Threads look pages up and use them without a lock, so whoever takes something away must make sure
 * that no thread uses it any more. What is promised, and by whom:
 *
 *   A thread    inside = 1; if the tag matches, access; inside = 0. If not, a walk first, which may fill
 *               the line: read `voids`; walk; fill; read `voids`: if it has changed, empty the line and
 *               take the slow way. A walk writes no entry, and fills only what the entry it found allows
 *               as it is.
 *
 *   A shooter   under the pager's lock: change entries; clear the tags there are; `voids`++; barrier; clear
 *               the tags there are now; if there were any, another barrier; wait until the threads that had
 *               one have been outside. Then the frames may be given to others.
 *
 * The barrier is membarrier(2): at one point of each thread's program, its point, what the shooter did
 * before is visible to the thread, and what the thread did before is visible to the shooter afterwards.
 *
 * 1. A walk that reads `voids` for the second time after its point sees it changed and is given up, unless
 *    it had seen the change the first time: then it has also seen the changed entries.
 * 2. One that reads it before its point has filled its line before it too, and the second clearing finds the
 *    tag: or another, if the line was filled again meanwhile. The access by the first was over then, and is
 *    seen with the second tag, which releases it.
 * 3. So after the second clearing nobody has a tag. A thread that is in an access by one that was cleared is
 *    inside, which the barrier after the clearing makes visible, and it is waited for. One that had no tag
 *    when they were cleared, either time, is in no access by one.
 *
 * A table that leaves its page map has no present entry (table.c), so there is nothing to clear; but a
 * walk may still read it. Before any frame is given to another use after that, one barrier, and a wait until
 * those inside have been outside (shoot_walkers): a walk that begins after its point does not find the
 * table. What a walk reads therefore always is a table, or was when it left; entries need no checks.
 *
 * A process that ends first forbids its threads every walk, then shoots everything and waits for all of
 * them: they may not even look at the machine's memory afterwards.
 *
 * Where this host process has one thread only, no other is inside, and there is no need for barriers.
 *
 * Pages that the host's own processor has been shown are hidden after the wait (shadow.h).
 *
 * Conventions: pager.h. The pager's lock is held.
 */
#ifndef NTMM_MACHINE_PAGER_SHOOT_H
#define NTMM_MACHINE_PAGER_SHOOT_H

#include "machine/pager/pager.h"

/* A processor: one per thread of a process; on Windows 9x two with one TLB, the other in the arena's map. (p), but for the owner: it reads what is marked (o) while
 * inside. */
struct translator {
	struct ntmm_tlb *tlb;
	const struct pte *root;  /* (o) */
	const uint8_t *ram;      /* (o) */
	uint64_t end;            /* (o) atomic; first page that no walk may find; 0: its process has ended */
	uint64_t voids;          /* (o) atomic; walks under way are void when it changes */
	struct translator *next; /* of the same page map */
	bool must_wait;          /* it had a tag that was cleared */
};

/* The owner is not inside. */
void shoot_enlist(struct page_map *map, struct translator *translator);
void shoot_delist(struct page_map *map, struct translator *translator);

/* Of loads that a barrier of the host's orders; ThreadSanitizer wants more (thread.h). */
#define SHOOT_ACQUIRE \
	(NTMM_TLB_ORDER == __ATOMIC_SEQ_CST ? __ATOMIC_SEQ_CST : __ATOMIC_ACQUIRE)

/* Collects; shoot_wait ends it. Pages may not be reused, nor the lock dropped, in between. May collect from
 * several page maps. */
struct shootdown {
	struct page_map *maps;
};
/* What is taken away, if anything: SHOOT_ALL of a page that leaves, else what is allowed no more. */
enum { SHOOT_LOAD = 1, SHOOT_STORE = 2, SHOOT_FETCH = 4, SHOOT_ALL = 7 };
/* After its entry has changed. */
void shoot_page(struct page_map *map, uint64_t page, unsigned what, struct shootdown *shootdown);
/* When it returns no thread is in an access by a translation that was taken away, nor has one. */
void shoot_wait(struct shootdown *shootdown);

/* A table has left the page map. */
void shoot_table(struct page_map *map);
/* Before a frame is given to another use: no walk reads a table that has left. */
void shoot_walkers(struct pager *pager);

/* No thread walks from when it returns until shoot_resume, or has a translation: the page map can be
 * given another root. */
void shoot_pause(struct page_map *map);
void shoot_resume(struct page_map *map);

/* One translator, for good: its thread neither walks nor is in an access by this map. It is forgotten. The
 * owner may be inside. */
void shoot_translator(struct page_map *map, struct translator *translator);
/* Everything, for good: no thread of the map walks, or is in an access. Its translators are forgotten. */
void shoot_map(struct page_map *map);

#endif
