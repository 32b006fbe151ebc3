/* SPDX-License-Identifier: MIT
 *
 * Changes of a range of pages that the rules ask for: operations of the engine.
 *
 * (W) as in engine.h: the space is locked for writing. They take the pager's lock themselves; when they
 * return no thread has a translation left that the new state forbids.
 */
#ifndef NTMM_MACHINE_PAGER_CHANGE_H
#define NTMM_MACHINE_PAGER_CHANGE_H

#include "machine/pager/pager.h"
#include "space/page_set.h"

void pages_decommit(struct page_map *map, struct range range);
/* The same of one entry, of a page of the map's own, with the pager's lock held. No thread runs by the map;
 * its table is the caller's to settle. */
void page_decommit_locked(struct page_map *map, struct place place, uint64_t page);
void pages_protect(struct page_map *map, struct range range, prot_t prot);
/* A store to the pages of `range` that `watch` has marked finds them clean: it is noticed. */
void pages_rearm(struct page_map *map, struct range range, const struct page_set *watch);
void pages_reset(struct page_map *map, struct range range);
/* `covers`: the process's own pages of `range` hide those of a section, and go on to do so. */
bool pages_reset_undo(struct page_map *map, struct range range, bool covers);
void pages_offer(struct page_map *map, struct range range, unsigned priority);
void pages_discard(struct page_map *map, struct range range);

#endif
