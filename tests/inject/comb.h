/* SPDX-License-Identifier: MIT
 *
 * The host's limit of mappings, met for real: a comb of pages uses up what there is.
 *
 * Threads: one.
 */
#ifndef TESTS_INJECT_COMB_H
#define TESTS_INJECT_COMB_H

#include <stdbool.h>

/* Whether the host has a limit (vm.max_map_count) that is worth it to be met. With a sanitizer, which needs mappings
 * of its own at any time, it is not. */
bool comb_can_close(void);
/* Twice `room` mappings can be had from now on, and one perhaps. */
void comb_close(unsigned room);
/* A hundred or so can be. */
void comb_open(void);

#endif
