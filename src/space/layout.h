/* SPDX-License-Identifier: MIT
 *
 * The classic address-space layouts (S1 to S7, rules AS).
 */
#ifndef NTMM_SPACE_LAYOUT_H
#define NTMM_SPACE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include <ntmm/machine.h>

struct layout {
	const char *name;
	uint64_t minimum;  /* lpMinimumApplicationAddress */
	uint64_t maximum;  /* lpMaximumApplicationAddress, inclusive (AS table) */
	uint64_t highest;  /* highest address a VAD may use, inclusive (AS-5) */
	uint64_t limit;    /* one past the highest address a pointer can hold, 0: all 64 bits */
	bool wide;         /* the process is 64-bit */
	bool wide_system;  /* the system is: its space lies in the high half */
};

/* NULL for what is no layout. */
const struct layout *layout_of(ntmm_layout layout);

/* Whether the processor can form the address at all (EX-5: else a general protection fault). */
bool layout_is_canonical(const struct layout *layout, uint64_t address);

#endif
