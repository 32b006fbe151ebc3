/* SPDX-License-Identifier: MIT
 *
 * What calls do otherwise on one Windows than on another (rules W9), as data: a call asks here, and
 * has no cases of its own.
 *
 * Threads: any; nothing changes.
 */
#ifndef NTMM_NT_ERA_H
#define NTMM_NT_ERA_H

#include <ntmm/status.h>

#include "space/layout.h"
#include "space/prot.h"

struct era {
	uint32_t ignored_types;    /* MEM_ (W9-5) */
	uint32_t refused_types;    /* MEM_: as if they did not exist */
	uint32_t shared_type;      /* MEM_: allocates for all processes (W9-2); 0: there is none */
	NTSTATUS no_bytes;         /* VirtualAlloc of nothing (VA-14, W9-3) */
	NTSTATUS not_committed;    /* VirtualProtect of what is not committed (VP-4, VP-5, W9-7): 0: as NT */
	NTSTATUS denied;           /* what lacks a right (W9-12); 0: as NT */
	uint32_t reserved_protect; /* PAGE_: what VirtualQuery says of reserved pages (VQ-10, W9-6) */
	bool plain;                /* pages may be read, written or neither, and nothing else (W9-4) */
	bool forgets;              /* a decommitted page counts as not written any more (W9-15) */
	bool has_later_calls;      /* those that Windows 9x has not (W9-9) */
	bool locks;                /* VirtualLock and working sets do something (W9-10) */
};

const struct era *era_of(const struct layout *layout);

/* Takes what is ignored out of *type; STATUS_INVALID_PARAMETER for what is refused. */
NTSTATUS era_check_type(const struct era *era, uint32_t *type);
/* As prot_from_win32, with what the system makes of it. */
bool era_prot(const struct era *era, uint32_t protect, prot_t *prot);
/* What PAGE_ value it reports for a committed page. */
uint32_t era_protect(const struct era *era, prot_t prot);
/* A failing status as the system has it. */
NTSTATUS era_status(const struct era *era, NTSTATUS status);

#endif
