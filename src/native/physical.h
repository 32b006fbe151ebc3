/* SPDX-License-Identifier: MIT
 *
 * Frames of the process's own, and windows that show them (rules AW).
 *
 * What this is: a file in memory, whose page n is frame n; frame 0 is nobody's. Windows show parts of it.
 * Which frame is where is remembered both ways: each frame knows its page, and the frames that are
 * mapped are chained by page. A frame that is given back is punched out of the file, so that it is
 * zero when it is given out again.
 *
 * A forked child has none, and its windows are empty (AW-9).
 *
 * Threads: (l) guarded by the space's lock.
 */
#ifndef NTMM_NATIVE_PHYSICAL_H
#define NTMM_NATIVE_PHYSICAL_H

#include "engine.h"

struct native;

struct native_frame {
	uint64_t page; /* it is mapped at; PAGE_NONE */
	uint32_t next; /* of its chain; 0: it is the last */
	bool own;      /* the process has it */
	bool named;    /* by the call under way */
};

struct physical {
	int fd;                      /* (l) -1: there has been no frame yet */
	uint32_t room;               /* (l) frames that the tables have room for, a power of two */
	uint32_t end;                /* (l) from here on no frame has been given out yet */
	struct native_frame *frames; /* (l) */
	uint32_t *chains;            /* (l) by page: the first frame of each; 0: none */
	struct page_set *unused;     /* (l) frames below `end` that nobody has */
	void *spare;                 /* (l) mappings kept for when the host allows no more; NULL: none */
};

void physical_init(struct physical *physical);

/* As engine.h says of them. */
NTSTATUS native_physical_allocate(struct space *space, uint64_t *frames, uint64_t *count);
NTSTATUS native_physical_free(struct space *space, const uint64_t *frames, uint64_t *count);
NTSTATUS native_physical_map(struct space *space, const struct physical_mapping *mappings,
                             uint64_t count);

/* The space is locked for writing. The window goes; its pages have been shut. */
void physical_window_gone(struct native *native, struct range window);
/* The space is locked. A page of a window that has a frame shows it. An errno value. */
int physical_show_again(const struct native *native, uint64_t page);
/* In a forked child, which is alone: the frames are its parent's. */
void physical_forked(struct native *native);

/* ---- among themselves ------------------------------------------------------------------------- */

/* A page of a window has no frame any more. */
void physical_page_gone(struct native *native, uint64_t page);

#define PAGE_NONE UINT64_MAX

bool frame_is_own(const struct physical *physical, uint64_t number);
/* The frame that is mapped at a page; 0: none. */
uint32_t frame_at_page(const struct physical *physical, uint64_t page);
/* Whether they are mapped, and where, from now on. */
void frame_enter(struct physical *physical, uint32_t frame, uint64_t page);
void frame_leave(struct physical *physical, uint32_t frame);

/* The lowest that are not used leave them; nothing is in them yet. How many; fewer: there is no memory
 * for the tables. */
uint64_t frames_take(struct physical *physical, uint64_t *frames, uint64_t count);
/* Taken ones, which have been made, are the process's. */
void frames_give(struct physical *physical, const uint64_t *frames, uint64_t count);
/* They are not used, zero, and not mapped. Numbers in a row. */
void frames_put(struct physical *physical, uint32_t first, uint32_t count);
void frames_forget(struct physical *physical);

#endif
