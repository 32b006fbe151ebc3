/* SPDX-License-Identifier: MIT
 *
 * What all processes of a Windows 9x have in common: the shared arena and the system's, 2 to 4 GB (S8d,
 * S8e, W9-11).
 *
 * They are a space of their own, of no process, that the spaces of processes point to: `shared`. A view
 * in it is everybody's to use, and is held by those who mapped it, each as often as it did: the same view
 * of the same section is mapped once. It goes with the last holder.
 *
 * Locks: the shared space's for everything here that changes. It is never taken together with that of
 * another space.
 */
#ifndef NTMM_SPACE_ARENA_H
#define NTMM_SPACE_ARENA_H

#include "space/view.h"

/* The space that says what is at `address` of a process. */
static inline struct space *space_at(struct space *space, uint64_t address)
{
	struct space *shared = space->shared;
	return shared && address >= shared->layout->minimum ? shared : space;
}

/* The view there is that shows what `view` would, and begins at page `start`, or anywhere when that is 0.
 * NULL: none. */
struct view *arena_find(const struct space *shared, const struct view *view, uint64_t start);

/* `holder` has mapped the view once more. False: there is no memory. */
bool view_hold(struct view *view, const struct space *holder);
/* Once less; false when it has not mapped it. */
bool view_drop(struct view *view, const struct space *holder);
/* There is no holder any more. */
void view_drop_all(struct view *view);

/* The process of `holder` has ended: what nobody else holds goes. When the host has no memory for that a
 * view stays, without a holder, until the machine ends. No lock held. */
void arena_leave(struct space *shared, const struct space *holder);

#endif
