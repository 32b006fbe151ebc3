/* SPDX-License-Identifier: MIT
 *
 * Lists of MEM_EXTENDED_PARAMETER, of the calls that allocate and of those that map (V2-2 to V2-9).
 *
 * Every entry is checked by itself; what a call then does not take it refuses by `given`.
 */
#ifndef NTMM_NT_EXTENDED_H
#define NTMM_NT_EXTENDED_H

#include "nt/nt.h"
#include "space/layout.h"

struct extended {
	uint32_t given;                    /* 1 << MEM_EXTENDED_PARAMETER_TYPE */
	uint64_t lowest, highest, align;   /* addresses, inclusive, and bytes; 0: no requirement */
	uint16_t machine;                  /* IMAGE_FILE_MACHINE_ */
};

static inline bool extended_has(const struct extended *e, MEM_EXTENDED_PARAMETER_TYPE type)
{
	return e->given >> type & 1;
}

/* `list` is the host's. STATUS_INVALID_PARAMETER, STATUS_ACCESS_VIOLATION, or STATUS_NOT_SUPPORTED:
 * partitions, shared AWE memory, attributes that this memory cannot have. */
NTSTATUS extended_read(const struct layout *layout, const MEM_EXTENDED_PARAMETER *list,
                       uint32_t count, struct extended *read);

#endif
