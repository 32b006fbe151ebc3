/* SPDX-License-Identifier: MIT
 *
 * The map of free pages of a store (PG-62), against an array of flags.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "machine/store/slots.h"

static uint64_t random_word(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static struct slots slots_of(uint32_t count, uint32_t most)
{
	struct slots slots;
	assert_true(slots_init(&slots, count, most));
	return slots;
}

/* Every page once, in a row, none of them 0; then no more. */
static void each_page_once(void **state)
{
	static const uint32_t sizes[] = {1, 2, 62, 63, 64, 65, 4094, 4095, 4096, 4097, 300000};
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct slots slots = slots_of(sizes[i], sizes[i]);
		uint32_t page, taken = 0, count;
		while ((count = slots_take(&slots, 7, &page))) {
			assert_int_equal(page, taken + 1);
			taken += count;
		}
		assert_int_equal(taken, sizes[i]);
		assert_int_equal(slots_left(&slots), 0);
		assert_false(slots_is_taken(&slots, 0));
		assert_false(slots_is_taken(&slots, taken + 1));
		slots_destroy(&slots);
	}
}

struct model {
	struct slots slots;
	uint8_t *held; /* 1: taken, 2: lost */
	uint32_t used, bad;
	uint64_t chance;
};

static void take(struct model *m)
{
	uint32_t wanted = 1 + (uint32_t)(random_word(&m->chance) % 20), first = 0;
	uint32_t count = slots_take(&m->slots, wanted, &first);
	assert_true(count <= wanted);
	assert_int_equal(count == 0, m->used + m->bad == m->slots.count);
	for (uint32_t i = 0; i < count; i++) {
		assert_in_range(first + i, 1, m->slots.count);
		assert_int_equal(m->held[first + i], 0);
		m->held[first + i] = 1;
	}
	m->used += count;
}

static void give(struct model *m, bool lose)
{
	uint32_t page = 1 + (uint32_t)(random_word(&m->chance) % m->slots.count);
	if (m->held[page] != 1)
		return;
	m->used--;
	m->bad += lose;
	m->held[page] = lose ? 2 : 0;
	(lose ? slots_lose : slots_free)(&m->slots, page);
}

/* Taken, freed, lost and grown in any order. */
static void against_a_model(void **state)
{
	static const uint32_t sizes[] = {1, 63, 64, 130, 4096, 5000};
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct model m = {.slots = slots_of(sizes[i] / 2 + 1, sizes[i]),
		                  .held = calloc(sizes[i] + 1, 1),
		                  .chance = i};
		for (int step = 0; step < 60000; step++) {
			uint64_t r = random_word(&m.chance) % 1000;
			if (r < 100)
				take(&m);
			else
				give(&m, r == 999 && m.bad < sizes[i] / 3);
			if (r == 998 && m.slots.count < m.slots.most)
				m.slots.count++;
			assert_int_equal(m.slots.used, m.used);
			assert_int_equal(m.slots.bad, m.bad);
		}
		free(m.held);
		slots_destroy(&m.slots);
	}
}

/* What is in a row is preferred to what comes next, if it is near. */
static void a_stretch_that_is_long_enough(void **state)
{
	(void)state;
	struct slots slots = slots_of(100, 100);
	uint32_t page;
	assert_int_equal(slots_take(&slots, 100, &page), 100);
	for (uint32_t i = 1; i <= 20; i += 2)
		slots_free(&slots, i);
	for (uint32_t i = 50; i < 66; i++)
		slots_free(&slots, i);
	assert_int_equal(slots_take(&slots, 16, &page), 16);
	assert_int_equal(page, 50);
	assert_int_equal(slots_take(&slots, 16, &page), 1); /* the best there is */
	slots_destroy(&slots);
}

/* The one free page of a large store is found in no time: a search page by page, or word by word, would
 * take minutes. */
static void nearly_full(void **state)
{
	enum { PAGES = 1 << 24, STEPS = 1000000 };
	struct slots slots = slots_of(PAGES, PAGES);
	uint64_t chance = 1;
	uint32_t page;
	(void)state;
	alarm(60);
	assert_int_equal(slots_take(&slots, PAGES, &page), PAGES);
	for (int i = 0; i < STEPS; i++) {
		uint32_t given = 1 + (uint32_t)(random_word(&chance) % PAGES);
		slots_free(&slots, given);
		assert_int_equal(slots_take(&slots, 16, &page), 1);
		assert_int_equal(page, given);
	}
	alarm(0);
	slots_destroy(&slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_page_once),
		cmocka_unit_test(against_a_model),
		cmocka_unit_test(a_stretch_that_is_long_enough),
		cmocka_unit_test(nearly_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
