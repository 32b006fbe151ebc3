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
/* The same, but brings in tables that are paged out: drops and retakes the lock for that. A table that
 * cannot be read is passed over; if its entries were to be dropped, none of its pages can be touched
 * from then on. */
struct visit {
	entry_visitor entry;
	void (*before_drop)(void *context); /* called before each drop of the lock */
	void *context;
	bool drops;       /* the visitor makes every entry zero, whatever can be read */
	const bool *done; /* nothing more is visited once it is true; or NULL */
};
/* Gets the table below `place` in, if it can be had, and drops and retakes the lock for that; *spent,
 * which begins with 0, keeps that in bounds. True: walk again. */
bool visit_bring(struct page_map *map, struct place place, uint64_t page, unsigned *spent);
void visit_all_tables(struct page_map *map, struct range range, const struct visit *visit);

#endif
