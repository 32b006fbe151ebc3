/* SPDX-License-Identifier: MIT
 *
 * The classic address-space layouts (S1 to S7, rules AS).
 */
#ifndef NTMM_SPACE_LAYOUT_H
#define NTMM_SPACE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include <ntmm/machine.h>

/* Whose rules hold. */
enum windows {
	WINDOWS_NT,
	WINDOWS_95,
	WINDOWS_98, /* and ME */
	WINDOWS_KINDS
};

struct layout {
	const char *name;
	enum windows windows;
	uint64_t minimum;  /* lpMinimumApplicationAddress */
	uint64_t maximum;  /* lpMaximumApplicationAddress, inclusive (AS table) */
	uint64_t highest;  /* highest address a VAD may use, inclusive (AS-5) */
	uint64_t limit;    /* one past the highest address a pointer can hold, 0: all 64 bits */
	bool wide;         /* the process is 64-bit */
	bool wide_system;  /* the system is: its space lies in the high half */
	/* Memory of the system that the process reads and writes from the beginning, but does not manage:
	 * [start, end), addresses; the MS-DOS arena (S8b). Empty: none. */
	uint64_t system_start, system_end;
};

static inline bool layout_is_9x(const struct layout *layout)
{
	return layout->windows != WINDOWS_NT;
}

/* NULL for what is no layout. */
const struct layout *layout_of(ntmm_layout layout);

/* NTMM_LAYOUT_WIN9X on Windows 95. */
const struct layout *layout_of_95(void);
/* What all processes of a Windows 9x share (space/arena.h): 2 to 4 GB, of which 2 to 3 GB are given out. */
const struct layout *layout_of_arena(void);

/* Whether the processor can form the address at all (EX-5: else a general protection fault). */
bool layout_is_canonical(const struct layout *layout, uint64_t address);

#endif
