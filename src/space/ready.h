/* SPDX-License-Identifier: MIT
 *
 * What a change asks of the engine before it is made: the last steps that can fail (engine.h, R).
 *
 * Where pages are the host's, the host may refuse; a machine's engine need not be asked. Threads: the
 * space is locked for writing.
 */
#ifndef NTMM_SPACE_READY_H
#define NTMM_SPACE_READY_H

#include "space/space.h"

/* A place, claimed. */
NTSTATUS ready_place(struct space *space, const struct place_wish *wish, uint64_t *start);
NTSTATUS ready_claim(struct space *space, struct range range);
void ready_drop(struct space *space, struct range range);
NTSTATUS ready_open(struct space *space, struct range range, prot_t prot,
                    struct page_set *watch);
NTSTATUS ready_close(struct space *space, struct range range);
NTSTATUS ready_withdraw(struct space *space, struct range range);
NTSTATUS ready_show(struct space *space, const struct view *view);
NTSTATUS ready_hide(struct space *space, const struct view *view);
/* The pages of `range`, of no view, are to be again what the space says of them: another step has failed. */
void ready_undo(struct space *space, struct range range);

#endif
