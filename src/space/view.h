/* SPDX-License-Identifier: MIT
 *
 * Views: where a process shows a section.
 *
 * A view is an allocation of kind VAD_VIEW. All its runs are committed, but those between the parts
 * of an image; whether a page of a SEC_RESERVE section is committed is the section's to say, so that
 * every view tells the same at once (VQ-15). Pages that copy-on-write may make private are charged to
 * the process, and marked ATTR_CHARGED until the view goes (MV-12, CW-6, IM-14).
 *
 * Units: pages. Threads: the space's lock, for writing where something changes.
 */
#ifndef NTMM_SPACE_VIEW_H
#define NTMM_SPACE_VIEW_H

#include "space/section.h"
#include "space/space.h"

struct view_holder;

struct view {
	struct section *section; /* with a reference */
	uint64_t first;          /* page of the section that the view begins with */
	struct range range;      /* in the space */
	prot_t protect;          /* AllocationProtect, its cache attribute included */
	bool inherit;            /* ViewShare (MV-16) */
	bool fixed;              /* no page gets another protection (SEC_NO_CHANGE) */
	uint64_t file_end;       /* of a file: byte that the view ends before */
	uint64_t delta;          /* of an image: how far from where it wants to lie; bytes */
	struct view_holder *holders; /* of Windows 9x: who has mapped it (arena.h) */
	/* the engine's: the views of a process, and those of a section */
	void *map;
	struct view *next, *next_of_section;
	struct range unsettled; /* of the native one: native/view_open.c; often empty */
	/* of a hidden section (clone.h): the one before it, and its number */
	struct view *below;
	unsigned level;
};

static inline uint64_t view_page(const struct view *view, uint64_t page)
{
	return view->first + (page - view->range.start);
}

/* What mapping needs before it can be done without failing. STATUS_INSUFFICIENT_RESOURCES. */
NTSTATUS space_prepare_view(struct space *space, const struct section *section);
/* Tables, and the pages that may be copied: all of `range` for a copy-on-write view, those of the
 * parts of an image that may be written, or in which something must be changed since it lies at
 * another base. STATUS_COMMITMENT_LIMIT. */
NTSTATUS space_charge_view(struct space *space, const struct view *view, struct charge *charge);
/* A new allocation over free pages, or one that replaces the placeholder there (PH-10). `view` is
 * copied; the reference to the section goes with it. */
struct view *space_map(struct space *space, const struct view *view, struct charge charge);
/* The allocation goes, or is a placeholder again (`preserve`: it replaced one, PH-20); prepare 2
 * changes; the view, with its reference, is the caller's, to view_free when no lock is
 * held. */
struct view *space_unmap(struct space *space, struct vad *vad, bool preserve);
void view_free(struct view *view);

/* What the pages of a part of an image have when it is mapped (IM-10, IM-15). */
prot_t view_part_prot(const struct view *view, const struct section_part *part);

/* Pages of `range`, in one view, that are charged. */
uint64_t space_view_charged(const struct space *space, struct range range);

/* Whether a view mapped as `view` may have pages of `prot` (VP-20). */
bool view_allows(prot_t view, prot_t prot);

/* The first pages of `range`, in one view, that get the same protection when all are to get `prot`: all, or
 * in an image those of one part (VP-23). */
struct view_piece {
	struct range range;
	prot_t prot;
};
struct view_piece view_piece(const struct vad *vad, struct range range, prot_t prot);

/* The charge for pages of `range`, in one view, that get the copy-on-write protection `prot` and are
 * not charged yet (CW-6). STATUS_COMMITMENT_LIMIT. */
NTSTATUS space_charge_copies(struct space *space, struct range range, prot_t prot,
                             struct charge *charge);
/* Changes that space_set_view_prot makes: to be prepared. */
unsigned space_view_changes(const struct space *space, struct range range);
/* The pages of `range`, in one view, get `prot`. */
void space_set_view_prot(struct space *space, struct range range, prot_t prot,
                         struct charge charge);

/* As space_run, with what Windows says: a page that has been copied is no longer copy-on-write
 * (CW-4). The run may end where the next is alike. */
struct run space_copied(struct space *space, struct run run, uint64_t page);
static inline struct run space_seen(struct space *space, uint64_t page)
{
	struct run run = space_run(space, address_of(page));
	attr_t charged = ATTR_COMMITTED | ATTR_CHARGED;
	bool may_be_copied = (run.attr & charged) == charged && prot_is_copy(attr_prot(run.attr));
	return may_be_copied ? space_copied(space, run, page) : run;
}

#endif
