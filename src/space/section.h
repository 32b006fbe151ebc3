/* SPDX-License-Identifier: MIT
 *
 * A section: pages that any number of views show, in any process of a machine.
 *
 * What this is: what Windows can say about the pages (which are committed), and what is charged for
 * them. The engine keeps a section inside a structure of its own, with where the pages are.
 *
 * Units: pages of the section.
 * Threads: (c) guarded by `lock`; the rest does not change. A reference keeps the section; the last
 * one is dropped with no lock held, for it may block on I/O.
 */
#ifndef NTMM_SPACE_SECTION_H
#define NTMM_SPACE_SECTION_H

#include <stdatomic.h>

#include <ntmm/status.h>

#include "base/lock.h"
#include "space/backing.h"
#include "space/charge.h"
#include "space/runs.h"

struct engine;
struct space;

enum section_kind {
	SECTION_MEMORY, /* backed by the paging file */
	SECTION_FILE,   /* a data file: what is written goes there */
	SECTION_IMAGE,  /* a PE file: what is written stays in memory */
};

/* The pages that a data file may have: so that a section of it need not grow with it. */
#define SECTION_FILE_PAGES (UINT64_C(1) << 36)

/* A part of an image, in order and without gaps (PG-4). */
struct section_part {
	struct range range;
	uint64_t offset; /* in the file, */
	uint64_t bytes;  /* so many; the rest of its pages is zero (IM-6) */
	prot_t prot;     /* what its pages have when mapped (IM-10) */
	bool committed;  /* false: between the sections of the file, nothing is there (VQ-16) */
	bool shared;     /* written pages are every process's (IM-11) */
};

/* A section to be made. */
struct section_wish {
	enum section_kind kind;
	uint64_t pages;
	bool reserve;            /* nothing is committed yet */
	struct backing *backing; /* taken over on success */
	const struct section_part *parts;
	unsigned part_count;
	uint64_t base;
};

struct section {
	const struct engine *engine;
	struct ledger *ledger;      /* of the machine */
	enum section_kind kind;
	bool reserve;               /* pages are committed by and by (SEC_RESERVE) */
	_Atomic uint32_t references;
	uint64_t pages;             /* of a data file: whatever it may grow to */
	struct backing *backing;    /* NULL: the paging file */
	const struct section_part *parts; /* of an image; sorted; the backing's */
	unsigned part_count;
	uint64_t base;              /* of an image: where it wants to lie, address */
	struct shared_lock lock;
	uint64_t charged;           /* (c) pages promised, those for tables included */
	struct runs commit;         /* (c) which pages are committed; when `reserve` */
};

/* One reference. The backing is the caller's until this succeeds. STATUS_NO_MEMORY. */
NTSTATUS section_init(struct section *section, const struct engine *engine, struct ledger *ledger,
                      const struct section_wish *wish);
/* Gives the charge back. By the engine, once there is no reference any more. */
void section_destroy(struct section *section);

void section_retain(struct section *section);
/* For those who find it in a list: false when it is about to go. */
bool section_retain_if_alive(struct section *section);
/* The last one: the engine frees it. */
void section_release(struct section *section);

/* Charges `pages` more. STATUS_COMMITMENT_LIMIT. */
NTSTATUS section_charge(struct section *section, uint64_t pages);

/* Whether `page` is committed, and up to where that holds: *end is lowered to it. */
bool section_is_committed(struct section *section, uint64_t page, uint64_t *end);
/* To commit all of `range`: charged once, for all views (MV-40). First it is charged, and made ready:
 * STATUS_COMMITMENT_LIMIT; STATUS_INSUFFICIENT_RESOURCES. Then it is committed, or uncharged. The commit
 * fails, and uncharges, only if another space has committed pages of the section meanwhile and there is no
 * memory: STATUS_INSUFFICIENT_RESOURCES. */
NTSTATUS section_charge_commit(struct section *section, struct range range, uint64_t *charge);
NTSTATUS section_commit(struct section *section, struct range range, uint64_t charge);
void section_uncharge(struct section *section, uint64_t charge);
bool section_all_committed(struct section *section, struct range range);

/* In a forked child, where nobody else is: its lock is free. It is only held together with the lock of a
 * space, or for one store. */
void section_forked(struct section *section);

/* Tables that pages [0, pages) of a section's own page map need below its top table. */
uint64_t section_tables(uint64_t pages);

/* The part of an image that holds `page`. */
const struct section_part *section_part_at(const struct section *section, uint64_t page);

#endif
