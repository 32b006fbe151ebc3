/* SPDX-License-Identifier: MIT
 *
 * MEM_RESET and offers (rules VA-60 to VA-69, OF): which pages are given up to the host, and when
 * they are safe again. What has become of them, lazy_free.h knows.
 *
 * Given up are pages of private memory that can be written, and are neither watched nor locked. Of
 * others nothing is lost: the host may write them to swap before others.
 *
 * Units: pages. Threads: the space is locked for writing.
 */
#ifndef NTMM_NATIVE_GIVE_UP_H
#define NTMM_NATIVE_GIVE_UP_H

#include <ntmm/status.h>

#include "engine.h"

struct native;

/* As engine.h says of them. */
void give_up_reset(struct space *space, struct range range);
NTSTATUS give_up_withdraw(struct space *space, struct range range);
void give_up_offer(struct space *space, struct range range, unsigned priority);
/* Of both. */
bool give_up_take_back(struct space *space, struct range range);

/* The pages can soon be written no more: those that were given up are made safe while they can. An
 * errno value: some could not, and all are as the space says. */
int give_up_end(struct native *native, struct range range);

#endif
