/* SPDX-License-Identifier: MIT
 *
 * Tables that committed pages need: what a change of the runs adds or drops, against a count of all.
 *
 * Pages lie in clusters, so that spans of 2 MB, 1 GB and 512 GB begin and end in one another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "space/tables.h"

#define END (UINT64_C(3) << 27) /* 3 spans of 512 GB */
#define MOST_PIECES 64
#define STEPS 40000

/* What is committed, in any order, without overlap. */
struct pieces {
	struct range piece[MOST_PIECES];
	unsigned count;
};

static uint64_t chance = 1;
static struct vad *const a_vad = (struct vad *)&chance; /* the tree never looks inside */

static uint64_t below(uint64_t n)
{
	chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (chance >> 29) % n;
}

/* Near a border of spans mostly, and from a page to many spans long. */
static struct range any_range(void)
{
	uint64_t start = (below(3) << 27) + (below(3) << 18) + (below(3) << 9) + below(512);
	uint64_t end = start + 1 + below(UINT64_C(1) << below(28));
	if (!below(4))
		start = start >> 9 << 9;
	if (!below(4))
		end = ((end >> 9) + 1) << 9;
	return (struct range){start, min_u64(end, END)};
}

static void add(struct pieces *pieces, struct range range)
{
	if (range.start < range.end)
		pieces->piece[pieces->count++] = range;
}

static struct pieces without(const struct pieces *all, struct range range)
{
	struct pieces left = {.count = 0};
	for (unsigned i = 0; i < all->count; i++) {
		struct range piece = all->piece[i];
		add(&left, (struct range){piece.start, min_u64(piece.end, range.start)});
		add(&left, (struct range){max_u64(piece.start, range.end), piece.end});
	}
	return left;
}

static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

/* Of all levels. */
static uint64_t tables_of(struct pieces pieces)
{
	uint64_t tables = 0;
	qsort(pieces.piece, pieces.count, sizeof pieces.piece[0], by_start);
	for (unsigned level = 1; level <= TABLE_LEVELS; level++) {
		uint64_t counted = 0; /* the spans before this one */
		for (unsigned i = 0; i < pieces.count; i++) {
			uint64_t first = pieces.piece[i].start >> level * TABLE_BITS;
			uint64_t end = ((pieces.piece[i].end - 1) >> level * TABLE_BITS) + 1;
			first = max_u64(first, counted);
			tables += end > first ? end - first : 0;
			counted = max_u64(counted, end);
		}
	}
	return tables;
}

static void change(struct runs *runs, struct pieces *committed)
{
	struct range range = any_range();
	struct pieces rest = without(committed, range), more = rest;
	uint64_t before = tables_of(*committed), without_it = tables_of(rest);
	add(&more, range);
	assert_int_equal(tables_to_add(runs, range), tables_of(more) - before);
	assert_int_equal(tables_to_drop(runs, range), before - without_it);
	bool commits = rest.count < MOST_PIECES / 2 && below(2);
	*committed = commits ? more : rest;
	assert_true(runs_prepare(runs, 1));
	runs_set(runs, range, commits ? a_vad : NULL,
	         commits ? ATTR_COMMITTED | PROT_READWRITE : ATTR_RESERVED);
}

static void a_change_tells_the_tables_it_makes(void **unused)
{
	struct pieces committed = {.count = 0};
	struct runs runs;
	(void)unused;
	assert_true(runs_init(&runs, (struct range){0, END}));
	for (unsigned step = 0; step < STEPS; step++) {
		if (!below(4))
			runs_seek(&runs, below(END)); /* what is near makes no difference */
		change(&runs, &committed);
	}
	assert_int_equal(tables_to_drop(&runs, runs.whole), tables_of(committed));
	runs_destroy(&runs);
}

static void a_table_is_needed_on_each_level(void **unused)
{
	struct runs runs;
	struct range page = {5 << 9, (5 << 9) + 1}, beside = {(5 << 9) + 1, (5 << 9) + 2};
	(void)unused;
	assert_true(runs_init(&runs, (struct range){0, END}));
	assert_int_equal(tables_to_add(&runs, page), 3);
	assert_int_equal(tables_to_drop(&runs, page), 0);
	runs_set(&runs, page, a_vad, ATTR_COMMITTED | PROT_READWRITE);
	assert_int_equal(tables_to_add(&runs, beside), 0);
	assert_int_equal(tables_to_add(&runs, (struct range){4 << 9, 5 << 9}), 1);
	assert_int_equal(tables_to_drop(&runs, page), 3);
	runs_destroy(&runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_needed_on_each_level),
		cmocka_unit_test(a_change_tells_the_tables_it_makes),
	};
	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
