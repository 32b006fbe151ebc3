/* SPDX-License-Identifier: MIT
 *
 * What the host process has mapped beside the library's allocations: programs and libraries, stacks,
 * other allocators' memory, files. It can be asked about, and get another protection; it is never
 * replaced.
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

struct os_mapping;

/* As engine.foreign. */
bool foreign_at(struct space *space, uint64_t page, struct foreign *foreign);
/* The part of a mapping of the host's around `page` that no allocation of the library's is in. False:
 * there is none. */
bool foreign_mapping(struct space *space, uint64_t page, struct os_mapping *mapping,
                     struct range *part);
/* As engine.foreign_protect. A range may go from one mapping to the next, for the host splits them, if
 * they are of one kind. STATUS_NOT_SUPPORTED: guards and cache attributes. */
NTSTATUS foreign_protect(struct space *space, struct range range, prot_t prot, prot_t *old);
/* What QueryWorkingSetEx tells of a page of it: untouched where nothing of the kind is. */
void foreign_residency(struct space *space, uint64_t page, struct residency *residency);

#endif
