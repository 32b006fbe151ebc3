/* SPDX-License-Identifier: MIT
 *
 * Layouts (S1 to S8, AS-1 to AS-5, W9-1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "space/arena.h"

#define GB (UINT64_C(1) << 30)

static void limits(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint64_t minimum, maximum, highest;
		enum windows windows;
		bool wide, wide_system;
	} all[NTMM_LAYOUTS] = {
		{"nt32-2gb", 0x10000, 0x7FFEFFFF, 0x7FFDFFFF, WINDOWS_NT, false, false},
		{"nt32-3gb", 0x10000, 0xBFFEFFFF, 0xBFFDFFFF, WINDOWS_NT, false, false},
		{"wow64-4gb", 0x10000, 0xFFFEFFFF, 0xFFFEFFFF, WINDOWS_NT, false, true},
		{"nt64-8tb", 0x10000, 0x7FFFFFEFFFF, 0x7FFFFFEFFFF, WINDOWS_NT, true, true},
		{"nt64-128tb", 0x10000, 0x7FFFFFFEFFFF, 0x7FFFFFFEFFFF, WINDOWS_NT, true, true},
		{"win9x", 0x400000, 0x7FFFFFFF, 0x7FFFFFFF, WINDOWS_98, false, false},
	};
	for (int i = 0; i < NTMM_LAYOUTS; i++) {
		const struct layout *layout = layout_of((ntmm_layout)i);
		assert_string_equal(layout->name, all[i].name);
		assert_int_equal(layout->minimum, all[i].minimum);
		assert_int_equal(layout->maximum, all[i].maximum);
		assert_int_equal(layout->highest, all[i].highest);
		assert_int_equal(layout->windows, all[i].windows);
		assert_int_equal(layout->wide, all[i].wide);
		assert_int_equal(layout->wide_system, all[i].wide_system);
	}
	assert_null(layout_of(NTMM_LAYOUTS));
	assert_null(layout_of((ntmm_layout)-1));
}

/* W9-1, S8b, S8d, S8e. */
static void nines(void **state)
{
	(void)state;
	const struct layout *layout = layout_of(NTMM_LAYOUT_WIN9X), *old = layout_of_95();
	const struct layout *arena = layout_of_arena();
	assert_int_equal(layout->system_start, 0x10000);
	assert_int_equal(layout->system_end, layout->minimum);
	assert_int_equal(old->windows, WINDOWS_95);
	assert_int_equal(old->maximum, layout->maximum);
	assert_int_equal(arena->minimum, layout->maximum + 1);
	assert_int_equal(arena->highest, 3 * GB - 1);
	assert_int_equal(arena->maximum, 4 * GB - 1);
	assert_true(layout_is_9x(layout) && layout_is_9x(old) && layout_is_9x(arena));
	assert_false(layout_is_9x(layout_of(NTMM_LAYOUT_NT32_2GB)));
}

/* EX-5: what a pointer can hold. */
static void canonical(void **state)
{
	(void)state;
	const struct layout *narrow = layout_of(NTMM_LAYOUT_WIN9X);
	const struct layout *wide = layout_of(NTMM_LAYOUT_NT64_128TB);
	assert_true(layout_is_canonical(narrow, 4 * GB - 1));
	assert_false(layout_is_canonical(narrow, 4 * GB));
	assert_true(layout_is_canonical(wide, UINT64_C(0x7FFFFFFFFFFF)));
	assert_false(layout_is_canonical(wide, UINT64_C(0x800000000000)));
	assert_true(layout_is_canonical(wide, UINT64_C(0xFFFF800000000000)));
}

/* Whose an address is. */
static void at_addresses(void **state)
{
	(void)state;
	struct space shared = {.layout = layout_of_arena()};
	struct space own = {.layout = layout_of(NTMM_LAYOUT_WIN9X), .shared = &shared};
	struct space alone = {.layout = layout_of(NTMM_LAYOUT_NT64_128TB)};
	assert_ptr_equal(space_at(&own, 2 * GB - 1), &own);
	assert_ptr_equal(space_at(&own, 2 * GB), &shared);
	assert_ptr_equal(space_at(&own, UINT64_MAX), &shared);
	assert_ptr_equal(space_at(&alone, 2 * GB), &alone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),
		cmocka_unit_test(nines),
		cmocka_unit_test(canonical),
		cmocka_unit_test(at_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
