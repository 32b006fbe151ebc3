/* SPDX-License-Identifier: MIT
 *
 * Sets of pages: against a plain array, and at its borders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "space/page_set.h"

#define FIRST UINT64_C(77)
#define PAGES UINT64_C(20000) /* four groups of 4096 and a piece */
#define END (FIRST + PAGES)

static bool member[PAGES];
static uint64_t chance = 1;

static uint64_t below(uint64_t n)
{
	chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (chance >> 33) % n;
}

static struct range any_range(void)
{
	uint64_t start = FIRST + below(PAGES);
	uint64_t most = below(4) ? 100 : PAGES;
	return (struct range){start, min_u64(END, start + 1 + below(most))};
}

/* All members of the range, as runs without gaps in between. */
static void compare(const struct page_set *set, struct range range)
{
	struct range rest = range, found;
	uint64_t page = range.start;
	while (page_set_find(set, rest, &found)) {
		assert_true(found.start < found.end && found.end <= range.end);
		for (; page < found.start; page++)
			assert_false(member[page - FIRST]);
		for (; page < found.end; page++)
			assert_true(member[page - FIRST]);
		rest.start = found.end;
	}
	for (; page < range.end; page++)
		assert_false(member[page - FIRST]);
}

static void same_as_an_array(void **state)
{
	struct page_set *set = page_set_create((struct range){FIRST, END});
	(void)state;
	for (int step = 0; step < 3000; step++) {
		struct range range = any_range();
		bool clears = below(3) == 0;
		for (uint64_t page = range.start; page < range.end; page++)
			member[page - FIRST] = !clears;
		if (clears)
			page_set_remove(set, range);
		else
			page_set_add_all(set, range);
		compare(set, any_range());
		assert_int_equal(page_set_has(set, range.start), !clears);
	}
	compare(set, (struct range){FIRST, END});
	page_set_drop(set);
}

static void first_and_last(void **state)
{
	struct range found, whole = {5, 5 + 3 * 4096}; /* groups end with the range */
	struct page_set *set = page_set_create(whole);
	(void)state;
	assert_false(page_set_find(set, whole, &found));
	page_set_add(set, whole.end - 1);
	assert_true(page_set_find(set, whole, &found));
	assert_int_equal(found.start, whole.end - 1);
	assert_int_equal(found.end, whole.end);
	assert_false(page_set_find(set, (struct range){5, whole.end - 1}, &found));
	page_set_add(set, 5);
	assert_true(page_set_find(set, whole, &found));
	assert_int_equal(found.start, 5);
	assert_int_equal(found.end, 6);
	page_set_remove(set, whole);
	assert_false(page_set_find(set, whole, &found));
	assert_true(page_set_covers(set, whole));
	assert_false(page_set_covers(set, (struct range){4, 6}));
	page_set_drop(set);
}

static void shared_until_the_last(void **state)
{
	struct page_set *set = page_set_create((struct range){16, 32});
	(void)state;
	page_set_add(set, 20);
	assert_ptr_equal(page_set_share(set), set);
	page_set_drop(set);
	assert_true(page_set_has(set, 20));
	page_set_drop(set);
	page_set_drop(NULL);
}

/* 128 TB: what is not in it takes neither memory nor time. */
static void of_a_whole_address_space(void **state)
{
	struct range whole = {16, (UINT64_C(1) << 35) - 16}, found;
	struct page_set *set = page_set_create(whole);
	(void)state;
	assert_non_null(set);
	uint64_t pages[] = {16, UINT64_C(1) << 20, (UINT64_C(1) << 34) + 12345, whole.end - 1};
	for (int i = 3; i >= 0; i--)
		page_set_add(set, pages[i]);
	struct range rest = whole;
	for (int i = 0; i < 4; i++) {
		assert_true(page_set_find(set, rest, &found));
		assert_int_equal(found.start, pages[i]);
		assert_int_equal(range_pages(found), 1);
		rest.start = found.end;
	}
	assert_false(rest.start < rest.end && page_set_find(set, rest, &found));
	page_set_remove(set, whole);
	assert_false(page_set_find(set, whole, &found));
	page_set_drop(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_an_array),
		cmocka_unit_test(first_and_last),
		cmocka_unit_test(shared_until_the_last),
		cmocka_unit_test(of_a_whole_address_space),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
