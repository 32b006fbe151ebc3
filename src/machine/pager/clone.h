/* SPDX-License-Identifier: MIT
 *
 * A process cloned: its page map becomes that of a hidden section, whole, whatever its size.
 *
 *      before    parent: root --> tables --> pages
 *
 *      after     hidden section: root --> the same tables --> the same pages
 *                parent: a new root, all entries zero       child: the same
 *
 * Both processes show the section's pages as views do (share.h), and copy those that they write. A
 * process that is cloned again has a chain of hidden sections, newest first: a page is looked for in
 * them from the newest down to the level that its run says (space/clone.h), then, in a view, in the
 * section that the view is of; else it is zero.
 *
 * Conventions: pager.h. The pager's lock is held; functions marked (0) take it themselves.
 */
#ifndef NTMM_MACHINE_PAGER_CLONE_H
#define NTMM_MACHINE_PAGER_CLONE_H

#include "machine/pager/fault.h"
#include "machine/pager/segment.h"

struct machine_process;

/* (0) Both spaces are locked for writing, or nobody else has them; `child` has been cloned by
 * space_clone, and has no page yet. Pages that are locked stay so, in the parent. On failure nothing
 * has changed. STATUS_NOT_SUPPORTED: pages are held (page_hold.h); STATUS_COMMITMENT_LIMIT;
 * STATUS_INSUFFICIENT_RESOURCES; STATUS_NO_MEMORY. */
NTSTATUS clone_pages(struct machine_process *parent, struct machine_process *child,
                     const struct engine *engine);
/* (0) The process's space is locked for writing. Hidden sections that nobody else shows any more, the
 * newest first, are given up: a process that is cloned again and again does not keep what its children
 * have left. Not while pages are locked. */
void clone_take_back(struct page_map *map);
/* (0) The process ends: its views of hidden sections, unlinked already, go. */
void clone_forget(struct page_map *map);

/* Whether the frame, which a process's entry shows, is of a hidden section. */
bool clone_has(const struct page_map *map, frame_t frame);
/* The hidden section that the fault looked into does not have the page: where it has to look next. False:
 * nowhere. */
bool clone_go_below(struct fault *fault);

/* (0) As segment_copied, of a process that has been cloned. */
uint64_t clone_copied(struct page_map *map, struct range range, bool *copied);

#endif
