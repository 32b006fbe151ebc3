/* SPDX-License-Identifier: MIT
 *
 * Paging: which pages are in memory, and how they come and go.
 *
 * What this is: a pager per machine (RAM, paging file, lists, figures), and a page map per process
 * with its working set. Faults bring pages in; trimming takes the least recently used ones out of
 * working sets, to standby or modified; writing makes modified ones standby; a frame that is needed
 * is taken from free, zeroed or standby ones.
 *
 * Units: pages. (p) guarded by `lock`, which every function here expects to be held unless it says
 * (0): no lock, or (s): at most a space's. The lock is never held across I/O: a frame in transfer is
 * marked, and whoever meets it waits for `transferred` and looks again.
 *
 * Errors: nothing here fails for want of host memory. A page that cannot be read gives
 * STATUS_IN_PAGE_ERROR; one that cannot be written stays.
 */
#ifndef NTMM_MACHINE_PAGER_PAGER_H
#define NTMM_MACHINE_PAGER_PAGER_H

#include <pthread.h>

#include <ntmm/machine.h>
#include <ntmm/thread.h>

#include "base/lock.h"
#include "engine.h"
#include "machine/map/walk.h"
#include "machine/pager/lost.h"
#include "machine/store/stores.h"
#include "space/charge.h"
#include "space/layout.h"

#define CLUSTER_PAGES 16 /* pages a transfer at most (PG-43, PG-60) */
#define RESERVE_PAGES 16 /* frames that no promise counts on, so that any page can be exchanged */

/* Counters of a process; the machine's are their sums, and those of ended ones. (p) */
struct tally {
	uint64_t demand_zero, soft, hard, violations, guards, page_ins, page_outs, trimmed, stray_writes;
};

struct segment;
struct view;

/* What a shootdown takes away of one page map: shoot.c. (p) */
#define SHOTS 128
struct shots {
	struct page_map *next; /* of those that the shootdown takes something away of */
	uint64_t count;        /* 0: nothing of this one */
	uint64_t pages[SHOTS]; /* the first ones */
	struct range hull;     /* of all */
	unsigned what;         /* SHOOT_ */
};

/* A process's page map and working set; or a section's (segment.h). (p) */
struct page_map {
	struct pager *pager;
	struct segment *segment;     /* the section it is of; NULL: a process's */
	struct view *views;          /* of a process; those of hidden sections, too */
	struct view *clones;         /* those: the newest first (clone.h) */
	uint32_t reads;              /* transfers into its pages that are under way */
	frame_t root;
	uint32_t number;             /* in pager->maps */
	uint32_t pid;
	bool nx;
	uint64_t user_end;           /* no page of the process lies beyond */
	struct frame_list resident;  /* active pages and idle tables, least recently used first */
	uint64_t active, active_peak; /* the pages of sections that it shows are counted, too */
	uint64_t tables;             /* frames in state table or idle */
	uint64_t locked;             /* pages */
	uint64_t held;               /* pages: page_hold.h */
	uint64_t locked_tables;      /* tables above them: charged to the resident ledger too */
	uint64_t large;              /* large pages */
	struct frame_list physical;  /* frames of its own, mapped or not (rules AW) */
	struct ws_limits limits;
	struct place links[2];       /* refer to tables of the system space, or of the arena */
	unsigned link_count;
	uint64_t stray_start;        /* stores from this page on are counted one by one (stray.h) */
	struct translator *translators; /* shoot.h */
	struct shadow *shadow;       /* shadow.h; NULL: the host's processor runs none of its threads */
	bool walks_end;              /* before a frame is reused: a table has left */
	struct shots shots;
	struct tally tally;
};

struct event_queue {
	ntmm_observer observer; /* (p) NULL: nothing is queued */
	void *context;
	ntmm_event *events;
	uint32_t count, capacity;
	uint64_t sequence, lost;
	uint32_t delivering;    /* host threads inside the observer's caller */
};

/* background.h. (p), but what background_start fills in before it starts a thread */
enum { BACKGROUND_THREADS = 3 };
struct background {
	unsigned running;    /* 0: everything is done in steps */
	bool stopping;
	pthread_cond_t work; /* there may be some */
	struct background_thread {
		struct pager *pager;
		unsigned job;
		pthread_t host;
	} threads[BACKGROUND_THREADS];
};

#define WRITES 2 /* to paging files, that may be under way at a time */
struct write_buffer {
	bool busy;
	uint8_t *pages; /* CLUSTER_PAGES */
};

struct pager {
	struct lock lock;
	pthread_cond_t transferred;  /* a read or write ended */
	struct phys phys;
	struct stores stores;        /* paging files */
	struct lock growth;          /* guards their number and sizes, with `lock`: either to read */
	struct lost_tables lost;     /* tables that could not be read */
	struct ledger commit;        /* pages promised; atomic */
	struct ledger resident;      /* pages that may not leave RAM; atomic */
	struct page_map **maps;
	uint32_t map_count;          /* places in maps */
	struct tally tally;
	uint64_t read_errors, write_errors;
	uint16_t epoch;              /* passes of the hand so far; wraps: age.h */
	uint32_t hand;               /* the map whose pages are looked at */
	uint64_t looks_due;
	frame_t shared_page;         /* at 0x7FFE0000 of every process, and in system space */
	frame_t system_wide;         /* level 3 table of the system space of 64-bit systems */
	frame_t system_narrow;       /* level 2 table of that of 32-bit ones: 3 to 4 GB */
	struct page_map *arena;      /* of a Windows 9x: what all processes share; NULL */
	frame_t arena_tables[2];     /* level 2 tables of it: 2 and 3 to 4 GB */
	bool clusters;               /* hard faults read ahead */
	bool walks_end;              /* of a map */
	/* the one clustered read that may be under way */
	bool reading;
	uint8_t *read_cluster;       /* CLUSTER_PAGES pages */
	struct write_buffer writes[WRITES];
	NTSTATUS write_status;       /* of the last failed write; 0 after one that went well */
	frame_t reclaim_next;        /* where write_reclaim_slots goes on */
	struct segment *stranded;    /* sections of files that could not be written */
	struct event_queue queue;
	struct background background;
};

/* Without a paging file: pager_add_store. `shared`: as phys_init. STATUS_NO_MEMORY. */
NTSTATUS pager_init(struct pager *pager, uint64_t frames, bool shared);
void pager_destroy(struct pager *pager);

/* Passes since the page was last seen in use; age.c keeps them in bounds. */
static inline uint16_t frame_age(const struct pager *pager, const struct frame *record)
{
	return (uint16_t)(pager->epoch - record->epoch);
}

#define TALLY(map, counter) ((map)->tally.counter++, (map)->pager->tally.counter++)

/* Where the shared page lies in system space. */
#define SYSTEM_PAGE_WIDE \
	page_of(UINT64_C(0x0000F78000000000)) /* 0xFFFFF780'00000000: 48 bits count */
#define SYSTEM_PAGE_NARROW page_of(UINT64_C(0xFFDF0000))
#define SYSTEM_FRAMES 6
/* What the two tables of the arena begin with. */
#define ARENA_PAGE(i) page_of((UINT64_C(2) + (i)) << 30)
/* Takes SYSTEM_FRAMES frames, for good: the shared page, and tables that lead to it. */
void system_space_build(struct pager *pager);

/* Verifies every back pointer, entry and count; complains. The lock is held. */
bool pager_check(struct pager *pager);

#endif
