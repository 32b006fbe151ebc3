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
#include "machine/store/store.h"
#include "space/charge.h"
#include "space/layout.h"

#define CLUSTER_PAGES 16 /* pages a write (PG-60) */
#define RESERVE_PAGES 16 /* frames that no promise counts on, so that any page can be exchanged */

/* A processor's translations: one per thread of a process. (p) */
struct translator {
	struct ntmm_tlb *tlb;
	struct translator *next;    /* of the same page map */
	struct translator *waiting; /* of those a shootdown must wait for */
	bool must_wait;
};

/* Counters of a process; the machine's are their sums, and those of ended ones. (p) */
struct tally {
	uint64_t demand_zero, soft, hard, violations, guards, page_ins, page_outs, trimmed;
};

/* A process's page map and working set. (p) */
struct page_map {
	struct pager *pager;
	frame_t root;
	uint32_t number;             /* in pager->maps */
	uint32_t pid;
	bool nx;
	uint64_t user_end;           /* no page of the process lies beyond */
	struct frame_list resident;  /* active pages and idle tables, least recently used first */
	uint64_t active, active_peak;
	uint64_t tables;             /* frames in state table or idle */
	uint64_t locked;             /* pages */
	uint64_t locked_tables;      /* tables above them: charged to the resident ledger too */
	struct ws_limits limits;
	struct place system_entry;   /* refers to the tables of the system space */
	struct translator *translators;
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

struct pager {
	struct lock lock;
	pthread_cond_t transferred;  /* a read or write ended */
	struct phys phys;
	struct store *store;         /* NULL: no paging file */
	struct ledger commit;        /* pages promised; atomic */
	struct ledger resident;      /* pages that may not leave RAM; atomic */
	struct page_map **maps;
	uint32_t map_count;          /* places in maps */
	struct tally tally;
	uint64_t read_errors, write_errors;
	uint32_t epoch;              /* sampling passes so far */
	uint64_t faults_since_sample;
	frame_t shared_page;         /* at 0x7FFE0000 of every process, and in system space */
	frame_t system_wide;         /* level 3 table of the system space of 64-bit systems */
	frame_t system_narrow;       /* level 2 table of that of 32-bit ones: 3 to 4 GB */
	/* the one write that may be under way */
	bool writing;
	uint32_t single_writes;      /* after a failed cluster: pages to be tried alone */
	NTSTATUS write_status;       /* of the last failed write; 0 after one that went well */
	uint8_t *cluster;            /* CLUSTER_PAGES pages */
	struct event_queue queue;
};

/* ---- pager.c (0) ---------------------------------------------------------------------------- */

/* `store` is the pager's from then on, also on failure. STATUS_NO_MEMORY. */
NTSTATUS pager_init(struct pager *pager, uint64_t frames, struct store *store);
void pager_destroy(struct pager *pager);

/* ---- system.c ------------------------------------------------------------------------------- */

/* Where the shared page lies in system space. */
#define SYSTEM_PAGE_WIDE page_of(UINT64_C(0x0000F78000000000)) /* 0xFFFFF780'00000000: 48 bits count */
#define SYSTEM_PAGE_NARROW page_of(UINT64_C(0xFFDF0000))
#define SYSTEM_FRAMES 6
/* Takes SYSTEM_FRAMES frames, for good: the shared page, and tables that lead to it. */
void system_space_build(struct pager *pager);

/* ---- maps.c (0) ----------------------------------------------------------------------------- */

/* A page map with a top table. STATUS_NO_MEMORY, STATUS_COMMITMENT_LIMIT, STATUS_INSUFFICIENT_RESOURCES. */
NTSTATUS page_map_create(struct pager *pager, struct page_map *map, const struct layout *layout, bool nx);
/* Everything it has goes. */
void page_map_destroy(struct page_map *map);

/* ---- fault.c: one touch of one page ---------------------------------------------------------- */

struct fault {
	struct page_map *map;
	uint64_t page;
	ntmm_access access;
	prot_t prot;          /* what space_decide() said */
	bool shared;          /* the system's shared page */
	bool counted;         /* as a hard fault, before it was started again */
	bool prefetch;        /* do not enter the working set */
	frame_t reading;      /* FAULT_READ: into this frame */
	NTSTATUS status;      /* FAULT_FAILED: of the read */
	struct place place;   /* FAULT_DONE: the entry, present, accessed, and dirty for a store */
};

enum fault_outcome {
	FAULT_DONE,
	FAULT_WAIT,   /* for a transfer under way: lock_wait, then again */
	FAULT_FRAME,  /* no frame: drop the locks, pager_make_room, then again */
	FAULT_READ,   /* drop the locks, fault_read, then again */
};
enum fault_outcome fault_step(struct fault *fault);

/* A fault that took steps is given up: tables it has made are let go. */
void fault_abandon(struct fault *fault);

/* FAULT_READ for the page or table whose entry, at `place`, is paged out. */
enum fault_outcome fault_begin_read(struct fault *fault, struct place place, struct pte pte);

/* (s) The I/O that FAULT_READ asks for. STATUS_SUCCESS, or the reason: then the page is where it was. */
NTSTATUS fault_read(struct fault *fault);

/* ---- table.c: page tables come and go -------------------------------------------------------- */

/* Makes the table below `place` (level 2 or higher, not present) present. As fault_step. */
enum fault_outcome table_bring(struct fault *fault, struct place place);
/* After an entry of `table` became zero or non-resident: frees it, or lets it be trimmed. */
void table_settle(struct page_map *map, frame_t table);
/* pager_take for something that an entry of `table` will refer to: `table` stays meanwhile. It may be
 * left without resident entries: table_settle or fault_abandon, if the entry is not made after all. */
frame_t table_take(struct page_map *map, frame_t table, enum frame_use use);
/* Before an entry of `table` becomes resident. */
void table_wake(struct page_map *map, frame_t table);
/* A page of `table` is locked (+1) or not any more (-1): the tables above stay with it. False when the
 * resident ledger is full: then nothing changed. */
bool table_lock(struct page_map *map, frame_t table);
void table_unlock(struct page_map *map, frame_t table);

/* ---- frames.c: the supply of frames ---------------------------------------------------------- */

/* Free, zeroed or standby (PG-36); in the latter case its page now is in its slot alone. */
frame_t pager_take(struct pager *pager, enum frame_use use);
/* The page or table in `frame` is gone: the frame is free, its slot too. Not in a working set. */
void pager_drop(struct pager *pager, frame_t frame);
void pager_free_slot(struct pager *pager, struct frame *record);
/* (s) Makes a frame available, by trimming and writing. STATUS_SUCCESS after some progress; else why
 * there is none: the last write error or STATUS_NO_MEMORY. */
NTSTATUS pager_make_room(struct pager *pager);
/* (0) As ntmm_machine_balance. */
uint64_t pager_balance(struct pager *pager, uint64_t available);
/* Whether so few pages are available that whoever can should balance. */
bool pager_is_low(const struct pager *pager);

/* ---- working_set.c --------------------------------------------------------------------------- */

void ws_add(struct page_map *map, frame_t frame);
void ws_remove(struct page_map *map, frame_t frame);

/* ---- trim.c ---------------------------------------------------------------------------------- */

struct shootdown;
/* The page or idle table in `frame`, not locked, leaves the working set. */
void trim_page(struct page_map *map, frame_t frame, struct shootdown *shootdown);
/* Takes up to `pages` of the least recently used pages of all working sets out; how many it took. */
uint64_t trim_oldest(struct pager *pager, uint64_t pages);
/* Every page that is not locked; how many. */
uint64_t trim_all(struct page_map *map);
/* Trims `map`'s own pages until it is below its hard maximum (PG-53). */
void trim_to_maximum(struct page_map *map);
/* Samples and clears the accessed bits, if enough faults have passed since the last time (PG-51). */
void age_pages(struct pager *pager);

/* ---- write.c --------------------------------------------------------------------------------- */

/* (s) Writes one cluster of modified pages, or waits for the write that is under way. Pages that became
 * clean; 0 when there are none, or none could be written: *status tells. */
uint64_t write_cluster(struct pager *pager, NTSTATUS *status);
/* Takes slots away from pages in memory, which then are dirty; how many. */
uint64_t write_reclaim_slots(struct pager *pager, uint64_t wanted);

/* ---- release.c: (W) operations of the engine; they take the lock themselves ------------------- */

void pages_decommit(struct page_map *map, struct range range);
void pages_protect(struct page_map *map, struct range range, prot_t prot);
void pages_reset(struct page_map *map, struct range range);
bool pages_reset_undo(struct page_map *map, struct range range);
void pages_offer(struct page_map *map, struct range range);
void pages_discard(struct page_map *map, struct range range);

/* ---- lock.c ---------------------------------------------------------------------------------- */

/* Locks the active page at `place`. STATUS_WORKING_SET_QUOTA when a limit is reached (VL-7);
 * STATUS_WAS_LOCKED when it had all bits of `how` before. */
NTSTATUS page_lock(struct page_map *map, struct place place, unsigned how);
void page_unlock(struct page_map *map, frame_t frame, unsigned how);

/* ---- visit.c: entries of a range -------------------------------------------------------------- */

/* Calls `visit` for each entry of the range that is not zero and whose table is present, in order. */
typedef void (*entry_visitor)(struct page_map *map, struct place place, uint64_t page, void *context);
void visit_present_tables(struct page_map *map, struct range range, entry_visitor visit, void *context);
/* The same, but brings in tables that are paged out: drops and retakes the lock for that. `before_drop`
 * is called before each drop. */
void visit_all_tables(struct page_map *map, struct range range, entry_visitor visit,
                      void (*before_drop)(void *context), void *context);

/* ---- shoot.c: making other processors forget ------------------------------------------------- */

/* Collects; shoot_wait ends it. Pages may not be reused, nor the lock dropped, in between. */
struct shootdown {
	struct translator *waiting;
};
enum { SHOOT_STORE = 1, SHOOT_ALL = 7 };
void shoot_page(struct page_map *map, uint64_t page, unsigned what, struct shootdown *shootdown);
void shoot_range(struct page_map *map, struct range range, struct shootdown *shootdown);
/* When it returns no thread is in an access by a translation that was taken away. */
void shoot_wait(struct shootdown *shootdown);

/* ---- events.c -------------------------------------------------------------------------------- */

void event_queue_push(struct pager *pager, ntmm_event event);
static inline void pager_event(struct pager *pager, const struct page_map *map, ntmm_event_kind kind, uint64_t page,
                               frame_t frame, uint32_t slot)
{
	if (pager->queue.observer)
		event_queue_push(pager, (ntmm_event){kind, map->pid, 0, address_of(page), 1,
		                                     frame == NO_FRAME ? UINT64_MAX : frame,
		                                     slot == 0 ? UINT64_MAX : slot});
}
/* (0) Calls the observer for what is queued. */
void pager_deliver(struct pager *pager);
NTSTATUS pager_observe(struct pager *pager, ntmm_observer observer, void *context);

#define TALLY(map, counter) ((map)->tally.counter++, (map)->pager->tally.counter++)

/* ---- check.c --------------------------------------------------------------------------------- */

bool pager_check(struct pager *pager);

#endif
