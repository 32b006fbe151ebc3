/* SPDX-License-Identifier: MIT
 *
 * Objects around fork: the child finds the tables and lists whole, and no lock of theirs held. What other
 * threads were doing is not finished there: references that they held are never dropped.
 *
 * Threads: the one that forks. Before, it takes the locks of rank `handles`, then, after those between
 * have been taken, of rank `file`; afterwards it lets them go.
 */
#ifndef NTMM_OBJECT_FORK_H
#define NTMM_OBJECT_FORK_H

#include "base/lock.h"

void objects_fork(enum fork_step step);
void objects_fork_files(enum fork_step step);

#endif
