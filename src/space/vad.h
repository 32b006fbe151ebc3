/* SPDX-License-Identifier: MIT
 *
 * Where VADs come from, so that a change cannot fail for want of one; for space/ alone.
 *
 * Threads: with the space locked for writing.
 */
#ifndef NTMM_SPACE_VAD_H
#define NTMM_SPACE_VAD_H

#include "space/space.h"

/* MOST_NEW_VADS calls of vad_take are possible. False: there is no memory. */
bool vads_prepare(struct space *space);
/* A VAD of `range`, in all else like `like`. Counts on vads_prepare. */
struct vad *vad_take(struct space *space, struct vad like, struct range range);

/* The allocation of a page that has one. */
struct vad *vad_at(const struct space *space, uint64_t page);

#endif
