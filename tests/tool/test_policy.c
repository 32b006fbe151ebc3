/* SPDX-License-Identifier: MIT
 *
 * LRU and the optimum: textbook strings, strings done by hand, and all choices tried out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy.h"

#define MOST 16

/* Each letter is a touch of the page of that name: a capital stores to it. Digits store too. */
static struct reference_string string_of(const char *text)
{
	struct reference_string string;
	assert_true(reference_string_begin(&string, 1));
	for (; *text; text++) {
		bool small = *text >= 'a' && *text <= 'z';
		assert_true(reference_string_add(&string, 0, small ? *text - 'a' + 'A' : *text, !small));
	}
	return string;
}

static void expect(const char *text, uint64_t frames, uint64_t lru, uint64_t opt)
{
	struct reference_string string = string_of(text);
	uint64_t found;
	assert_true(policy_lru(&string, frames, &found));
	if (found != lru)
		fail_msg("%s, %ju frames: LRU %ju instead of %ju", text, (uintmax_t)frames, (uintmax_t)found,
		         (uintmax_t)lru);
	assert_true(policy_opt(&string, frames, &found));
	if (found != opt)
		fail_msg("%s, %ju frames: optimum %ju instead of %ju", text, (uintmax_t)frames,
		         (uintmax_t)found, (uintmax_t)opt);
	reference_string_end(&string);
}

/* ---- strings ---------------------------------------------------------------------------------- */

static void runs_of_a_page_are_one_touch(void **state)
{
	struct reference_string string = string_of("aaAabB");
	(void)state;
	assert_int_equal(string.count, 2);
	assert_int_equal(string.pages, 2);
	assert_int_equal(touch_page(string.touches[0]), 0);
	assert_true(touch_stores(string.touches[0]));
	assert_int_equal(touch_page(string.touches[1]), 1);
	assert_true(touch_stores(string.touches[1]));
	reference_string_end(&string);
}

static void processes_have_their_own_pages(void **state)
{
	struct reference_string string;
	(void)state;
	assert_true(reference_string_begin(&string, 2));
	for (size_t process = 0; process < 2; process++)
		for (uint64_t page = 0; page < 50000; page++)
			assert_true(reference_string_add(&string, process, page, process));
	assert_int_equal(string.count, 100000);
	assert_int_equal(string.pages, 100000);
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(string.touches[i], 2 * i + (i >= 50000));
	reference_string_end(&string);
}

static void nothing_is_touched(void **state)
{
	(void)state;
	expect("", 1, 0, 0);
}

/* ---- page-ins --------------------------------------------------------------------------------- */

/* Belady's string: with 3 frames LRU has 10 faults and the optimum 7, with 4 frames 8 and 6; the first
 * 5 faults of each are first touches. */
static void belady(void **state)
{
	(void)state;
	expect("123412512345", 1, 7, 7);
	expect("123412512345", 2, 7, 4);
	expect("123412512345", 3, 5, 2);
	expect("123412512345", 4, 3, 1);
	expect("123412512345", 5, 0, 0);
	expect("123412512345", 100, 0, 0);
}

/* The other string of textbooks: 12 and 9 faults with 3 frames, 6 of them first touches. */
static void silberschatz(void **state)
{
	(void)state;
	expect("70120304230321201701", 3, 6, 3);
}

/* LRU loses every page of a loop that is one page too long. */
static void loop(void **state)
{
	(void)state;
	expect("123412341234", 3, 8, 2); /* 3, 2 and 1 are evicted; 3 and 2 come back */
}

static void pages_never_stored_to_cost_nothing(void **state)
{
	(void)state;
	expect("abcabcabc", 2, 0, 0);
	expect("abcAbca", 2, 1, 0); /* A is stored to the second time, and lost to c only by LRU */
	expect("abcAa", 2, 0, 0);
	/* The optimum gives up the pages that cost nothing, although they are touched sooner. */
	expect("AbcbcA", 2, 1, 0);
	expect("ABcABcAB", 3, 0, 0);
	expect("ABcdABcdAB", 3, 4, 0);
}

/* ---- all choices ------------------------------------------------------------------------------- */

struct search {
	const struct reference_string *string;
	uint64_t frames;
};

static unsigned count_bits(unsigned set)
{
	return (unsigned)__builtin_popcount(set);
}

/* The fewest page-ins from the i-th touch on, whatever is evicted. The sets have a bit for each page. */
static uint64_t fewest(const struct search *search, size_t i, unsigned resident, unsigned stored)
{
	if (i == search->string->count)
		return 0;
	unsigned bit = 1u << touch_page(search->string->touches[i]);
	unsigned after = touch_stores(search->string->touches[i]) ? stored | bit : stored;
	if (resident & bit)
		return fewest(search, i + 1, resident, after);
	uint64_t cost = (stored & bit) != 0, best = UINT64_MAX;
	if (count_bits(resident) < search->frames)
		return cost + fewest(search, i + 1, resident | bit, after);
	for (unsigned victim = 1; victim <= resident; victim <<= 1) {
		if (!(resident & victim))
			continue;
		uint64_t then = cost + fewest(search, i + 1, (resident & ~victim) | bit, after);
		best = then < best ? then : best;
	}
	return best;
}

static void optimum_is_the_fewest(void **state)
{
	uint64_t seed = 1;
	(void)state;
	for (int round = 0; round < 3000; round++) {
		char text[MOST + 1] = "";
		for (size_t i = 0; i < 12; i++) {
			seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			text[i] = (char)((seed >> 40 & 3 ? 'a' : 'A') + (seed >> 50) % 5);
		}
		struct reference_string string = string_of(text);
		for (uint64_t frames = 1; frames <= 4; frames++) {
			uint64_t opt, lru;
			assert_true(policy_opt(&string, frames, &opt));
			assert_true(policy_lru(&string, frames, &lru));
			uint64_t least = fewest(&(struct search){&string, frames}, 0, 0, 0);
			if (opt != least || lru < least)
				fail_msg("%s, %ju frames: optimum %ju, LRU %ju, the fewest are %ju", text,
				         (uintmax_t)frames, (uintmax_t)opt, (uintmax_t)lru, (uintmax_t)least);
		}
		reference_string_end(&string);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_of_a_page_are_one_touch),
		cmocka_unit_test(processes_have_their_own_pages),
		cmocka_unit_test(nothing_is_touched),
		cmocka_unit_test(belady),
		cmocka_unit_test(silberschatz),
		cmocka_unit_test(loop),
		cmocka_unit_test(pages_never_stored_to_cost_nothing),
		cmocka_unit_test(optimum_is_the_fewest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
