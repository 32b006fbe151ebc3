/* SPDX-License-Identifier: MIT
 *
 * Taking pages out of working sets, least recently used first (S12, PG-50 to PG-55).
 *
 * Conventions: pager.h. The pager's lock is held.
 */
#ifndef NTMM_MACHINE_PAGER_TRIM_H
#define NTMM_MACHINE_PAGER_TRIM_H

#include "machine/pager/shoot.h"

/* The page or idle table in `frame`, not locked, leaves the working set. */
void trim_page(struct page_map *map, frame_t frame, struct shootdown *shootdown);
/* Takes up to `pages` of the least recently used pages of all working sets out; how many it took. */
uint64_t trim_oldest(struct pager *pager, uint64_t pages);
/* Every page that is not locked; how many. */
uint64_t trim_all(struct page_map *map);
/* Trims `map`'s own pages until it is below its hard maximum (PG-53). */
void trim_to_maximum(struct page_map *map);

#endif
