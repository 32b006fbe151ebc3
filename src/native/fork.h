/* SPDX-License-Identifier: MIT
 *
 * The host process forks: the child goes on with a copy of its private memory and with its own state, as
 * it was at that moment. Sections are shown by both; machines are the parent's.
 *
 * Threads: the one that forks, which holds no lock. Before, it takes the space's lock, and last, after
 * those between, the leaves and the heap's; afterwards it lets them go.
 */
#ifndef NTMM_NATIVE_FORK_H
#define NTMM_NATIVE_FORK_H

#include "base/lock.h"

/* In the child, where nobody else is, what the host does not hand down is begun anew, or forgotten: write
 * watch; locks of pages, frames of AWE. */
void native_fork(enum fork_step step);
void native_fork_last(enum fork_step step);

#endif
