/* SPDX-License-Identifier: MIT
 *
 * Physical memory: RAM, and the frame database that says what each frame of it is used for.
 *
 * Frame n is at ram + n * 4096. Frames that were never used form one block, [low, high), known to be
 * zero; table frames are taken from its low end, data frames from its high end, so that a machine
 * with much RAM starts at once.
 *
 *   State     list             meaning
 *   free      free             old contents, no owner (also: never used, in no list)
 *   zeroed    zeroed           all zero, no owner
 *   active    a working set    present in a page map
 *   table     -                a page table with present or transition entries, or a top table
 *   idle      a working set    a page table without: may be paged out
 *   standby   standby          clean, findable through its entry
 *   modified  modified         dirty, findable through its entry
 *   no-write  modified-no-write  held: findable, not to be written for now (PG-39)
 *   reading   -                being read from the paging file
 *   writing   -                being written to it, findable through its entry: comes back by a fault
 *   fixed     -                the system's own
 *   bad       bad              has failed: never used again (PG-39)
 *   physical  its process's    given out by AllocateUserPhysicalPages; present in a page map, or not
 *   zeroing   -                was free, and will be zeroed
 *   large     -                part of a large page, 512 frames in a row
 *
 * The entry that refers to a frame is entry number `entry` of the table in frame `table`; a top table
 * has the number of its page map there instead. A section's page has its entry in the section's own
 * page map; the entries of views that show it are counted, and found through the section's views.
 *
 * Units: frame numbers. Errors: phys_init alone can fail. Threads: guarded by the pager's lock.
 */
#ifndef NTMM_MACHINE_PHYS_PHYS_H
#define NTMM_MACHINE_PHYS_PHYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"
#include "machine/store/slot.h"

typedef uint32_t frame_t;
#define NO_FRAME UINT32_MAX

enum frame_state {
	FRAME_FREE,
	FRAME_ZEROED,
	FRAME_ACTIVE,
	FRAME_TABLE,
	FRAME_IDLE,
	FRAME_STANDBY,
	FRAME_MODIFIED,
	FRAME_READING,
	FRAME_WRITING,
	FRAME_FIXED,
	FRAME_NO_WRITE,
	FRAME_BAD,
	FRAME_PHYSICAL,
	FRAME_ZEROING,
	FRAME_LARGE,
	FRAME_STATES
};

enum {
	FRAME_DIRTY = 1, /* differs from its slot, or has none and is not all zero */
	FRAME_RESET = 2, /* MEM_RESET, DiscardVirtualMemory or offer: may be dropped (VA-65) */
	FRAME_LOCK_PROCESS = 4,
	FRAME_LOCK_SYSTEM = 8,
	FRAME_LOCKED = FRAME_LOCK_PROCESS | FRAME_LOCK_SYSTEM,
	FRAME_ORPHAN = 16, /* its page went away during I/O: to be freed when that ends */
	FRAME_LOST =
		32, /* zero in place of contents that were dropped; not written since (VA-69) */
	FRAME_CLEANING = 64, /* being written to its file, and not stored to since */
	FRAME_OUTGOING = 128, /* in use, while what it was is written to its slot (PG-61) */
};

struct frame {
	frame_t next, previous; /* in the list of its state, or in a working set */
	frame_t table;          /* whose entry refers to it */
	slot_t slot;            /* page of a paging file with a copy; 0: none */
	uint16_t entry : 9;     /* number of that entry */
	uint16_t level : 3;     /* 0 data, 1 lowest table ... 4 top table */
	uint16_t priority : 3;  /* on standby: 0 is given away first (PG-35) */
	uint16_t held : 1;      /* stays in RAM and is not written, until it is released: page_hold.h */
	uint8_t state;          /* enum frame_state; frame_set_state only */
	uint8_t flags;
	union {
		struct {                /* data */
			uint16_t epoch; /* sampling pass in which it was last seen in use */
			uint16_t share; /* of a section: views' entries that refer to it; stays at the most */
		};
		struct { /* tables: entries that are not zero; present or in transition; locked */
			uint32_t used : 10, resident : 10, locked : 12;
		};
		struct { /* physical, large: number of its page map; named in the call under way */
			uint32_t owner : 31, named : 1;
		};
	};
};
_Static_assert(sizeof(struct frame) <= 24, "a frame record stays small");

/* Page priorities. Offered pages have those of OfferVirtualMemory, 1 to 4 (OF-3). */
#define PRIORITIES 8
enum { PRIORITY_RESET = 0, PRIORITY_NORMAL = 5 };

#define SHARE_MOST UINT16_MAX

struct frame_list {
	frame_t first, last; /* NO_FRAME when empty */
	frame_t hand;        /* somebody's place in the list; the next one when this is taken out */
	uint64_t count;
};

struct phys {
	uint8_t *ram;
	int ram_file; /* the memory file that RAM is; -1: it is none */
	struct frame *frames;
	uint64_t count;         /* frames in all */
	frame_t low, high;      /* never used: [low, high) */
	struct frame_list free, zeroed, modified, no_write, bad;
	struct frame_list standby[PRIORITIES];
	uint64_t in_state[FRAME_STATES]; /* never used frames count as zeroed */
};

/* `shared`: RAM is a memory file. */
bool phys_init(struct phys *phys, uint64_t frames, bool shared);
void phys_destroy(struct phys *phys);

static inline struct frame *frame_at(const struct phys *phys, frame_t frame)
{
	return &phys->frames[frame];
}

static inline void *frame_bytes(const struct phys *phys, frame_t frame)
{
	return phys->ram + (uint64_t)frame * PAGE_BYTES;
}

/* Free and zeroed frames. */
uint64_t phys_free_count(const struct phys *phys);
/* Those and standby: what can be had without writing (PG-32). */
uint64_t phys_available(const struct phys *phys);

enum frame_use {
	USE_TABLE, /* zeroed, from the low end */
	USE_DATA,  /* zeroed, from the high end */
	USE_READ,  /* will be overwritten: old contents are welcome (PG-36) */
};
/* A frame in state free or zeroed, out of every list, contents as `use` says; the caller sets its
 * next state at once. NO_FRAME when none is free. */
frame_t phys_take(struct phys *phys, enum frame_use use);

/* A frame in state free or zeroed is bad from now on; also one that was never used. */
void phys_retire(struct phys *phys, frame_t frame);

/* Takes a free frame out of its list, to be filled with zeros; its next state is zeroed. False: there is
 * none. */
bool phys_begin_zeroing(struct phys *phys, frame_t *frame);
/* Whether frame `first`, a multiple of LARGE_PAGES, begins a block of them that are all free. */
bool phys_block_is_free(const struct phys *phys, frame_t first);
/* The frames of a free block, as phys_take(USE_DATA) gives each. */
void phys_take_block(struct phys *phys, frame_t first);

/* The one place where a frame changes state: checks that the step is legal, moves it between lists
 * (of the picture above, to the end; working sets are the caller's), keeps the counts. */
void frame_set_state(struct phys *phys, frame_t frame, enum frame_state state);
/* Also of a page that is on standby already: it is the last of its priority then. */
void frame_set_priority(struct phys *phys, frame_t frame, unsigned priority);
/* The standby page to be given away first (PG-35). NO_FRAME when there is none. */
frame_t phys_first_standby(const struct phys *phys);
const char *frame_state_name(enum frame_state state);

void frame_list_init(struct frame_list *list);
void frame_list_append(struct phys *phys, struct frame_list *list, frame_t frame);
void frame_list_prepend(struct phys *phys, struct frame_list *list, frame_t frame);
void frame_list_remove(struct phys *phys, struct frame_list *list, frame_t frame);

/* Verifies lists and counts; complains. */
bool phys_check(const struct phys *phys);

#endif
