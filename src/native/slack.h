/* SPDX-License-Identifier: MIT
 *
 * Mappings of no use, kept for when the host allows no more: so that a change that it refuses halfway can
 * be undone, and a page that the rules allow can be opened.
 *
 * What this is: a few pages, every other of which can be read. Joined they are one mapping.
 *
 * Threads: the space is locked; for reading will do.
 */
#ifndef NTMM_NATIVE_SLACK_H
#define NTMM_NATIVE_SLACK_H

#include <stdatomic.h>
#include <stdbool.h>

struct slack {
	void *at; /* NULL: there is none */
	_Atomic bool given;
};

void slack_begin(struct slack *slack);
/* A few mappings more can be had now. */
void slack_give(struct slack *slack);
/* They are kept again, as far as the host allows. */
void slack_keep(struct slack *slack);
/* The same, if some have not been kept again yet: nearly free. */
static inline void slack_keep_rest(struct slack *slack)
{
	if (atomic_load_explicit(&slack->given, memory_order_relaxed))
		slack_keep(slack);
}

#endif
