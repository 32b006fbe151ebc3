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
	bool hidden;            /* what a process had when it was cloned (clone.h) */
	bool writing;           /* (p) a transfer to its file is under way: one at a time */
	bool ending;            /* (p) none begins any more */
	uint32_t writers;       /* (p) threads that write, or wait to, without a reference perhaps */
	struct range unwritten; /* (p) where pages are that could not be written: while it is not
	                         * empty, what is dirty is not tried by the way */
	uint8_t *buffer;        /* of a file: CLUSTER_PAGES pages, for `writing` */
	struct segment *next;   /* (p) of those that wait for their file, their section gone */
};

static inline struct segment *segment_of(struct section *section)
{
	return (struct segment *)(void *)section;
}

/* (0) STATUS_COMMITMENT_LIMIT, STATUS_INSUFFICIENT_RESOURCES, STATUS_NO_MEMORY. */
NTSTATUS segment_create(struct pager *pager, const struct engine *engine,
                        const struct section_wish *wish, struct segment **segment);
/* (0) One that gets the page map of a process that is cloned: `charge` pages are promised for it.
 * STATUS_COMMITMENT_LIMIT, STATUS_NO_MEMORY. */
NTSTATUS segment_create_hidden(struct pager *pager, const struct engine *engine, uint64_t pages,
                               uint64_t charge, struct segment **segment);
/* (0) It has not got it after all. */
void segment_discard_hidden(struct segment *segment);

/* (0) There is no view and no reference any more: what is dirty is written, then it goes; or it stays,
 * when that fails, stranded, complains, and is tried again by segments_retry. */
void segment_end(struct segment *segment);
/* (0) Tries again to write what could not be written, of stranded sections and of those in use. */
void segments_retry(struct pager *pager);
/* (0) The same, of stranded ones alone. */
void segments_retry_stranded(struct pager *pager);
/* (0) No process is left: stranded sections are tried for the last time, and go whatever becomes of it.
 * Returns how many pages are lost. */
uint64_t segments_end(struct pager *pager);
/* Their number, for figures: dirty pages that could not be written; sections that are stranded. */
void segments_count(struct pager *pager, uint64_t *unwritten, uint64_t *stranded);

/* ---- segment_file.c: pages of files --------------------------------------------------------- */

/* Where a page that has never been touched, or was clean when it went, comes from: bytes of the file,
 * the rest being zero. 0 bytes: it is zero. */
struct source {
	uint64_t offset;
	uint32_t bytes;
};
struct source segment_source(const struct segment *segment, uint64_t page);
/* (0) Reads `count` pages from `page` on. */
NTSTATUS segment_read(struct segment *segment, uint64_t page, void *to, uint32_t count);
/* (0) The same, to the file. */
NTSTATUS segment_write(struct segment *segment, uint64_t page, const void *from, uint32_t count);
/* Whether what is written to its pages goes to the file. */
static inline bool segment_is_file(const struct segment *segment)
{
	return segment && segment->section.kind == SECTION_FILE;
}

/* (0) As engine.section_flush. */
NTSTATUS segment_flush(struct segment *segment, struct range range);
/* (0) As engine.section_cut. */
void segment_cut(struct segment *segment, uint64_t bytes);
static inline bool segment_has_failed(const struct segment *segment)
{
	return segment->unwritten.start < segment->unwritten.end;
}

/* Dirty pages of its file in memory. */
uint64_t segment_dirty(struct segment *segment, struct range range);
/* Writes the first dirty pages of `range` that lie side by side, a cluster at most; drops the lock for
 * it. How many; *next: the page behind them. */
uint64_t segment_write_some(struct segment *segment, struct range range, uint64_t *next,
                            NTSTATUS *status);

/* The lock is held. */
void segment_link_locked(struct page_map *map, struct view *view);
/* (0) The view of `map`'s process can be walked from the section from then on, and no more. */
void segment_link(struct page_map *map, struct view *view);
void segment_unlink(struct page_map *map, struct view *view);
/* The lock is held. */
void segment_unlink_locked(struct page_map *map, struct view *view);
/* (0) The same of every view that the process still has. */
void segment_unlink_all(struct page_map *map);

/* The space is locked: as engine.copied. May block on I/O. */
uint64_t segment_copied(struct page_map *map, struct range range, bool *copied);

#endif
