/* SPDX-License-Identifier: MIT
 *
 * A call of NtFreeVirtualMemory on its way, shared by what it can do: decommit, release, and what it
 * does to placeholders.
 *
 * Threads: a call is one thread's. The space is locked for writing.
 */
#ifndef NTMM_NT_FREE_H
#define NTMM_NT_FREE_H

#include "nt/target.h"

#define FREE_PLACEHOLDERS (MEM_PRESERVE_PLACEHOLDER | MEM_COALESCE_PLACEHOLDERS)

struct free {
	uint64_t base, last; /* first and last byte; last means nothing when `whole` */
	bool whole;          /* size 0: all of the allocation */
	bool has_pages;      /* anything but addresses goes */
	bool quiet;          /* placeholders are cut or joined: nothing is freed */
	uint32_t type;
	struct range range;
};

/* MEM_RELEASE with MEM_PRESERVE_PLACEHOLDER: the range, which `vad` holds, becomes a placeholder of
 * its own (PH-2, PH-3, PH-7). */
NTSTATUS preserve_check(struct space *space, struct free *f, const struct vad *vad);
void preserve_apply(struct space *space, const struct free *f);

/* MEM_RELEASE with MEM_COALESCE_PLACEHOLDERS: the placeholders of the range become one (PH-4). */
NTSTATUS coalesce_check(struct space *space, struct free *f);
void coalesce_apply(struct space *space, const struct free *f);

#endif
