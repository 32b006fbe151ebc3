/* SPDX-License-Identifier: MIT
 *
 * Paging files on the command line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "paging_files.h"

#define MB (UINT64_C(1) << 20)

static void the_default(void **state)
{
	struct paging_files files = paging_files_default();
	(void)state;
	assert_int_equal(files.count, 1);
	assert_int_equal(paging_files_initial(&files), 256 * MB);
	assert_string_equal(paging_files_text(&files).text, "256M");
	assert_true(paging_files_add(&files, "0"));
	assert_int_equal(files.count, 0);
	assert_string_equal(paging_files_text(&files).text, "0");
	assert_int_equal(paging_files_maximum(&files), 0);
}

static void several(void **state)
{
	struct paging_files files = paging_files_default();
	(void)state;
	assert_true(paging_files_add(&files, "1M:64M@/mnt/fast:1@2"));
	assert_true(paging_files_add(&files, "0:4M"));
	assert_true(paging_files_add(&files, "16M@."));
	assert_int_equal(files.count, 3);
	assert_int_equal(files.each[0].initial_bytes, MB);
	assert_int_equal(files.each[0].maximum_bytes, 64 * MB);
	assert_string_equal(files.each[0].path, "/mnt/fast:1@2");
	assert_null(files.each[1].path);
	assert_int_equal(files.each[1].initial_bytes, 0);
	assert_string_equal(files.each[2].path, ".");
	assert_int_equal(paging_files_initial(&files), 17 * MB);
	assert_int_equal(paging_files_maximum(&files), 84 * MB);
	assert_string_equal(paging_files_text(&files).text, "1M:64M, 0:4M, 16M");
}

static void refused(void **state)
{
	static const char *const wrong[] = {
		"", "x", "-1", "1M:", "1M:x", "1M@", "1M:2M@", "1M:2M:3M", "1M ", ":1M", "@/tmp",
	};
	struct paging_files files = paging_files_default();
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(paging_files_add(&files, wrong[i]));
	assert_int_equal(files.count, 1);
	for (int i = 0; i < NTMM_PAGING_FILES; i++)
		assert_true(paging_files_add(&files, "1T:16777215T"));
	assert_false(paging_files_add(&files, "1M"));
	assert_int_equal(files.count, NTMM_PAGING_FILES);
	assert_non_null(paging_files_text(&files).text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default),
		cmocka_unit_test(several),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
