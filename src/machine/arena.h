/* SPDX-License-Identifier: MIT
 *
 * The arena of a Windows 9x machine: what lies at 2 to 4 GB of all its processes (S8d, S8e).
 *
 * It is a process that nobody sees: a space (space/arena.h), and a page map whose tables for these two
 * gigabytes are in every process's page map. A thread that uses an address there translates it by the
 * arena's map, in which it has a second translator with the same TLB; a fault there is the arena's, and
 * counted as the process's.
 *
 *      2 GB   shared: views, and what is allocated for all
 *      3 GB   the system's: a sixteenth of RAM, 4 MB at most, are there; any process may read and write
 *             them, but each store is counted and reported (pager/stray.h): none hits a TLB
 */
#ifndef NTMM_MACHINE_ARENA_H
#define NTMM_MACHINE_ARENA_H

#include "machine/machine.h"

/* Of a machine that runs a Windows 9x, before it has processes. STATUS_NO_MEMORY,
 * STATUS_COMMITMENT_LIMIT, STATUS_INSUFFICIENT_RESOURCES; complains. */
NTSTATUS arena_create(struct ntmm_machine *machine);
/* After all processes have ended. Nothing for a machine without one. */
void arena_end(struct ntmm_machine *machine);

#endif
