/* SPDX-License-Identifier: MIT
 *
 * Write watch of the host's pages (rules WW).
 *
 * Threads: the space is locked, for writing where it does not say otherwise.
 */
#ifndef NTMM_NATIVE_WATCH_H
#define NTMM_NATIVE_WATCH_H

#include "native/native.h"

/* What the host is to allow of a watched page now: OS_PAGE_ bits. */
unsigned watch_access(const struct native *native, const struct page_set *watch, uint64_t page,
                      prot_t prot);
/* Pages of a watched allocation get `prot`; some may not be committed yet. An errno value. */
int watch_open(struct native *native, const struct page_set *watch, struct range range,
               prot_t prot);
/* The page is stored to: marks it, and lets it happen. The space is locked for reading. An errno value. */
int watch_store(struct native *native, struct page_set *watch, uint64_t page, prot_t prot);
/* As engine.rearm. */
void watch_rearm(struct space *space, struct range range);

#endif
