/* SPDX-License-Identifier: MIT
 *
 * A call of NtAllocateVirtualMemory(Ex) on its way, shared by what it can do: reserve, commit, reset.
 *
 * Threads: a call is one thread's. Where a space is given it is locked for writing.
 */
#ifndef NTMM_NT_ALLOC_H
#define NTMM_NT_ALLOC_H

#include "nt/target.h"

#define ALLOC_RESETS (MEM_RESET | MEM_RESET_UNDO)
#define ALLOC_ACTIONS (MEM_COMMIT | MEM_RESERVE | ALLOC_RESETS)
#define ALLOC_TYPES \
	(ALLOC_ACTIONS | MEM_TOP_DOWN | MEM_WRITE_WATCH | MEM_PHYSICAL | MEM_LARGE_PAGES)
#define ALLOC_PLACEHOLDERS (MEM_RESERVE_PLACEHOLDER | MEM_REPLACE_PLACEHOLDER)

/* Where the system may choose a place: addresses, inclusive, and bytes. */
struct bounds {
	uint64_t lowest, highest;
	uint64_t align;
	bool binding; /* an explicit base is refused (V2-4) */
};

struct alloc {
	uint64_t base, last;  /* first and last byte asked for; with base 0 the system chooses */
	uint32_t type;        /* MEM_ */
	prot_t prot;
	struct bounds bounds;
	struct range range;   /* pages that the answer names */
	struct charge charge; /* for what is committed */
	struct page_set *set; /* MEM_WRITE_WATCH, MEM_PHYSICAL: of the new allocation */
};

/* All places that an allocation may have. */
struct bounds bounds_of(const struct layout *layout);

/* The arguments (alloc_check.c), in the order of G-6: the type, of the bits in `known` (VA-3 to VA-8,
 * PH-1, PH-5); the protection, given a valid type (VA-9, VA-10, PH-1); base and size, which fill in
 * base and last (VA-12 to VA-14, VA-18, V2-4). */
NTSTATUS alloc_check_type(uint32_t type, uint32_t known);
NTSTATUS alloc_check_protect(const struct era *era, uint32_t type, uint32_t protect, prot_t *prot);
NTSTATUS alloc_check_place(const struct layout *layout, struct alloc *alloc, uint64_t base,
                           uint64_t size);

/* The rest of a call whose type and bounds are checked and set. */
NTSTATUS alloc_in(struct target *target, struct alloc *alloc, uint32_t protect, uint64_t *base,
                  uint64_t *size);

/* MEM_RESET and MEM_RESET_UNDO (VA-60 to VA-69). Only reset_apply of MEM_RESET_UNDO can fail. */
NTSTATUS reset_check(struct space *space, struct alloc *alloc);
NTSTATUS reset_apply(struct space *space, const struct alloc *alloc);

#endif
