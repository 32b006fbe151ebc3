/* SPDX-License-Identifier: MIT
 *
 * A pointer for each page of a process that has been asked for.
 *
 * Units: page numbers (address / 4096). Threads: one.
 */
#ifndef TOOL_PAGE_INDEX_H
#define TOOL_PAGE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct page_entry {
	uint64_t page;
	void *value;
	bool used;
};

/* A hash table with linear probing, at most half full. All zeros is an empty one. */
struct page_index {
	struct page_entry *entries;
	size_t room, count; /* room is 0 or a power of two */
};

/* The entry of a page, made with a NULL value when there is none. Valid until the next is made.
 * NULL: no memory. */
struct page_entry *page_index_at(struct page_index *index, uint64_t page);

/* Whether the page has been asked for. */
bool page_index_has(const struct page_index *index, uint64_t page);

/* The entries one after another, in no particular order; *cursor begins as 0. NULL after the last. */
const struct page_entry *page_index_next(const struct page_index *index, size_t *cursor);

void page_index_end(struct page_index *index);

#endif
