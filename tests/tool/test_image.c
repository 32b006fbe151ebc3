/* SPDX-License-Identifier: MIT
 *
 * Rows of `ntmm image`: what is shared alike is one row, and the frames are counted (S30, S32).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image.h"

#define PAGES 6

static struct images three(struct image *image, struct image_page *pages)
{
	memset(pages, 0, PAGES * sizeof *pages);
	for (unsigned page = 0; page < PAGES; page++) {
		pages[page].state = MEM_COMMIT;
		pages[page].protect = PAGE_READONLY;
		for (unsigned n = 0; n < 3; n++)
			pages[page].frame[n] = 100 + page;
	}
	*image = (struct image){.count = PAGES, .pages = pages};
	return (struct images){.processes = 3, .list = image, .count = 1};
}

static void alike(void **unused)
{
	struct image_page pages[PAGES];
	struct image image;
	struct images images = three(&image, pages);
	(void)unused;
	struct image_row row = image_row_at(&images, &image, 0);
	assert_int_equal(row.count, PAGES);
	assert_int_equal(row.frames, PAGES);
	assert_string_equal(row.shared, "1+2+3");
	assert_int_equal(image_row_at(&images, &image, 2).count, PAGES - 2);
}

static void apart(void **unused)
{
	struct image_page pages[PAGES];
	struct image image;
	struct images images = three(&image, pages);
	(void)unused;
	pages[1].frame[0] = 7;
	pages[2].frame[0] = 8;
	pages[3].frame[1] = 9;
	pages[4].frame[0] = 10, pages[4].frame[1] = 11;
	struct image_row row = image_row_at(&images, &image, 1);
	assert_int_equal(row.count, 2);
	assert_int_equal(row.frames, 4);
	assert_string_equal(row.shared, "1 | 2+3");
	assert_string_equal(image_row_at(&images, &image, 3).shared, "1+3 | 2");
	assert_string_equal(image_row_at(&images, &image, 4).shared, "1 | 2 | 3");
	pages[2].protect = PAGE_READWRITE;
	assert_int_equal(image_row_at(&images, &image, 1).count, 1);
}

static void nothing_there(void **unused)
{
	struct image_page pages[PAGES];
	struct image image;
	struct images images = three(&image, pages);
	(void)unused;
	for (unsigned n = 0; n < 3; n++)
		pages[5].frame[n] = NO_FRAME;
	pages[4].frame[1] = NO_FRAME;
	struct image_row row = image_row_at(&images, &image, 5);
	assert_int_equal(row.frames, 0);
	assert_string_equal(row.shared, "");
	assert_string_equal(image_row_at(&images, &image, 4).shared, "1+3");
	assert_int_equal(image_row_at(&images, &image, 0).count, 4);
}

/* All 16 processes apart: the text has room. */
static void longest(void **unused)
{
	struct image_page pages[PAGES];
	struct image image;
	struct images images = three(&image, pages);
	(void)unused;
	images.processes = IMAGE_PROCESSES;
	for (unsigned n = 0; n < IMAGE_PROCESSES; n++)
		pages[0].frame[n] = n;
	struct image_row row = image_row_at(&images, &image, 0);
	assert_int_equal(row.frames, IMAGE_PROCESSES);
	assert_true(strlen(row.shared) < sizeof row.shared);
	assert_string_equal(row.shared + strlen(row.shared) - 5, " | 16");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alike),
		cmocka_unit_test(apart),
		cmocka_unit_test(nothing_there),
		cmocka_unit_test(longest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
