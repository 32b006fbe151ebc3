/* SPDX-License-Identifier: MIT
 *
 * At each level the first and the last span of a range may be shared with pages outside it: whether they
 * are is told by the committed pages next to its borders, which are looked for once. The spans between
 * belong to the range alone: its committed runs are walked.
 */
#include "space/tables.h"

/* The committed pages nearest to a border: the last ones before it end at `before`, 0: there are none; the first
 * behind it start at `after`. */
struct nearest {
	uint64_t before, after;
};

static struct nearest nearest_to(const struct runs *runs, uint64_t border)
{
	struct nearest nearest = {0, UINT64_MAX};
	struct range run;
	if (border > runs->whole.start && runs_committed_back(runs, border - 1, &run))
		nearest.before = min_u64(run.end, border);
	if (border < runs->whole.end && runs_committed_from(runs, border, &run))
		nearest.after = max_u64(run.start, border);
	return nearest;
}

/* A range, and what is committed at its start and its end. */
struct edges {
	struct range range;
	struct nearest start, end;
};

/* Spans of [start, end) (span numbers) in which a page is committed. */
static uint64_t spans_in_use(const struct runs *runs, uint64_t start, uint64_t end, unsigned shift)
{
	uint64_t used = 0;
	struct range run;
	for (uint64_t span = start; span < end;) {
		if (!runs_committed_from(runs, span << shift, &run) || run.start >> shift >= end)
			break;
		uint64_t next = min_u64(end, ((run.end - 1) >> shift) + 1);
		used += next - max_u64(span, run.start >> shift);
		span = next;
	}
	return used;
}

static bool reaches_down(const struct nearest *nearest, uint64_t span, unsigned shift)
{
	return nearest->before > span << shift;
}

static bool reaches_up(const struct nearest *nearest, uint64_t span, unsigned shift)
{
	return nearest->after < (span + 1) << shift;
}

/* Whether a page of the span, in which the border lies, is committed. */
static bool is_in_use(const struct nearest *nearest, uint64_t span, unsigned shift)
{
	return reaches_down(nearest, span, shift) || reaches_up(nearest, span, shift);
}

static uint64_t add_at_level(const struct runs *runs, const struct edges *edges, unsigned shift)
{
	struct range range = edges->range;
	uint64_t first = range.start >> shift, last = (range.end - 1) >> shift;
	uint64_t add = !is_in_use(&edges->start, first, shift);
	if (last == first)
		return add;
	add += !is_in_use(&edges->end, last, shift);
	return add + (last - first - 1) - spans_in_use(runs, first + 1, last, shift);
}

/* The spans that are in use, and by no page outside the range. */
static uint64_t drop_at_level(const struct runs *runs, const struct edges *edges, unsigned shift)
{
	const struct nearest *start = &edges->start, *end = &edges->end;
	struct range range = edges->range;
	uint64_t first = range.start >> shift, last = (range.end - 1) >> shift;
	bool first_stays = reaches_down(start, first, shift);
	bool last_stays = reaches_up(end, last, shift);
	if (last == first)
		return start->after < range.end && !first_stays && !last_stays;
	uint64_t drop = reaches_up(start, first, shift) && !first_stays;
	drop += reaches_down(end, last, shift) && !last_stays;
	return drop + spans_in_use(runs, first + 1, last, shift);
}

/* Where a level gains or loses none, the levels above do not either: their spans hold its spans. */
uint64_t tables_to_add(const struct runs *runs, struct range range)
{
	struct edges edges = {range, nearest_to(runs, range.start), {0, 0}};
	uint64_t tables = 0, add = 1;
	if (range.start >> TABLE_BITS != (range.end - 1) >> TABLE_BITS)
		edges.end = nearest_to(runs, range.end); /* another span */
	for (unsigned level = 1; level <= TABLE_LEVELS && add; level++) {
		add = add_at_level(runs, &edges, level * TABLE_BITS);
		tables += add;
	}
	return tables;
}

uint64_t tables_to_drop(const struct runs *runs, struct range range)
{
	struct edges edges = {range, nearest_to(runs, range.start), nearest_to(runs, range.end)};
	uint64_t tables = 0, drop = 1;
	for (unsigned level = 1; level <= TABLE_LEVELS && drop; level++) {
		drop = drop_at_level(runs, &edges, level * TABLE_BITS);
		tables += drop;
	}
	return tables;
}

uint64_t tables_over(struct range range)
{
	uint64_t tables = 0;
	for (unsigned level = 1; level <= TABLE_LEVELS; level++) {
		unsigned shift = level * TABLE_BITS;
		tables += ((range.end - 1) >> shift) - (range.start >> shift) + 1;
	}
	return tables;
}
