/* SPDX-License-Identifier: MIT
 *
 * Which pages of a write-watched allocation were stored to (rules WW), and forgetting that.
 *
 * Units: pages; addresses in the answer. Threads: the space is locked; for writing to reset.
 */
#ifndef NTMM_SPACE_MARKS_H
#define NTMM_SPACE_MARKS_H

#include "space/space.h"

/* The marks of `range`, of one watched allocation, as engine.h says. */
void space_marks(struct space *space, struct range range, struct marks *marks);

/* Those that are members of the set, told of but not forgotten. */
void marks_find(const struct page_set *set, struct range range, struct marks *marks);
/* The same, and forgotten if they are to be: for engines whose sets know every store. */
void marks_take(struct space *space, struct range range, struct marks *marks);

#endif
