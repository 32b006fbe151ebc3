/* SPDX-License-Identifier: MIT
 *
 * Lists and ranges of RAM sizes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ram_list.h"
#include "sizes.h"

static struct ram_list list;

/* The sizes of `text` are those of `expected`, in KB. */
static void expect(const char *text, const uint64_t *expected, size_t count)
{
	if (!ram_list_parse(text, &list))
		fail_msg("'%s' is refused", text);
	assert_int_equal(list.count, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(list.bytes[i], expected[i] * 1024);
}

#define EXPECT(text, ...) \
	do { \
		const uint64_t expected[] = {__VA_ARGS__}; \
		expect(text, expected, sizeof expected / sizeof *expected); \
	} while (0)

static void sizes(void **state)
{
	(void)state;
	EXPECT("1M", 1024);
	EXPECT("1M,64K,2048", 1024, 64, 2);
}

static void ranges(void **state)
{
	(void)state;
	EXPECT("1M-8M", 1024, 2048, 4096, 8192);
	EXPECT("1M-7M", 1024, 2048, 4096);
	EXPECT("1M-1M", 1024);
	EXPECT("1M-3M+512K", 1024, 1536, 2048, 2560, 3072);
	EXPECT("1M-3M+1536K", 1024, 2560);
	EXPECT("1M-2M+16M,8K,1K-2K", 1024, 8, 1, 2);
}

/* The end of the number range does not make it begin again. */
static void ends_at_64_bits(void **state)
{
	(void)state;
	assert_true(ram_list_parse("12297829382473034410-18446744073709551615", &list));
	assert_int_equal(list.count, 1);
	assert_true(ram_list_parse("1-18446744073709551615", &list));
	assert_int_equal(list.count, 64);
}

static void refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"", "x", "0", "1M,", ",1M", "1M,,2M", "1M-", "-1M", "2M-1M", "0-1M", "1M-2M+", "1M-2M+0",
		"1M-2M-3M", "1M+1M", "1M-2M+1M+1M", "1M-2Q", "1-2000+1", "1M-2M ", " 1M",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (ram_list_parse(texts[i], &list))
			fail_msg("'%s' is taken", texts[i]);
	assert_true(ram_list_parse("1-1000+1", &list));
	assert_int_equal(list.count, RAM_LIST_MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(ranges),
		cmocka_unit_test(ends_at_64_bits),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
