/* SPDX-License-Identifier: MIT
 *
 * Entries of a range, table by table.
 *
 * Conventions: pager.h. The pager's lock is held.
 */
#ifndef NTMM_MACHINE_PAGER_VISIT_H
#define NTMM_MACHINE_PAGER_VISIT_H

#include "machine/pager/pager.h"

/* Calls `visit` for each entry of the range that is not zero and whose table is present, in order. */
typedef void (*entry_visitor)(struct page_map *map, struct place place, uint64_t page,
                              void *context);
void visit_present_tables(struct page_map *map, struct range range, entry_visitor visit,
                          void *context);
/* The same, but brings in tables that are paged out: drops and retakes the lock for that. `before_drop`
 * is called before each drop. */
void visit_all_tables(struct page_map *map, struct range range, entry_visitor visit,
                      void (*before_drop)(void *context), void *context);

#endif
