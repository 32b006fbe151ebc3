/* SPDX-License-Identifier: MIT
 *
 * Held pages: they stay in RAM and are not written, until they are released (PG-39).
 *
 * A held page leaves working sets as others do, but to modified-no-write instead of standby or
 * modified. Since no disk has it, its frame and those of the tables above are charged to the
 * resident ledger, as for locked pages. Only pages of a process's own can be held. A hold ends
 * with its page, too.
 *
 * Conventions: pager.h. The pager's lock is held; functions marked (0) take it themselves.
 */
#ifndef NTMM_MACHINE_PAGER_PAGE_HOLD_H
#define NTMM_MACHINE_PAGER_PAGE_HOLD_H

#include "machine/pager/pager.h"

/* Holds the present page at `place`. STATUS_NOT_SUPPORTED for a page of a section or of the
 * system; STATUS_INSUFFICIENT_RESOURCES when the resident ledger is full; STATUS_WAS_LOCKED when
 * it was held. */
NTSTATUS page_hold(struct page_map *map, struct place place);
/* Ends the hold on the page in `frame`, active or out of use, if there is one. */
void page_let_go(struct page_map *map, frame_t frame);

struct space;
/* (0) As ntmm_process_hold_pages. */
NTSTATUS pages_hold(struct space *space, struct range range);
NTSTATUS pages_let_go(struct space *space, struct range range);

#endif
