/* SPDX-License-Identifier: MIT
 *
 * A process's user address space: what Windows can say about it.
 *
 * What this is: allocations (VADs) and the runs of their pages, the charge for what is committed, and
 * decide(), the one place that says what an access means. Nothing here knows where a page is.
 *
 * Units: pages and page ranges, unless the name says address.
 * Changes come in two steps: space_prepare() and space_charge() may fail and change nothing that can
 * be seen; the other functions then cannot fail.
 * Threads: (l) guarded by `lock`; functions that change need it for writing, others for reading.
 */
#ifndef NTMM_SPACE_SPACE_H
#define NTMM_SPACE_SPACE_H

#include <stdatomic.h>

#include <ntmm/thread.h>

#include "base/lock.h"
#include "engine.h"
#include "space/charge.h"
#include "space/layout.h"
#include "space/runs.h"
#include "space/page_set.h"

struct view;

enum vad_kind {
	VAD_PRIVATE,
	VAD_PLACEHOLDER, /* all reserved: a place kept for what will replace it (rules PH) */
	VAD_SHARED_PAGE, /* 0x7FFE0000 (AS-4): the system's; cannot be changed */
	VAD_SYSTEM,      /* of Windows 9x: the system's (S8b, S8e); cannot be changed, but written */
	VAD_VIEW,        /* of a section: view.h */
	VAD_LARGE,       /* MEM_LARGE_PAGES: committed for good (rules LP) */
	VAD_PHYSICAL,    /* MEM_PHYSICAL: a window that frames are mapped into (rules AW) */
};

/* One allocation: what one reserve made. 32 bytes, as there may be millions. */
struct vad {
	struct range range;  /* (l) */
	/* What an allocation of its kind has; read by the functions below. */
	union {
		struct page_set *watch;
		struct view *view;
		struct page_set *mapped;
	} has;
	prot_t protect;      /* AllocationProtect, never changes (VA-27) */
	uint8_t kind;        /* enum vad_kind */
	bool replaced;       /* (l) a placeholder, and can become one again (PH-7, PH-20) */
};
_Static_assert(sizeof(struct vad) <= 32, "two should fill a cache line");

/* MEM_WRITE_WATCH: the pages that were written; NULL: not asked for. A page is added where a store
 * first makes it dirty, so one that is present and dirty in the page map is a member. It stays one
 * whatever becomes of it (WW-20 to WW-22), until engine.rearm. */
static inline struct page_set *vad_watch(const struct vad *vad)
{
	return vad->kind == VAD_PRIVATE ? vad->has.watch : NULL;
}

/* Of a VAD_VIEW; NULL. */
static inline struct view *vad_view(const struct vad *vad)
{
	return vad->kind == VAD_VIEW ? vad->has.view : NULL;
}

/* Of a VAD_PHYSICAL: the pages that have a frame. The runs call all of the window reserved. NULL. */
static inline struct page_set *vad_mapped(const struct vad *vad)
{
	return vad->kind == VAD_PHYSICAL ? vad->has.mapped : NULL;
}

/* Pages of such an allocation are out of the pager's reach: they cannot be reset, protected, locked,
 * decommitted or freed in part. */
static inline bool vad_is_paged(const struct vad *vad)
{
	return vad->kind != VAD_PHYSICAL && vad->kind != VAD_LARGE;
}

/* Calls may not change it (AS-4, W9-2). */
static inline bool vad_is_systems(const struct vad *vad)
{
	return vad->kind == VAD_SHARED_PAGE || vad->kind == VAD_SYSTEM;
}

/* A change makes at most as many new allocations: a placeholder split in three (PH-2). */
#define MOST_NEW_VADS 2

struct space {
	struct shared_lock lock;
	const struct engine *engine;
	const struct layout *layout;
	struct ledger *ledger;  /* of the machine */
	struct runs runs;       /* (l) */
	struct pool vads;        /* (l) */
	struct view *spare_view; /* (l) the same for a view */
	uint64_t commit;        /* (l) private pages charged */
	uint64_t commit_peak;   /* (l) */
	uint64_t tables;        /* (l) pages charged for page tables */
	uint64_t windows;       /* (l) the same, of windows: for all they can need */
	uint64_t free_pages;    /* (l) neither reserved nor committed, of the application's range */
	bool nx;                /* the processor can tell run from read */
	unsigned clones;        /* (l) that it, or what it was cloned from, has been part of (clone.h) */
	_Atomic bool ended;     /* changes under (l): the process is gone: only free() may follow */
	struct space *shared;   /* what all processes have in common (arena.h); NULL: nothing */
};

/* The user range the runs cover: [0, maximum application address], in pages. The lowest 64 KB and
 * what lies above `highest` are free but cannot be allocated (AS-3). */
struct range space_whole(const struct layout *layout);

/* Starts with the shared page alone; with the MS-DOS arena alone on Windows 9x. STATUS_NO_MEMORY;
 * STATUS_COMMITMENT_LIMIT. */
NTSTATUS space_init(struct space *space, const struct engine *engine, const struct layout *layout,
                    struct ledger *ledger, bool nx);
/* Memory of the system that all may read and write, and nobody change, over free pages, of which none
 * or all may be allocated. STATUS_COMMITMENT_LIMIT; STATUS_INSUFFICIENT_RESOURCES. */
NTSTATUS space_add_system(struct space *space, struct range range);
/* Everything goes: the engine's part first. No lock held. A second call does nothing. */
void space_end(struct space *space);
/* The rest, after space_end. */
void space_destroy(struct space *space);

/* ---- asking --------------------------------------------------------------------------------- */

/* The run that holds the page of `address`, which is at most the maximum application address. A view of
 * a SEC_RESERVE section is cut to where the section is as committed as there. A window is cut to pages
 * that have a frame, and then are committed, PAGE_READWRITE, or to some that have none; neighbours
 * may be alike. What is cut starts with this page. */
struct run space_cut(struct run run, uint64_t page);
static inline struct run space_run(const struct space *space, uint64_t address)
{
	struct run run = runs_at(&space->runs, page_of(address));
	bool is_cut = run.vad && (vad_view(run.vad) || vad_mapped(run.vad));
	return is_cut ? space_cut(run, page_of(address)) : run;
}
/* Whether every page of `range` belongs to one allocation; *vad is the one of the first page. */
bool space_one_vad(const struct space *space, struct range range, struct vad **vad);
/* Whether every page of `range`, in one allocation, is committed. */
bool space_all_committed(const struct space *space, struct range range);

/* What an access by `mode` to `address` means. */
enum access_mode {
	MODE_USER,    /* the processor in user mode: faults are raised */
	MODE_SERVICE, /* a system service on its caller's behalf: guards go, a status is returned */
	MODE_FOREIGN, /* the system in another process: guards refuse and stay (GP-9) */
	MODE_SYSTEM,  /* the system for itself: whatever is committed */
};
enum decision {
	DECIDE_GO,        /* allowed: *prot is the protection */
	DECIDE_VIOLATION, /* STATUS_ACCESS_VIOLATION */
	DECIDE_GUARD, /* clear the guard, raise or return STATUS_GUARD_PAGE_VIOLATION, or grow the stack */
};
enum decision space_decide(const struct space *space, uint64_t address, ntmm_access access,
                           enum access_mode mode, prot_t *prot);

/* ---- changing (lock held for writing) -------------------------------------------------------- */

/* Makes the next change possible: up to `changes` uniform ranges, and what VADs it needs. */
NTSTATUS space_prepare(struct space *space, unsigned changes);

/* No run names it any more. */
void vad_free(struct space *space, struct vad *vad);

/* What follows is about pages near `page`: makes it cheap, and changes nothing. */
void space_seek(struct space *space, uint64_t page);

/* STATUS_NO_MEMORY: there is no such place. */
NTSTATUS space_place(const struct space *space, const struct place_wish *wish, uint64_t *start);

/* Pages (and tables) that committing all of `range` charges, beyond what is charged already.
 * STATUS_COMMITMENT_LIMIT; *charged is what space_commit then takes over. */
struct charge {
	uint64_t pages, tables;
};
NTSTATUS space_charge(struct space *space, struct range range, struct charge *charged);
/* The same for a window over `range`: the tables it can need. */
NTSTATUS space_charge_window(struct space *space, struct range range, struct charge *charged);
/* What has been charged is the space's. */
void space_take_charge(struct space *space, struct charge charged);
/* Gives back what they took, when the change is not made after all. */
void space_uncharge(struct space *space, struct charge charged);

/* A new allocation over free pages. Of a window: what space_charge_window took is taken over. */
struct vad *space_reserve(struct space *space, struct range range, prot_t protect, enum vad_kind kind);
/* The same of private memory, all committed with the protection it is made with. */
struct vad *space_reserve_committed(struct space *space, struct range range, prot_t prot,
                                    struct charge charged);
/* Commits all of `range` (in one allocation) with `prot`; what was committed changes protection. Prepare
 * space_changes. */
void space_commit(struct space *space, struct range range, prot_t prot, struct charge charged);
/* `range` (in one allocation) becomes reserved; what is not committed is skipped. */
void space_decommit(struct space *space, struct range range);
/* `range` (in one allocation) becomes free: whole, a front, an end, or a middle, which splits the
 * allocation (VF-33; prepare 2 changes more than the upper part has runs: space_release_changes). */
void space_release(struct space *space, struct range range);
unsigned space_release_changes(const struct space *space, struct range range);
/* The changes that giving `range` another protection takes. */
unsigned space_changes(const struct space *space, struct range range);
/* The committed pages of `range` (all are) get `prot`. Prepare the same. */
void space_protect(struct space *space, struct range range, prot_t prot);
/* Sets or clears ATTR_OFFERED on the pages of `range`, all committed. */
void space_set_offered(struct space *space, struct range range, bool offered);

/* Clears the guard of one page. False when there is no memory for it: then nothing changed. */
bool space_clear_guard(struct space *space, uint64_t page);

/* The protection that VirtualProtect(prot) gives a private page of `vad`: the cache attribute is the
 * allocation's (PR-8). */
prot_t space_private_prot(const struct vad *vad, prot_t prot);

/* ---- placeholders (rules PH; placeholder.c) --------------------------------------------------- */

/* Whether `range` is one placeholder from its first to its last page. */
bool space_is_placeholder(const struct space *space, struct range range);
/* That placeholder becomes an allocation of another kind, all reserved, made with `protect`
 * (PH-5, PH-10). Needs no space_prepare. */
struct vad *space_replace(struct space *space, struct range range, prot_t protect,
                          enum vad_kind kind);
/* An allocation that replaced a placeholder, and of which all is reserved by now, becomes one again
 * (PH-7, PH-20). Its view went before; a record of writes goes now. Needs no space_prepare. */
void space_put_back(struct space *space, struct vad *vad);
/* `range`, a part of a placeholder, becomes a placeholder of its own (PH-2). Prepare 2 changes. */
void space_split(struct space *space, struct range range);
/* Whether `range` is two or more placeholders from the first page to the last (PH-4). */
bool space_can_coalesce(const struct space *space, struct range range);
/* They become one. Prepare 1 change. */
void space_coalesce(struct space *space, struct range range);

/* Verifies every figure against the runs; complains. Lock held for reading. */
bool space_check(const struct space *space);

#endif
