/* SPDX-License-Identifier: MIT
 *
 * Pages of sections in the page maps of processes: the entries of views.
 *
 * An entry of a view is zero (ask the section), or present and refers to a frame of the section's, or
 * is an entry of a page of the process's own, which has been copied. A frame of a section is active
 * as long as it is in the section's working set; the entries that refer to it are counted in its
 * record. The last that goes sends it to standby or modified (PG-33); trimming it takes it from all.
 *
 * Conventions: pager.h. The pager's lock is held.
 */
#ifndef NTMM_MACHINE_PAGER_SHARE_H
#define NTMM_MACHINE_PAGER_SHARE_H

#include "machine/pager/segment.h"
#include "machine/pager/shoot.h"

/* Whether the present entry at `place`, at the lowest level, shows a section's page. */
static inline bool is_shared(const struct phys *phys, struct place place, frame_t frame)
{
	return frame_at(phys, frame)->table != place.table;
}

/* The entry at `place`, zero, shows the section's active page in `frame`. */
void share_enter(struct page_map *map, struct place place, frame_t frame, prot_t prot);
/* The entry at `place`, for `page`, shows it no more, and is zero. Its table is the caller's to settle. */
void share_leave(struct page_map *map, struct place place, uint64_t page,
                 struct shootdown *shootdown);
/* No view shows page `page` of the section any more. */
void share_leave_all(struct page_map *section, uint64_t page, frame_t frame,
                     struct shootdown *shootdown);
/* The next store of any view to the page is seen: shoot_wait, then its bytes can be copied. */
void share_clean(struct page_map *section, uint64_t page, frame_t frame,
                 struct shootdown *shootdown);
/* Whether some view has used the page since this was asked last (PG-51). */
bool share_sample(struct page_map *section, uint64_t page, frame_t frame,
                  struct shootdown *shootdown);
/* Every section's page that is not locked leaves the working set of the process; how many. */
uint64_t share_leave_process(struct page_map *map, uint64_t most, struct shootdown *shootdown);

/* Entries of views that refer to the page; and with any of `bits` set, of the locks say. */
uint64_t share_count(struct page_map *section, uint64_t page, frame_t frame, uint64_t bits);

#endif
