/* SPDX-License-Identifier: MIT
 *
 * The tree of runs: what it answers.
 */
#include "runs_model.h"

static void a_new_space_is_one_free_run(void **unused)
{
	struct runs runs;

	(void)unused;
	REQUIRE(runs_init(&runs, (struct range){16, 0x7FFF0}));
	struct run run = runs_at(&runs, 0x1234);
	REQUIRE(run.start == 16 && run.end == 0x7FFF0 && !run.vad && run.attr == ATTR_RESERVED);
	REQUIRE(runs.count == 1 && runs_ready(&runs) && runs_check(&runs));
	REQUIRE(runs_committed(&runs, runs.whole) == 0);
	runs_destroy(&runs);
}

static void a_space_of_one_page_works(void **unused)
{
	struct runs runs;
	uint64_t start = 99;

	(void)unused;
	REQUIRE(runs_init(&runs, (struct range){0, 1}));
	REQUIRE(runs_find_high(&runs, runs.whole, 1, 16, &start) && start == 0);
	runs_set(&runs, runs.whole, model_vad(1), ATTR_COMMITTED | PROT_READONLY);
	REQUIRE(runs_check(&runs) && runs.count == 1);
	REQUIRE(runs_committed(&runs, runs.whole) == 1);
	REQUIRE(!runs_find_low(&runs, runs.whole, 1, 16, &start));
	runs_destroy(&runs);
}

/* What is alike is one run; a change splits it, and changing back makes it one again. */
static void neighbours_merge_when_alike(void **unused)
{
	struct vad *a = model_vad(1), *b = model_vad(2);
	attr_t rw = ATTR_COMMITTED | PROT_READWRITE;
	struct runs runs;

	(void)unused;
	REQUIRE(runs_init(&runs, model_whole));
	runs_set(&runs, (struct range){32, 64}, a, rw);
	runs_set(&runs, (struct range){64, 96}, b, rw); /* alike in state, not in allocation */
	REQUIRE(runs.count == 4);
	runs_set(&runs, (struct range){40, 48}, a, ATTR_RESERVED);
	REQUIRE(runs.count == 6);
	REQUIRE(runs_at(&runs, 47).end == 48 && runs_at(&runs, 48).end == 64);
	runs_set(&runs, (struct range){40, 48}, a, rw);
	REQUIRE(runs.count == 4 && runs_at(&runs, 40).start == 32);
	runs_set(&runs, (struct range){45, 50}, a, rw); /* is so already */
	REQUIRE(runs.count == 4);
	runs_set(&runs, (struct range){32, 96}, NULL, ATTR_RESERVED);
	REQUIRE(runs.count == 1 && runs_check(&runs));
	runs_destroy(&runs);
}

/* An allocation starts at a granule, so a free run that begins within one offers nothing
 * before the next. */
static void holes_begin_at_granules(void **unused)
{
	struct runs runs;
	uint64_t start;

	(void)unused;
	REQUIRE(runs_init(&runs, (struct range){16, 80}));
	runs_set(&runs, (struct range){16, 33}, model_vad(1), ATTR_RESERVED);
	runs_set(&runs, (struct range){64, 80}, model_vad(1), ATTR_RESERVED);
	REQUIRE(!runs_find_low(&runs, runs.whole, 17, 16, &start)); /* 33 to 64 is 31 pages */
	REQUIRE(!runs_find_high(&runs, runs.whole, 17, 16, &start));
	REQUIRE(runs_find_low(&runs, runs.whole, 16, 16, &start) && start == 48);
	REQUIRE(runs_find_high(&runs, runs.whole, 16, 16, &start) && start == 48);
	runs_destroy(&runs);
}

static void places_lie_within_the_bounds(void **unused)
{
	struct range all = {0, 1024}, low = {0, 100}, inner = {17, 100}, nothing = {50, 50};
	struct runs runs;
	uint64_t start;

	(void)unused;
	REQUIRE(runs_init(&runs, all));
	REQUIRE(runs_find_low(&runs, all, 1024, 16, &start) && start == 0);
	REQUIRE(runs_find_high(&runs, all, 1, 16, &start) && start == 1008);
	REQUIRE(runs_find_high(&runs, low, 5, 16, &start) && start == 80);
	REQUIRE(runs_find_low(&runs, inner, 68, 16, &start) && start == 32);
	REQUIRE(runs_find_high(&runs, inner, 68, 16, &start) && start == 32);
	REQUIRE(!runs_find_low(&runs, inner, 69, 16, &start));
	REQUIRE(!runs_find_high(&runs, inner, 69, 16, &start));
	REQUIRE(!runs_find_low(&runs, low, 101, 16, &start));
	REQUIRE(!runs_find_high(&runs, low, 101, 16, &start));
	REQUIRE(!runs_find_low(&runs, nothing, 1, 16, &start));
	REQUIRE(!runs_find_high(&runs, nothing, 1, 16, &start));
	REQUIRE(!runs_find_low(&runs, all, UINT64_C(1) << 52, 16, &start));
	REQUIRE(!runs_find_high(&runs, all, UINT64_C(1) << 52, 16, &start));
	runs_destroy(&runs);
}

/* Small changes break the space into thousands of runs, larger ones drop subtrees again. */
static void random_changes_follow_the_model(void **unused)
{
	static const uint64_t most_pages[] = {1, 1, 1, 1, 20, 1, 1, 1,
	                                      300, 2, 4000, 1, 1, 1, 1, 50};
	struct runs runs;

	(void)unused;
	REQUIRE(runs_init(&runs, model_whole));
	model_compare(&runs);
	for (model_step = 0; model_step < 4800; model_step++) {
		REQUIRE(runs_prepare(&runs, 1));
		model_set_drawn(&runs, model_draw_range(most_pages[model_step / 300]));
		model_compare(&runs);
	}
	runs_destroy(&runs);
}

/* One change from anywhere to anywhere: all the shapes in which two nodes of a level can be left
 * nearly empty. */
static void large_changes_leave_no_empty_nodes(void **unused)
{
	(void)unused;
	for (model_step = 0; model_step < 150; model_step++) {
		struct runs runs;
		REQUIRE(runs_init(&runs, model_whole));
		model_set(&runs, model_whole, NULL, ATTR_RESERVED);
		model_fragment(&runs);
		REQUIRE(runs.height == 2);
		for (unsigned i = 0; i < 3; i++) {
			REQUIRE(runs_prepare(&runs, 1));
			model_set_drawn(&runs, model_draw_range(4000));
			model_compare(&runs);
		}
		runs_destroy(&runs);
	}
}

/* The run at `page` becomes like the one beside it, again and again. */
static void join_beside(struct runs *runs, uint64_t page, bool downwards)
{
	for (unsigned i = 0; i < 70; i++) {
		struct run run = runs_at(runs, page);
		uint64_t beside = downwards ? run.start - 1 : run.end;
		if (!range_has(model_whole, beside))
			return;
		struct run other = runs_at(runs, beside);
		REQUIRE(runs_prepare(runs, 1));
		model_set(runs, (struct range){run.start, run.end}, other.vad, other.attr);
		REQUIRE(runs_check(runs));
	}
}

/* A leaf takes over, one by one, the runs with which the leaf beside it ends or begins. */
static void runs_join_across_leaves(void **unused)
{
	struct runs runs;

	(void)unused;
	REQUIRE(runs_init(&runs, model_whole));
	for (model_step = 0; model_step < 200; model_step++) {
		if (model_step % 10 == 0)
			model_fragment(&runs);
		join_beside(&runs, MODEL_FIRST + model_draw(4000), model_step % 2);
		model_compare(&runs);
	}
	runs_destroy(&runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_new_space_is_one_free_run, model_start),
		cmocka_unit_test_setup(a_space_of_one_page_works, model_start),
		cmocka_unit_test_setup(neighbours_merge_when_alike, model_start),
		cmocka_unit_test_setup(holes_begin_at_granules, model_start),
		cmocka_unit_test_setup(places_lie_within_the_bounds, model_start),
		cmocka_unit_test_setup(random_changes_follow_the_model, model_start),
		cmocka_unit_test_setup(large_changes_leave_no_empty_nodes, model_start),
		cmocka_unit_test_setup(runs_join_across_leaves, model_start),
	};

	return cmocka_run_group_tests_name("runs", tests, NULL, NULL);
}
