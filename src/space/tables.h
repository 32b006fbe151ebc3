/* SPDX-License-Identifier: MIT
 *
 * How many page tables committed pages can need, so that they are charged when the pages are.
 *
 * A table is needed for every 2 MB, 1 GB and 512 GB span that holds a committed page.
 * Units: tables. Threads: with the space locked for writing.
 */
#ifndef NTMM_SPACE_TABLES_H
#define NTMM_SPACE_TABLES_H

#include "space/runs.h"

#define TABLE_BITS 9   /* of an entry's number in its table */
#define TABLE_LEVELS 3 /* below the top table */

/* Tables that committing all of `range` adds to those that `runs` needs now. */
uint64_t tables_to_add(const struct runs *runs, struct range range);

/* Tables that are needed no more once nothing in `range` is committed. */
uint64_t tables_to_drop(const struct runs *runs, struct range range);

/* Tables over all of `range`, whatever else needs them too. */
uint64_t tables_over(struct range range);

#endif
