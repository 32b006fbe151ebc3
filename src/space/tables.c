/* SPDX-License-Identifier: MIT
 *
 * At each level the first and the last span of a range may be shared with pages outside it: they are
 * asked for by count. The spans between belong to the range alone: its runs are walked once.
 */
#include "space/tables.h"

/* Spans of [start, end) (span numbers) in which the runs of the space have a committed page. */
static uint64_t spans_in_use(const struct runs *runs, uint64_t start, uint64_t end, unsigned shift)
{
	uint64_t used = 0, next = start; /* spans below next are counted */
	for (uint64_t page = start << shift; page < end << shift;) {
		struct run run = runs_at(runs, page);
		uint64_t first = max_u64(next, page >> shift);
		uint64_t last = min_u64(end, ((run.end - 1) >> shift) + 1);
		if (attr_is_committed(run.attr) && last > first) {
			used += last - first;
			next = last;
		}
		page = run.end;
	}
	return used;
}

static struct range span_pages(const struct runs *runs, uint64_t span, unsigned shift)
{
	return (struct range){max_u64(span << shift, runs->whole.start),
	                      min_u64((span + 1) << shift, runs->whole.end)};
}

static bool span_in_use(const struct runs *runs, uint64_t span, unsigned shift)
{
	return runs_committed(runs, span_pages(runs, span, shift)) != 0;
}

/* Whether pages of `range` are committed in the span, and no others. */
static bool span_goes(const struct runs *runs, struct range range, uint64_t span, unsigned shift)
{
	struct range pages = span_pages(runs, span, shift);
	struct range inside = {max_u64(pages.start, range.start), min_u64(pages.end, range.end)};
	uint64_t ours = runs_committed(runs, inside);
	return ours && runs_committed(runs, pages) == ours;
}

static uint64_t add_at_level(const struct runs *runs, struct range range, unsigned shift)
{
	uint64_t first = range.start >> shift, last = (range.end - 1) >> shift;
	uint64_t add = !span_in_use(runs, first, shift);
	if (last == first)
		return add;
	add += !span_in_use(runs, last, shift);
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
