/* SPDX-License-Identifier: MIT
 *
 * The host's pages of private memory: opened when they are committed or protected, closed when they are
 * committed no more.
 *
 * Units: pages. Errors: an errno value; nothing has changed then that the space could tell.
 * Threads: the space is locked for writing.
 */
#ifndef NTMM_NATIVE_PAGES_H
#define NTMM_NATIVE_PAGES_H

#include "native/native.h"

/* What the host is to allow of pages with a protection: OS_PAGE_ bits. What executes can be read
 * (PR-10). */
unsigned host_access(prot_t prot);

/* `how`: OS_PAGE_ bits. `plain`: no page will ever need a mapping of its own beside how it is protected. */
int pages_open(struct native *native, struct range range, unsigned how, bool plain);
/* What pages_open has done, and more, is as the space says again. */
void pages_undo(struct native *native, struct range range);
/* Contents go. */
int pages_close(struct native *native, struct range range);
/* The pages, which may be other mappings (views, frames), are shut. */
int pages_shut(struct native *native, struct range range);
/* Other mappings are about to be laid over the pages, or have been. */
void pages_note_mapped(struct native *native, struct range range);
/* One page, committed, as its protection has it: in a fault. The space is locked for reading. */
int page_open(struct native *native, uint64_t page, unsigned how);

#endif
