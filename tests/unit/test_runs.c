/* SPDX-License-Identifier: MIT
 *
 * The tree of runs against an array with one cell a page, and on its own at a million runs.
 * NTMM_SEED=n repeats a run that failed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/os.h"
#include "space/runs.h"

#define RESERVE 4 /* changes that are possible without runs_prepare */
#define MOST_SLOTS_PER_RUN 16

static uint64_t seed, state;
static uint64_t step; /* of the test that runs */

#define REQUIRE(condition) \
	do { \
		if (!(condition)) \
			fail_msg("%s (%s); NTMM_SEED=%llu, step %llu", #condition, complaint(), \
			         (unsigned long long)seed, (unsigned long long)step); \
	} while (0)

static uint64_t draw(uint64_t below)
{
	state += UINT64_C(0x9E3779B97F4A7C15);
	uint64_t z = state;
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return (z ^ z >> 31) % below;
}

static int start_over(void **unused)
{
	const char *text = getenv("NTMM_SEED");

	(void)unused;
	seed = text ? strtoull(text, NULL, 0) : 1;
	state = seed;
	step = 0;
	complain_nothing();
	return 0;
}

/* The tree never looks into an allocation. */
static char allocations[4];

static struct vad *vad_number(uint64_t n)
{
	return n ? (struct vad *)&allocations[n] : NULL;
}

/* ---- os_alloc that counts, and fails when told to ---- */

static long allocations_allowed = -1;
static unsigned long allocations_made;

void *__real_os_alloc(size_t bytes);
void *__wrap_os_alloc(size_t bytes);

void *__wrap_os_alloc(size_t bytes)
{
	allocations_made++;
	if (!allocations_allowed)
		return NULL;
	if (allocations_allowed > 0)
		allocations_allowed--;
	return __real_os_alloc(bytes);
}

/* ---- the model ---- */

#define FIRST 16
#define PAGES 4007 /* not a multiple of a granule */

static struct cell {
	struct vad *vad;
	attr_t attr;
} cells[FIRST + PAGES];
static const struct range whole = {FIRST, FIRST + PAGES};
static uint64_t taken_before[FIRST + PAGES + 1]; /* pages that are not free */
static uint64_t committed_before[FIRST + PAGES + 1];

static void model_clear(void)
{
	memset(cells, 0, sizeof cells);
}

static void model_set(struct range r, struct vad *vad, attr_t attr)
{
	for (uint64_t page = r.start; page < r.end; page++)
		cells[page] = (struct cell){vad, attr};
}

static void model_sum(void)
{
	for (uint64_t page = FIRST; page < whole.end; page++) {
		taken_before[page + 1] = taken_before[page] + (cells[page].vad != NULL);
		committed_before[page + 1] =
			committed_before[page] + attr_is_committed(cells[page].attr);
	}
}

static bool model_is_place(uint64_t start, struct range bounds, uint64_t pages)
{
	return start >= bounds.start && start + pages <= bounds.end && start >= FIRST &&
	       start + pages <= whole.end && taken_before[start] == taken_before[start + pages];
}

static bool model_find(struct range bounds, uint64_t pages, uint64_t align, bool low, uint64_t *start)
{
	uint64_t last = whole.end / align;

	for (uint64_t i = 0; i <= last; i++) {
		uint64_t page = (low ? i : last - i) * align;
		if (model_is_place(page, bounds, pages)) {
			*start = page;
			return true;
		}
	}
	return false;
}

/* ---- tree and model side by side ---- */

static bool is_alike(struct cell a, struct cell b)
{
	return a.vad == b.vad && a.attr == b.attr;
}

static void compare_pages(const struct runs *runs)
{
	uint64_t count = 0;

	REQUIRE(runs_check(runs));
	for (uint64_t page = FIRST; page < whole.end;) {
		struct run run = runs_at(runs, page);
		REQUIRE(run.start == page && run.end > page && run.end <= whole.end);
		for (; page < run.end; page++)
			REQUIRE(is_alike(cells[page], (struct cell){run.vad, run.attr}));
		count++;
	}
	REQUIRE(count == runs->count);
	uint64_t page = FIRST + draw(PAGES);
	REQUIRE(range_has((struct range){runs_at(runs, page).start, runs_at(runs, page).end}, page));
}

static struct range some_range(uint64_t most_pages)
{
	uint64_t start = FIRST + draw(PAGES);
	uint64_t pages = 1 + draw(most_pages);

	return (struct range){start, min_u64(start + pages, whole.end)};
}

static void compare_committed(const struct runs *runs)
{
	struct range r = some_range(PAGES);

	REQUIRE(runs_committed(runs, r) == committed_before[r.end] - committed_before[r.start]);
	REQUIRE(runs_committed(runs, whole) == committed_before[whole.end]);
}

static void compare_place(const struct runs *runs, struct range bounds, uint64_t pages, uint64_t align)
{
	uint64_t place = 7, expected = 7;
	bool is_there = model_find(bounds, pages, align, true, &expected);

	REQUIRE(runs_find_low(runs, bounds, pages, align, &place) == is_there);
	REQUIRE(place == expected);
	is_there = model_find(bounds, pages, align, false, &expected);
	REQUIRE(runs_find_high(runs, bounds, pages, align, &place) == is_there);
	REQUIRE(place == expected);
}

static void compare_places(const struct runs *runs)
{
	static const uint64_t aligns[] = {16, 16, 32, 48, 256, 1024};
	struct range bounds = some_range(PAGES);

	if (!draw(4))
		bounds = (struct range){0, UINT64_MAX};
	compare_place(runs, bounds, 1 + draw(40), aligns[draw(6)]);
	compare_place(runs, bounds, 1 + draw(range_pages(whole)), 16);
}

static void change(struct runs *runs, struct range r)
{
	struct vad *vad = vad_number(draw(4));
	attr_t attr = vad && draw(2) ? ATTR_COMMITTED | (1 + draw(2)) : ATTR_RESERVED;

	runs_set(runs, r, vad, attr);
	model_set(r, vad, attr);
}

static void compare_everything(const struct runs *runs)
{
	model_sum();
	compare_pages(runs);
	compare_committed(runs);
	compare_places(runs);
}

/* Small changes break the space into thousands of runs, larger ones drop subtrees again. */
static void random_changes_follow_the_model(void **unused)
{
	static const uint64_t most_pages[] = {1, 1, 1, 1, 20, 1, 1, 1, 300, 2, PAGES, 1, 1, 1, 1, 50};
	struct runs runs;

	(void)unused;
	model_clear();
	REQUIRE(runs_init(&runs, whole));
	compare_everything(&runs);
	for (step = 0; step < 4800; step++) {
		REQUIRE(runs_prepare(&runs, 1));
		change(&runs, some_range(most_pages[step / 300]));
		compare_everything(&runs);
	}
	runs_destroy(&runs);
}

/* Every third page a run of its own, then one change from anywhere to anywhere: all the shapes in
 * which two nodes of a level can be left nearly empty. */
static void fragment(struct runs *runs)
{
	for (uint64_t page = FIRST; page < whole.end; page += 1 + draw(2)) {
		struct range r = {page, page + 1};
		struct vad *vad = vad_number(1 + page % 3);
		REQUIRE(runs_prepare(runs, 1));
		runs_set(runs, r, vad, ATTR_COMMITTED | PROT_READWRITE);
		model_set(r, vad, ATTR_COMMITTED | PROT_READWRITE);
	}
}

static void large_changes_leave_no_empty_nodes(void **unused)
{
	(void)unused;
	for (step = 0; step < 150; step++) {
		struct runs runs;
		model_clear();
		REQUIRE(runs_init(&runs, whole));
		fragment(&runs);
		REQUIRE(runs.height == 2);
		for (unsigned i = 0; i < 3; i++) {
			REQUIRE(runs_prepare(&runs, 1));
			change(&runs, some_range(PAGES));
			compare_everything(&runs);
		}
		runs_destroy(&runs);
	}
}

/* At most RESERVE changes between two runs_prepare, as faults may make them, and none asks the host. */
static void the_reserve_serves_changes_that_cannot_prepare(void **unused)
{
	static const uint64_t most_pages[] = {1, 1, 1, 700};
	struct runs runs;

	(void)unused;
	model_clear();
	REQUIRE(runs_init(&runs, whole));
	for (step = 0; step < 4000; step++) {
		REQUIRE(runs_prepare(&runs, 0));
		unsigned long before = allocations_made;
		for (unsigned i = 0; i < RESERVE; i++) {
			REQUIRE(runs_ready(&runs));
			change(&runs, some_range(most_pages[step / 1000]));
		}
		REQUIRE(allocations_made == before);
		REQUIRE(runs_check(&runs));
	}
	compare_everything(&runs);
	runs_destroy(&runs);
}

static void the_reserve_says_when_it_is_used_up(void **unused)
{
	struct runs runs;
	unsigned changes = 0;

	(void)unused;
	REQUIRE(runs_init(&runs, whole));
	for (; runs_ready(&runs); changes++) {
		uint64_t page = FIRST + 2 * changes;
		REQUIRE(page < whole.end);
		runs_set(&runs, (struct range){page, page + 1}, vad_number(1), ATTR_RESERVED);
	}
	REQUIRE(changes >= RESERVE);
	REQUIRE(runs_check(&runs));
	REQUIRE(runs_prepare(&runs, 0));
	REQUIRE(runs_ready(&runs));
	runs_destroy(&runs);
}

static void prepared_changes_take_nothing_from_the_host(void **unused)
{
	struct runs runs;

	(void)unused;
	model_clear();
	REQUIRE(runs_init(&runs, whole));
	for (step = 0; step < 60; step++) {
		unsigned changes = 1 + draw(200);
		REQUIRE(runs_prepare(&runs, changes));
		unsigned long before = allocations_made;
		for (unsigned i = 0; i < changes; i++)
			change(&runs, some_range(step % 7 ? 2 : 600));
		REQUIRE(allocations_made == before);
		REQUIRE(runs_ready(&runs)); /* the reserve is still there */
		compare_everything(&runs);
	}
	runs_destroy(&runs);
}

static void without_memory_nothing_changes(void **unused)
{
	struct runs runs;
	long allowed = 0;

	(void)unused;
	model_clear();
	for (allocations_allowed = 0; !runs_init(&runs, whole); allocations_allowed = allowed)
		allowed++;
	REQUIRE(allowed > 0);
	allocations_allowed = -1;
	fragment(&runs);
	for (step = 0; step < 20; step++) {
		allocations_allowed = (long)step;
		REQUIRE(!runs_prepare(&runs, 100));
		REQUIRE(runs_ready(&runs));
		compare_everything(&runs);
	}
	allocations_allowed = -1;
	REQUIRE(runs_prepare(&runs, 100));
	runs_destroy(&runs);
}

/* ---- single cases ---- */

static struct run at(const struct runs *runs, uint64_t page)
{
	return runs_at(runs, page);
}

static void a_new_space_is_one_free_run(void **unused)
{
	struct runs runs;
	uint64_t start;

	(void)unused;
	REQUIRE(runs_init(&runs, (struct range){16, 0x7FFF0}));
	struct run run = at(&runs, 0x1234);
	REQUIRE(run.start == 16 && run.end == 0x7FFF0 && !run.vad && run.attr == ATTR_RESERVED);
	REQUIRE(runs.count == 1 && runs_ready(&runs));
	REQUIRE(runs_find_low(&runs, runs.whole, 1, 16, &start) && start == 16);
	REQUIRE(runs_find_high(&runs, runs.whole, 1, 16, &start) && start == 0x7FFE0);
	REQUIRE(runs_find_low(&runs, runs.whole, 0x7FFE0, 16, &start) && start == 16);
	REQUIRE(!runs_find_low(&runs, runs.whole, 0x7FFE1, 16, &start));
	REQUIRE(!runs_find_high(&runs, runs.whole, 0x7FFE1, 16, &start));
	REQUIRE(!runs_find_low(&runs, runs.whole, UINT64_C(1) << 52, 16, &start));
	REQUIRE(!runs_find_high(&runs, runs.whole, UINT64_C(1) << 52, 16, &start));
	runs_destroy(&runs);
}

static void a_space_of_one_page_works(void **unused)
{
	struct runs runs;
	uint64_t start = 99;

	(void)unused;
	REQUIRE(runs_init(&runs, (struct range){0, 1}));
	REQUIRE(runs_find_high(&runs, runs.whole, 1, 16, &start) && start == 0);
	runs_set(&runs, runs.whole, vad_number(1), ATTR_COMMITTED | PROT_READONLY);
	REQUIRE(runs_check(&runs) && runs.count == 1);
	REQUIRE(runs_committed(&runs, runs.whole) == 1);
	REQUIRE(!runs_find_low(&runs, runs.whole, 1, 16, &start));
	runs_destroy(&runs);
}

/* Alike is one; a change splits, and changing back merges. */
static void neighbours_merge_when_alike(void **unused)
{
	struct vad *a = vad_number(1), *b = vad_number(2);
	attr_t rw = ATTR_COMMITTED | PROT_READWRITE;
	struct runs runs;

	(void)unused;
	REQUIRE(runs_init(&runs, whole));
	runs_set(&runs, (struct range){32, 64}, a, rw);
	runs_set(&runs, (struct range){64, 96}, b, rw); /* alike in state, not in allocation */
	REQUIRE(runs.count == 4);
	runs_set(&runs, (struct range){40, 48}, a, ATTR_RESERVED);
	REQUIRE(runs.count == 6);
	REQUIRE(at(&runs, 47).end == 48 && at(&runs, 48).end == 64);
	runs_set(&runs, (struct range){40, 48}, a, rw);
	REQUIRE(runs.count == 4 && at(&runs, 40).start == 32);
	runs_set(&runs, (struct range){45, 50}, a, rw); /* is so already */
	REQUIRE(runs.count == 4);
	runs_set(&runs, (struct range){32, 96}, NULL, ATTR_RESERVED);
	REQUIRE(runs.count == 1 && runs_check(&runs));
	runs_destroy(&runs);
}

/* A free run that begins within a granule offers nothing before the next one. */
static void holes_begin_at_granules(void **unused)
{
	struct runs runs;
	uint64_t start;

	(void)unused;
	REQUIRE(runs_init(&runs, (struct range){16, 80}));
	runs_set(&runs, (struct range){16, 33}, vad_number(1), ATTR_RESERVED);
	runs_set(&runs, (struct range){64, 80}, vad_number(1), ATTR_RESERVED);
	REQUIRE(!runs_find_low(&runs, runs.whole, 17, 16, &start)); /* 33 to 64 is 31 pages */
	REQUIRE(runs_find_low(&runs, runs.whole, 16, 16, &start) && start == 48);
	REQUIRE(runs_find_high(&runs, runs.whole, 16, 16, &start) && start == 48);
	REQUIRE(!runs_find_low(&runs, (struct range){49, 80}, 1, 16, &start));
	REQUIRE(!runs_find_high(&runs, (struct range){16, 48}, 1, 16, &start));
	runs_destroy(&runs);
}

/* ---- large ---- */

#define MANY 1000000
#define SPACE_END (UINT64_C(1) << 35)

static struct range place_number(uint64_t n)
{
	return (struct range){16 + n * 16, 16 + n * 16 + 7};
}

static void set_place(struct runs *runs, uint64_t n, struct vad *vad)
{
	REQUIRE(runs_prepare(runs, 1));
	runs_set(runs, place_number(n), vad, vad ? ATTR_COMMITTED | PROT_READWRITE : ATTR_RESERVED);
}

/* A third of each node is in use, and of the inner nodes there are few. */
static bool is_compact(const struct runs *runs)
{
	return runs->nodes <= runs->count / MOST_SLOTS_PER_RUN + runs->height + 1;
}

static void a_million_runs_come_and_go(void **unused)
{
	struct runs runs;
	uint64_t start;

	(void)unused;
	REQUIRE(runs_init(&runs, (struct range){16, SPACE_END}));
	for (step = 0; step < MANY / 2; step++)
		set_place(&runs, step, vad_number(1));
	REQUIRE(runs_check(&runs) && is_compact(&runs));
	REQUIRE(runs.count == MANY);
	REQUIRE(runs_committed(&runs, runs.whole) == MANY / 2 * 7);
	REQUIRE(!runs_find_low(&runs, (struct range){16, 8 * MANY}, 10, 16, &start));
	REQUIRE(runs_find_low(&runs, runs.whole, 10, 16, &start) && start == 16 + 8 * MANY);

	for (step = 0; step < MANY / 2; step++) /* an order that jumps about */
		set_place(&runs, step * 314159 % (MANY / 2), step % 5 ? NULL : vad_number(1));
	REQUIRE(runs_check(&runs) && is_compact(&runs));
	REQUIRE(runs.count == MANY / 5);
	for (step = 0; step < MANY / 2; step++)
		set_place(&runs, MANY / 2 - 1 - step, NULL);
	REQUIRE(runs_check(&runs));
	REQUIRE(runs.count == 1 && runs.nodes == 1 && runs.height == 0);
	REQUIRE(runs.spare < 100);
	runs_destroy(&runs);
}

static void one_change_replaces_a_hundred_thousand(void **unused)
{
	struct runs runs;

	(void)unused;
	REQUIRE(runs_init(&runs, (struct range){16, SPACE_END}));
	for (step = 0; step < 100000; step++)
		set_place(&runs, draw(SPACE_END / 16 - 2), vad_number(1));
	REQUIRE(runs_check(&runs) && is_compact(&runs));
	runs_set(&runs, (struct range){17, SPACE_END - 1}, vad_number(2), ATTR_RESERVED);
	REQUIRE(runs_check(&runs));
	REQUIRE(runs.count <= 3 && runs.nodes == 1);
	REQUIRE(runs.spare < 200); /* what the host gave has gone back */
	runs_destroy(&runs);
}

/* Runs that come and go in a space that stays about as full do not let the tree decay. */
static void long_use_leaves_the_tree_compact(void **unused)
{
	enum { PLACES = 20000 };
	struct runs runs;

	(void)unused;
	REQUIRE(runs_init(&runs, (struct range){16, SPACE_END}));
	for (step = 0; step < 400000; step++)
		set_place(&runs, draw(PLACES), draw(2) ? vad_number(1 + draw(3)) : NULL);
	REQUIRE(runs_check(&runs) && is_compact(&runs));
	for (uint64_t n = 0; n < PLACES; n++)
		if (n % 100)
			set_place(&runs, n, NULL);
	REQUIRE(runs_check(&runs) && is_compact(&runs));
	runs_destroy(&runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_new_space_is_one_free_run, start_over),
		cmocka_unit_test_setup(a_space_of_one_page_works, start_over),
		cmocka_unit_test_setup(neighbours_merge_when_alike, start_over),
		cmocka_unit_test_setup(holes_begin_at_granules, start_over),
		cmocka_unit_test_setup(random_changes_follow_the_model, start_over),
		cmocka_unit_test_setup(large_changes_leave_no_empty_nodes, start_over),
		cmocka_unit_test_setup(the_reserve_serves_changes_that_cannot_prepare, start_over),
		cmocka_unit_test_setup(the_reserve_says_when_it_is_used_up, start_over),
		cmocka_unit_test_setup(prepared_changes_take_nothing_from_the_host, start_over),
		cmocka_unit_test_setup(without_memory_nothing_changes, start_over),
		cmocka_unit_test_setup(a_million_runs_come_and_go, start_over),
		cmocka_unit_test_setup(one_change_replaces_a_hundred_thousand, start_over),
		cmocka_unit_test_setup(long_use_leaves_the_tree_compact, start_over),
	};

	return cmocka_run_group_tests_name("runs", tests, NULL, NULL);
}
