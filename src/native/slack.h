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

struct slack {
	void *at; /* NULL: there is none */
};

void slack_begin(struct slack *slack);
/* A few mappings more can be had now. */
void slack_give(const struct slack *slack);
/* They are kept again, as far as the host allows. */
void slack_keep(const struct slack *slack);

#endif
