/* SPDX-License-Identifier: MIT
 *
 * At each level the first and the last span of a range may be shared with pages outside it. The
 * spans between belong to the range alone: its committed runs are walked once.
 */
#include "space/tables.h"

/* Whether a page of `range` is committed; looked for from its start, or from its end: where the
 * nodes of the tree are at hand. The range may be empty. */
static bool any_from_start(const struct runs *runs, struct range range)
{
	struct range run;
	return range.start < range.end && runs_committed_from(runs, range.start, &run) &&
	       run.start < range.end;
}

static bool any_from_end(const struct runs *runs, struct range range)
{
	struct range run;
	return range.start < range.end && runs_committed_back(runs, range.end - 1, &run) &&
	       run.end > range.start;
}

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

static struct range span_pages(const struct runs *runs, uint64_t span, unsigned shift)
{
	return (struct range){max_u64(span << shift, runs->whole.start),
	                      min_u64((span + 1) << shift, runs->whole.end)};
}

/* `near` is a page of the span. */
static bool span_in_use(const struct runs *runs, uint64_t near, unsigned shift)
{
	struct range pages = span_pages(runs, near >> shift, shift);
	return any_from_start(runs, (struct range){near, pages.end}) ||
	       any_from_end(runs, (struct range){pages.start, near});
}

/* Whether pages of `range` are committed in the span, and no others. */
static bool span_goes(const struct runs *runs, struct range range, uint64_t span, unsigned shift)
{
	struct range pages = span_pages(runs, span, shift);
	struct range ours = {max_u64(pages.start, range.start), min_u64(pages.end, range.end)};
	return any_from_start(runs, ours) &&
	       !any_from_start(runs, (struct range){ours.end, pages.end}) &&
	       !any_from_end(runs, (struct range){pages.start, ours.start});
}

static uint64_t add_at_level(const struct runs *runs, struct range range, unsigned shift)
{
	uint64_t first = range.start >> shift, last = (range.end - 1) >> shift;
	uint64_t add = !span_in_use(runs, range.start, shift);
	if (last == first)
		return add;
	add += !span_in_use(runs, range.end - 1, shift);
	return add + (last - first - 1) - spans_in_use(runs, first + 1, last, shift);
}

static uint64_t drop_at_level(const struct runs *runs, struct range range, unsigned shift)
{
	uint64_t first = range.start >> shift, last = (range.end - 1) >> shift;
	uint64_t drop = span_goes(runs, range, first, shift);
	if (last == first)
		return drop;
	drop += span_goes(runs, range, last, shift);
	return drop + spans_in_use(runs, first + 1, last, shift);
}

/* Where a level gains or loses none, the levels above do not either: their spans hold its spans. */
uint64_t tables_to_add(const struct runs *runs, struct range range)
{
	uint64_t tables = 0, add = 1;
	for (unsigned level = 1; level <= TABLE_LEVELS && add; level++) {
		add = add_at_level(runs, range, level * TABLE_BITS);
		tables += add;
	}
	return tables;
}

uint64_t tables_to_drop(const struct runs *runs, struct range range)
{
	uint64_t tables = 0, drop = 1;
	for (unsigned level = 1; level <= TABLE_LEVELS && drop; level++) {
		drop = drop_at_level(runs, range, level * TABLE_BITS);
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
