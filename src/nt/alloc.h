/* SPDX-License-Identifier: MIT
 *
 * A call of NtAllocateVirtualMemory on its way, shared by what it can do: reserve, commit, reset.
 *
 * Threads: a call is one thread's. The space is locked for writing.
 */
#ifndef NTMM_NT_ALLOC_H
#define NTMM_NT_ALLOC_H

#include "nt/target.h"

struct alloc {
	uint64_t base, last;  /* first and last byte asked for; with base 0 the system chooses */
	uint32_t type;        /* MEM_ */
	prot_t prot;
	uint64_t highest;     /* address that the system may choose, inclusive */
	struct range range;   /* pages that the answer names */
	struct charge charge; /* for what is committed */
	struct watch *watch;  /* MEM_WRITE_WATCH: of the new allocation */
};

/* MEM_RESET and MEM_RESET_UNDO (VA-60 to VA-69). Only reset_apply of MEM_RESET_UNDO can fail. */
NTSTATUS reset_check(struct space *space, struct alloc *alloc);
NTSTATUS reset_apply(struct space *space, const struct alloc *alloc);

#endif
