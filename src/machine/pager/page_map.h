/* SPDX-License-Identifier: MIT
 *
 * A process's page map and working set: beginning, end, membership.
 *
 * (0) no lock is held.
 */
#ifndef NTMM_MACHINE_PAGER_PAGE_MAP_H
#define NTMM_MACHINE_PAGER_PAGE_MAP_H

#include "machine/pager/pager.h"

/* A page map with a top table. STATUS_NO_MEMORY, STATUS_COMMITMENT_LIMIT, STATUS_INSUFFICIENT_RESOURCES. */
NTSTATUS page_map_create(struct pager *pager, struct page_map *map, const struct layout *layout,
                         bool nx);
/* That of what all processes of a Windows 9x share, before there are any: its tables for 2 to 4 GB are in
 * each page map that is made from then on. The same. */
NTSTATUS page_map_create_arena(struct pager *pager, struct page_map *map,
                               const struct layout *layout);
/* That of a section: without the system's space, and without threads. The same. */
NTSTATUS page_map_create_section(struct pager *pager, struct page_map *map,
                                 struct segment *segment);
/* All pages and tables of `map` become those of `section`, not begun yet; `map` goes on with what
 * `fresh`, just created, has: its number is the section's. No thread is in a shootdown; nothing is
 * being read into its pages. The pager's lock is held. */
void page_map_give(struct page_map *map, struct page_map *fresh, struct segment *section);

/* Everything it has goes. */
void page_map_destroy(struct page_map *map);

/* Membership. Locked pages are members, but stand in no list: nothing trims them. The pager's lock is held. */
void ws_add(struct page_map *map, frame_t frame);
void ws_remove(struct page_map *map, frame_t frame);

#endif
