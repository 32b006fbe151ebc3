/* SPDX-License-Identifier: MIT
 *
 * Page tables come and go.
 *
 * Conventions: pager.h. The pager's lock is held.
 */
#ifndef NTMM_MACHINE_PAGER_TABLE_H
#define NTMM_MACHINE_PAGER_TABLE_H

#include "machine/pager/fault.h"

/* Makes the table below `place` (level 2 or higher, not present) present. As fault_step. */
enum fault_outcome table_bring(struct fault *fault, struct place place);
/* After an entry of `table` became zero or non-resident: frees it, or lets it be trimmed. */
void table_settle(struct page_map *map, frame_t table);
/* pager_take for something that an entry of `table` will refer to: `table` stays meanwhile. It may be
 * left without resident entries: table_settle or fault_abandon, if the entry is not made after all. */
frame_t table_take(struct page_map *map, frame_t table, enum frame_use use);
/* Before an entry of `table` becomes resident. */
void table_wake(struct page_map *map, frame_t table);
/* A page of `table` is locked or not any more: the tables above stay with it. The resident ledger is
 * charged for them, and for `pages`: 1, or 0 when the page is charged already. False when it is full:
 * then nothing changed. */
bool table_lock(struct page_map *map, frame_t table, uint64_t pages);
void table_unlock(struct page_map *map, frame_t table, uint64_t pages);

#endif
