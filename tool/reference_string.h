/* SPDX-License-Identifier: MIT
 *
 * The pages that a replay touches, in their order, for policies that are simulated beside the machine.
 *
 * What this is: one 32-bit touch for each run of references to the same page. Pages of all processes
 * are numbered together, from 0 in the order of their first touch.
 *
 * Threads: one.
 */
#ifndef TOOL_REFERENCE_STRING_H
#define TOOL_REFERENCE_STRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "page_index.h"

struct reference_string {
	uint32_t *touches; /* the page's number * 2, + 1 when something is stored */
	size_t count, room;
	uint32_t pages;             /* different ones */
	struct page_index *numbers; /* of the pages of each process */
	size_t processes;
};

/* An empty one. False: no memory. */
bool reference_string_begin(struct reference_string *string, size_t processes);
void reference_string_end(struct reference_string *string);

/* False: no memory, or more than 2^31 - 1 pages or 2^32 - 2 touches. */
bool reference_string_add(struct reference_string *string, size_t process, uint64_t page, bool stored);

static inline uint32_t touch_page(uint32_t touch)
{
	return touch >> 1;
}

static inline bool touch_stores(uint32_t touch)
{
	return touch & 1;
}

#endif
