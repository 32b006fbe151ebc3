/* SPDX-License-Identifier: MIT
 *
 * Measuring rows, and what came out.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "bench.h"

#define MOST_REPETITIONS 1000

struct side {
	double *samples; /* in the order they were taken; NULL: not measured */
	double median;
};

struct result {
	const struct row *row;
	const char *skipped; /* why; NULL: it was measured */
	unsigned count;      /* samples of each side */
	struct side theirs, ours;
	double ratio; /* the median of those of neighbouring samples */
};

struct result measure(const struct row *row, const struct bench *bench);
void result_free(struct result *result);

bool result_has_reference(const struct result *result);
bool result_is_met(const struct result *result);

#endif
