/* SPDX-License-Identifier: MIT
 *
 * What other policies would have read from the paging file: exact LRU, and the optimum.
 *
 * A page that is touched and has no frame gets one; when none is left, a page is evicted. A page-in
 * is counted as the machine counts one: when a page is touched that was evicted, and had been stored
 * to before. One that was never stored to is zeros, and costs nothing to make again.
 *
 * Errors: false when there is no memory.
 */
#ifndef TOOL_POLICY_H
#define TOOL_POLICY_H

#include "reference_string.h"

/* Evicts the page whose last touch is the longest ago. At least one frame. */
bool policy_lru(const struct reference_string *string, uint64_t frames, uint64_t *page_ins);

/* Evicts the page whose next touch is the farthest away, as Belady's MIN does, but takes a page that
 * has not been stored to for one that is never touched again, because to lose it costs nothing. No
 * policy with as many frames has fewer page-ins: each touch of such a page is, to MIN, one of a page
 * that is touched just once, a fault under any policy; so is the first store to a page; and what is
 * left of the faults that MIN makes fewest are the page-ins. At least one frame. */
bool policy_opt(const struct reference_string *string, uint64_t frames, uint64_t *page_ins);

#endif
