/* SPDX-License-Identifier: MIT
 *
 * One touch of one page: what its entry says decides (PG-10 to PG-14, PG-40).
 *
 * Conventions: pager.h. The pager's lock is held.
 */
#ifndef NTMM_MACHINE_PAGER_FAULT_H
#define NTMM_MACHINE_PAGER_FAULT_H

#include "machine/pager/pager.h"

struct page_set;

struct fault {
	struct page_map *map;
	uint64_t page;
	struct fault *behind; /* of a view: for the section's page, in the section's map; or NULL */
	struct page_map *payer; /* whose figures it counts in; NULL: the map's */
	uint64_t payer_page;    /* the page there */
	struct fault *reader; /* FAULT_READ: this fault, or the one behind it */
	ntmm_access access;
	prot_t prot;          /* what space_decide() said */
	bool shared;          /* the system's shared page */
	const struct view *chain; /* of hidden sections, from the one that `behind` is at (clone.h); or NULL */
	unsigned level;           /* the last of them that counts */
	const struct view *view;  /* of what lies behind them; or NULL: zero */
	bool own;             /* a store that makes a section's page the process's, though its protection
	                       * is not copy-on-write */
	struct page_set *watch; /* to be told of the first store; or NULL */
	bool counted;         /* as a hard fault, before it was started again */
	bool prefetch;        /* do not enter the working set */
	uint64_t prefetch_end; /* and read nothing from this page on */
	frame_t reading[CLUSTER_PAGES]; /* FAULT_READ: into these frames, the fault's own first */
	uint32_t cluster;     /* how many */
	uint64_t file_end;    /* of a section of a file: read nothing from this page of it on */
	bool alone;           /* read no others with it: that has failed */
	NTSTATUS status;      /* FAULT_FAILED: why */
	struct place place;   /* FAULT_DONE: the entry, present, accessed, and dirty for a store */
};

enum fault_outcome {
	FAULT_DONE,
	FAULT_WAIT,   /* for a transfer under way: lock_wait, then again */
	FAULT_FRAME,  /* no frame: drop the locks, pager_make_room, then again */
	FAULT_READ,   /* drop the locks, fault_read, then again */
	FAULT_FAILED, /* there is no way to the page any more */
	FAULT_AGAIN,  /* within a step only: walk again */
	FAULT_BELOW,  /* the same: the hidden section does not have the page */
};
enum fault_outcome fault_step(struct fault *fault);

/* FAULT_DONE: what is said of the page that is `n` pages after the fault's, in the same table or large
 * page. */
static inline struct pte fault_pte(const struct fault *fault, uint64_t n)
{
	if (fault->place.level == 2)
		return pte_of_large(pte_load(fault->place.entry), fault->page + n);
	return pte_load(fault->place.entry + n);
}

/* The page is in `frame`, and enters the working set of the map that it is a page of. */
enum fault_outcome fault_enter(struct fault *fault, struct place place, frame_t frame);

/* Whose figures the fault counts in, and where its page is there. */
static inline struct page_map *fault_payer(const struct fault *fault)
{
	return fault->payer ? fault->payer : fault->map;
}

static inline uint64_t fault_payer_page(const struct fault *fault)
{
	return fault->payer ? fault->payer_page : fault->page;
}

/* ---- fault_view.c ---- */

/* Whether the access makes a section's page the process's own (PG-42). */
static inline bool fault_copies(const struct fault *fault)
{
	return fault->access == NTMM_STORE && (fault->own || prot_is_copy(fault->prot));
}

/* PG-11: never touched, or discarded. */
enum fault_outcome fault_demand_zero(struct fault *fault, struct place place);

/* The page of a view, whose entry at `place` is zero, or shows the section's page though the access
 * would write a copy-on-write page. FAULT_AGAIN: the tables have changed, walk again. */
enum fault_outcome fault_in_view(struct fault *fault, struct place place);

/* A fault that took steps is given up: tables it has made are let go. */
void fault_abandon(struct fault *fault);

/* ---- read.c ---- */

/* FAULT_READ for the page or table whose entry, at `place`, is paged out; FAULT_FRAME. */
enum fault_outcome fault_begin_read(struct fault *fault, struct place place, struct pte pte);

/* (s) The I/O that FAULT_READ asks for. STATUS_SUCCESS: try again; or the reason: then the page is
 * where it was. */
NTSTATUS fault_read(struct fault *fault);

#endif
