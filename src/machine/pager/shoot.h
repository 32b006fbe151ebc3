/* SPDX-License-Identifier: MIT
 *
 * TLB shootdown: making other processors forget.
 *
 * Conventions: pager.h. The pager's lock is held.
 */
#ifndef NTMM_MACHINE_PAGER_SHOOT_H
#define NTMM_MACHINE_PAGER_SHOOT_H

#include "machine/pager/pager.h"

/* A processor's translations: one per thread of a process. (p) */
struct translator {
	struct ntmm_tlb *tlb;
	struct translator *next;    /* of the same page map */
	struct translator *waiting; /* of those a shootdown must wait for */
	bool must_wait;
};

/* Collects; shoot_wait ends it. Pages may not be reused, nor the lock dropped, in between. */
struct shootdown {
	struct translator *waiting;
};
enum { SHOOT_STORE = 1, SHOOT_ALL = 7 };
void shoot_page(struct page_map *map, uint64_t page, unsigned what, struct shootdown *shootdown);
void shoot_range(struct page_map *map, struct range range, struct shootdown *shootdown);
/* When it returns no thread is in an access by a translation that was taken away. */
void shoot_wait(struct shootdown *shootdown);

#endif
