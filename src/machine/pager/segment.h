/* SPDX-License-Identifier: MIT
 *
 * A section on the machine: a page map of its own, whose page n is page n of the section.
 *
 * So a section's pages, and the tables that name them, are brought in, aged, trimmed, written and read
 * as a process's are. No thread runs by this map. What a process has of a view is an entry that
 * refers to the same frame (share.h), or, once copied, a page of its own.
 *
 *      process A    | entry |----+
 *                                +--> frame <---- | entry | the section's own map
 *      process B    | entry |----+       |               ^
 *                                        +---- back -----+
 *
 * Conventions: pager.h. The pager's lock is held, unless it says (0).
 */
#ifndef NTMM_MACHINE_PAGER_SEGMENT_H
#define NTMM_MACHINE_PAGER_SEGMENT_H

#include "machine/pager/pager.h"
#include "space/view.h"

struct segment {
	struct section section; /* first */
	struct page_map map;
	struct view *views;     /* (p) of all processes */
};

static inline struct segment *segment_of(struct section *section)
{
	return (struct segment *)(void *)section;
}

/* (0) STATUS_COMMITMENT_LIMIT, STATUS_INSUFFICIENT_RESOURCES, STATUS_NO_MEMORY. */
NTSTATUS segment_create(struct pager *pager, const struct engine *engine,
                        const struct section_wish *wish, struct segment **segment);
/* (0) There is no view and no reference any more. */
void segment_destroy(struct segment *segment);

/* (0) The view of `map`'s process can be walked from the section from then on, and no more. */
void segment_link(struct page_map *map, struct view *view);
void segment_unlink(struct page_map *map, struct view *view);
/* (0) The same of every view that the process still has. */
void segment_unlink_all(struct page_map *map);

/* The space is locked: as engine.copied. May block on I/O. */
uint64_t segment_copied(struct page_map *map, struct range range, bool *copied);

#endif
