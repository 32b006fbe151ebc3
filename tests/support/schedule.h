/* SPDX-License-Identifier: MIT
 *
 * Schedules of failures and delays for the paging files of a machine (ntmm_transfer_schedule).
 *
 * What this is: rules, the first of which that fits a transfer says what becomes of it. Chance
 * comes from the seed and the transfer's own number: the same transfers meet the same fate,
 * whoever makes them when.
 *
 * Threads: the rules must not change while the machine runs; the counts are atomic.
 */
#ifndef TESTS_SUPPORT_SCHEDULE_H
#define TESTS_SUPPORT_SCHEDULE_H

#include <stdatomic.h>
#include <stdint.h>

#include <ntmm/machine.h>

#define ALL_KINDS ((1u << NTMM_TRANSFER_KINDS) - 1)
#define OF_KIND(kind) (1u << NTMM_TRANSFER_##kind)
#define FOR_GOOD UINT64_MAX
#define SCHEDULE_RULES 4

struct schedule_rule {
	unsigned kinds;       /* OF_KIND(...) | ...; 0: the rule is none */
	uint64_t first, last; /* numbers of the transfers; last 0: only the first */
	unsigned percent;     /* of them that meet it; 0: all */
	uint64_t page;        /* only those that have this page in them; 0: all */
	int error;
	uint32_t done;  /* pages, before it fails */
	uint32_t delay; /* microseconds at most, drawn for each; exact without a seed */
};

struct schedule {
	struct schedule_rule rules[SCHEDULE_RULES];
	uint64_t seed;
	_Atomic uint64_t met[NTMM_TRANSFER_KINDS];    /* transfers */
	_Atomic uint64_t failed[NTMM_TRANSFER_KINDS]; /* those that were made to fail */
};

/* An ntmm_transfer_schedule; the context is a struct schedule. */
void schedule_judge(void *context, ntmm_transfer *transfer);

#endif
