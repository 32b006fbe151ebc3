/* SPDX-License-Identifier: MIT
 *
 * Which pages a process has touched. The pages touched lately are kept in a small direct-mapped
 * table, so that most references cost one comparison.
 *
 * Threads: one.
 */
#ifndef TOOL_TOUCHED_H
#define TOOL_TOUCHED_H

#include "page_index.h"

#define TOUCHED_RECENT 256

struct touched {
	uint64_t recent[TOUCHED_RECENT]; /* page numbers + 1 */
	struct page_index pages;
};

/* False: no memory. */
bool touched_add(struct touched *touched, uint64_t page);

static inline bool touched_note(struct touched *touched, uint64_t page)
{
	return touched->recent[page % TOUCHED_RECENT] == page + 1 || touched_add(touched, page);
}

static inline uint64_t touched_count(const struct touched *touched)
{
	return touched->pages.count;
}

void touched_end(struct touched *touched);

#endif
