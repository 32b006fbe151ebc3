/* SPDX-License-Identifier: MIT
 *
 * Locked pages (rules VL): the host locks them, and the library remembers which and how.
 *
 * Threads: (0) no lock is held; (W) the space is locked for writing.
 */
#ifndef NTMM_NATIVE_LOCKED_H
#define NTMM_NATIVE_LOCKED_H

#include <ntmm/status.h>
#include <ntmm/types.h>

#include "space/runs.h"

struct space;

struct locked {
	struct runs runs; /* committed: locked; the protection is the kinds of lock, MAP_PROCESS and MAP_SYSTEM */
};

/* False: there is no memory. */
bool locked_init(struct locked *locked, struct range whole);
/* (0) As engine.lock and engine.unlock. */
NTSTATUS locked_add(struct space *space, struct range range, unsigned how);
NTSTATUS locked_remove(struct space *space, struct range range, unsigned how);
/* (W) The pages are not locked from now on, in no way (VL-11). */
void locked_forget(struct space *space, struct range range);
/* (W) In a forked child nothing is (the host's locks are not inherited). */
void locked_forget_all(struct space *space);
/* (W) Those of the pages that are locked have been mapped anew: the host is to lock them once more, as they are,
 * or when they are accessible. An errno value. */
int locked_again(const struct locked *locked, struct range range);
bool locked_has_some(const struct locked *locked, struct range range);
bool locked_has(const struct locked *locked, uint64_t page);
/* The first pages in a row of `range` that are not locked. False: all are. */
bool locked_next_other(const struct locked *locked, struct range range, struct range *row);

#endif
