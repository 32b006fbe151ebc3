/* SPDX-License-Identifier: MIT
 *
 * Sizes in words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sizes.h"

static void sizes_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} rows[] = {
		{"0", 0}, {"1", 1}, {"4096", 4096}, {"512K", 512 << 10}, {"4m", 4 << 20},
		{"1G", 1 << 30}, {"2T", UINT64_C(2) << 40}, {"0T", 0}, {"007k", 7 << 10},
		{"18446744073709551615", UINT64_MAX}, {"16777215T", UINT64_C(16777215) << 40},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t bytes;
		assert_true(size_parse(rows[i].text, &bytes));
		assert_int_equal(bytes, rows[i].bytes);
	}
}

static void other_texts_are_not(void **state)
{
	static const char *const rows[] = {"", "K", "-1", "+1", " 1", "1 ", "1KB", "1P", "1.5M", "0x10",
	                                   "18446744073709551616", "16777216T", "1,2"};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t bytes = 77;
		if (size_parse(rows[i], &bytes))
			fail_msg("'%s' is taken for a size", rows[i]);
		assert_int_equal(bytes, 77);
	}
}

static void front_of_a_list_is_read(void **state)
{
	uint64_t bytes;
	const char *rest = "2M,300,4k";
	(void)state;
	assert_true(size_read(rest, &bytes, &rest));
	assert_int_equal(bytes, 2 << 20);
	assert_string_equal(rest, ",300,4k");
	assert_true(size_read(rest + 1, &bytes, &rest));
	assert_int_equal(bytes, 300);
	assert_string_equal(rest, ",4k");
}

static void text_is_the_shortest(void **state)
{
	(void)state;
	assert_string_equal(size_text(0).text, "0");
	assert_string_equal(size_text(1023).text, "1023");
	assert_string_equal(size_text(1536 << 10).text, "1536K");
	assert_string_equal(size_text(4 << 20).text, "4M");
	assert_string_equal(size_text(UINT64_C(3) << 40).text, "3T");
	assert_string_equal(size_text(UINT64_C(5) << 50).text, "5120T");
	assert_string_equal(size_text(UINT64_MAX).text, "18446744073709551615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_read),
		cmocka_unit_test(other_texts_are_not),
		cmocka_unit_test(front_of_a_list_is_read),
		cmocka_unit_test(text_is_the_shortest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
