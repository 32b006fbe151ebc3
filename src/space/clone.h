/* SPDX-License-Identifier: MIT
 *
 * A process cloned: what Windows can say of the copy.
 *
 * At the clone numbered n of a line of descent all pages that the process has of its own go to a hidden
 * section (the engine's), which both processes show, copy-on-write. A run of pages that were committed
 * then has level n, or, if it had one, keeps it: such a page, where the process has none of its own,
 * is in the newest of the hidden sections from its level on that has it. Pages that are committed
 * later have no level, and are zero at first.
 *
 * Threads: both spaces are locked for writing, or nobody else has them.
 */
#ifndef NTMM_SPACE_CLONE_H
#define NTMM_SPACE_CLONE_H

#include "space/space.h"

/* STATUS_NOT_SUPPORTED: AWE windows and large pages cannot be cloned. STATUS_INSUFFICIENT_RESOURCES:
 * more than MOST_CLONES. */
NTSTATUS space_clone_check(const struct space *from);
/* `to`, new, gets all that `from` has, but for views that are not inherited (MV-16) and the record of
 * what was written; all is charged. Levels are those after the clone. STATUS_COMMITMENT_LIMIT,
 * STATUS_INSUFFICIENT_RESOURCES: then `to` is to be ended. */
NTSTATUS space_clone(const struct space *from, struct space *to);
/* The engine has no hidden section of it any more: levels say nothing, and are counted anew. */
void space_forget_clones(struct space *space);
/* `from` has been cloned. */
void space_cloned(struct space *from);

#endif
