/* SPDX-License-Identifier: MIT
 *
 * A tree of runs and, beside it, an array with a cell for each page that says the same.
 *
 * Every number is drawn from one seed; a failure prints it, and NTMM_SEED=n repeats the run.
 */
#ifndef RUNS_MODEL_H
#define RUNS_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "space/runs.h"

#define MODEL_FIRST UINT64_C(16)
#define MODEL_END (MODEL_FIRST + 4007) /* not a granule's boundary */

extern const struct range model_whole;
extern uint64_t model_seed;
extern uint64_t model_step; /* of the test that runs */

#define REQUIRE(condition) \
	do { \
		if (!(condition)) \
			fail_msg("%s (%s); NTMM_SEED=%llu, step %llu", #condition, complaint(), \
			         (unsigned long long)model_seed, (unsigned long long)model_step); \
	} while (0)

/* A test's set-up: the seed and the array as at the beginning. */
int model_start(void **unused);

uint64_t model_draw(uint64_t below);
struct range model_draw_range(uint64_t most_pages);
/* Allocations 1 to 3; 0 is none. */
struct vad *model_vad(uint64_t number);

/* Both, in the tree and in the array. */
void model_set(struct runs *runs, struct range r, struct vad *vad, attr_t attr);
void model_set_drawn(struct runs *runs, struct range r);
/* Thousands of runs of a page or two. */
void model_fragment(struct runs *runs);

/* Every page, the committed pages of a range, and places for allocations; and runs_check. */
void model_compare(const struct runs *runs);

#endif
