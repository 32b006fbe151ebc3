/* SPDX-License-Identifier: MIT
 *
 * What the host process has mapped beside the library's allocations: programs and libraries, stacks,
 * other allocators' memory, files. It can be asked about, and is never changed.
 *
 * An allocation is a loaded object from its first page to its last, or else a mapping of the host, which
 * joins neighbours that are alike.
 *
 * Threads: no lock is held: to know a loaded object takes the loader's lock, under which other threads
 * allocate.
 */
#ifndef NTMM_NATIVE_FOREIGN_H
#define NTMM_NATIVE_FOREIGN_H

#include "native/native.h"

/* As engine.foreign. */
bool foreign_at(struct space *space, uint64_t page, struct foreign *foreign);
/* What QueryWorkingSetEx tells of a page of it: untouched where nothing of the kind is. */
void foreign_residency(struct space *space, uint64_t page, struct residency *residency);

#endif
