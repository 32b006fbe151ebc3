/* SPDX-License-Identifier: MIT
 *
 * The tree of runs with very many of them: it stays compact, whatever comes and goes.
 */
#include "runs_model.h"

#define MANY 1000000
#define SPACE_END (UINT64_C(1) << 35) /* 128 TB */

/* Allocations of seven pages, each at a granule of its own. */
static void set_place(struct runs *runs, uint64_t number, struct vad *vad)
{
	uint64_t start = 16 + number * 16;

	REQUIRE(runs_prepare(runs, 1));
	runs_set(runs, (struct range){start, start + 7}, vad,
	         vad ? ATTR_COMMITTED | PROT_READWRITE : ATTR_RESERVED);
}

/* With nodes a third full there is one for less than 20 runs, and few more that are inner ones. */
static bool is_compact(const struct runs *runs)
{
	return runs_check(runs) && runs->nodes <= runs->count / 16 + runs->height + 1;
}

static void a_million_runs_come_and_go(void **unused)
{
	struct range front = {16, 16 + 8 * MANY};
	struct runs runs;
	uint64_t start;

	(void)unused;
	REQUIRE(runs_init(&runs, (struct range){16, SPACE_END}));
	for (model_step = 0; model_step < MANY / 2; model_step++)
		set_place(&runs, model_step, model_vad(1));
	REQUIRE(is_compact(&runs) && runs.count == MANY);
	REQUIRE(runs_committed(&runs, runs.whole) == MANY / 2 * 7);
	REQUIRE(!runs_find_low(&runs, front, 10, 16, &start));
	REQUIRE(!runs_find_high(&runs, front, 10, 16, &start));
	REQUIRE(runs_find_low(&runs, runs.whole, 10, 16, &start) && start == front.end);

	for (model_step = 0; model_step < MANY / 2; model_step++) /* in an order that jumps about */
		set_place(&runs, model_step * 314159 % (MANY / 2),
		          model_step % 5 ? NULL : model_vad(1));
	REQUIRE(is_compact(&runs) && runs.count == MANY / 5);
	for (model_step = MANY / 2; model_step > 0; model_step--)
		set_place(&runs, model_step - 1, NULL);
	REQUIRE(runs_check(&runs));
	REQUIRE(runs.count == 1 && runs.nodes == 1 && runs.height == 0);
	runs_destroy(&runs);
}

static void one_change_replaces_a_hundred_thousand(void **unused)
{
	struct runs runs;

	(void)unused;
	REQUIRE(runs_init(&runs, (struct range){16, SPACE_END}));
	for (model_step = 0; model_step < 100000; model_step++)
		set_place(&runs, model_draw(SPACE_END / 16 - 2), model_vad(1));
	REQUIRE(is_compact(&runs));
	runs_set(&runs, (struct range){17, SPACE_END - 1}, model_vad(2), ATTR_RESERVED);
	REQUIRE(runs_check(&runs));
	REQUIRE(runs.count <= 3 && runs.nodes == 1);
	runs_destroy(&runs);
}

static void long_use_leaves_the_tree_compact(void **unused)
{
	enum { PLACES = 20000 };
	struct runs runs;

	(void)unused;
	REQUIRE(runs_init(&runs, (struct range){16, SPACE_END}));
	for (model_step = 0; model_step < 200000; model_step++)
		set_place(&runs, model_draw(PLACES),
		          model_vad(model_draw(2) * (1 + model_draw(3))));
	REQUIRE(is_compact(&runs));
	for (uint64_t number = 0; number < PLACES; number++)
		if (number % 100)
			set_place(&runs, number, NULL);
	REQUIRE(is_compact(&runs) && runs.count <= PLACES / 100 * 2 + 1);
	runs_destroy(&runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_million_runs_come_and_go, model_start),
		cmocka_unit_test_setup(one_change_replaces_a_hundred_thousand, model_start),
		cmocka_unit_test_setup(long_use_leaves_the_tree_compact, model_start),
	};

	return cmocka_run_group_tests_name("runs_large", tests, NULL, NULL);
}
