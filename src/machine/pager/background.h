/* SPDX-License-Identifier: MIT
 *
 * Threads of the machine's own, if it is to have them: they do what is otherwise done in steps by whoever
 * needs it, before anybody does.
 *
 *   zeroing    free frames become zeroed ones (PG-38)
 *   balance    ages are sampled, and pages leave working sets when few are available (PG-50, PG-52)
 *   writing    modified pages are written when there are many, or few available (PG-60)
 *
 * Each sleeps until it is told that there is something for it; one that could do nothing waits until it
 * is told again. What a fault needs and does not find it still does itself. Observers may be called by them.
 *
 * Conventions: pager.h.
 */
#ifndef NTMM_MACHINE_PAGER_BACKGROUND_H
#define NTMM_MACHINE_PAGER_BACKGROUND_H

#include "machine/pager/pager.h"

/* (0) STATUS_INSUFFICIENT_RESOURCES: the host has no threads; then there are none. */
NTSTATUS background_start(struct pager *pager);
/* (0) When it returns they have ended. Without them: nothing. */
void background_stop(struct pager *pager);

/* The lock is held: whoever finds work done is woken. */
void background_nudge(struct pager *pager);

#endif
