/* SPDX-License-Identifier: MIT */
#include "measure.h"

#include <stdlib.h>

static void repeat(const struct row *row, const struct bench *bench, void *state,
                   struct result *result)
{
	for (unsigned i = 0; i < bench->repetitions; i++) {
		double theirs = row->theirs ? row->theirs(state) : 0;
		double ours = row->ours(state);
		if (!i)
			continue;
		if (row->theirs)
			result->theirs.samples[i - 1] = theirs;
		result->ours.samples[i - 1] = ours;
	}
}

static void side_begin(struct side *side, unsigned count)
{
	side->samples = bench_alloc(count, sizeof *side->samples);
}

/* What slows the host down for a while mostly slows down both of a pair. */
static double median_ratio(const struct result *result)
{
	double *ratios = bench_alloc(result->count, sizeof *ratios);
	for (unsigned i = 0; i < result->count; i++)
		ratios[i] = result->ours.samples[i] / result->theirs.samples[i];
	double ratio = median(ratios, result->count);
	free(ratios);
	return ratio;
}

static void summarise(struct result *result)
{
	result->ours.median = median(result->ours.samples, result->count);
	if (!result_has_reference(result))
		return;
	result->theirs.median = median(result->theirs.samples, result->count);
	result->ratio = median_ratio(result);
}

struct result measure(const struct row *row, const struct bench *bench)
{
	struct result result = {.row = row,
	                        .skipped = "takes too long for --quick",
	                        .count = bench->repetitions - 1};
	if (row->large && bench->quick)
		return result;
	result.skipped = NULL;
	void *state = row->begin(row, bench, &result.skipped);
	if (!state)
		return result;
	result.skipped = NULL;
	side_begin(&result.ours, result.count);
	if (row->theirs)
		side_begin(&result.theirs, result.count);
	repeat(row, bench, state, &result);
	row->end(state);
	summarise(&result);
	return result;
}

void result_free(struct result *result)
{
	free(result->theirs.samples);
	free(result->ours.samples);
}

bool result_has_reference(const struct result *result)
{
	return result->theirs.samples != NULL;
}

bool result_is_met(const struct result *result)
{
	struct target target = result->row->target;
	switch (target.kind) {
	case TARGET_RATIO:
		return result->ratio <= target.value;
	case TARGET_RATE:
		return 1 / result->ratio >= target.value;
	case TARGET_TIME:
		return result->ours.median <= target.value;
	case TARGET_NONE:
		break;
	}
	return true;
}
