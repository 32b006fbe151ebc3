/* SPDX-License-Identifier: MIT
 *
 * What is kept for each page: the index, the pages touched, the bytes stored.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "page_index.h"
#include "shadow.h"
#include "touched.h"

/* Pages that lie close together, far apart, and at both ends. */
static uint64_t page_number(uint64_t i)
{
	return i % 3 == 0 ? i : i % 3 == 1 ? UINT64_MAX / 4096 - i : i * UINT64_C(0x123456789);
}

static void index_keeps_each_page(void **state)
{
	struct page_index index = {0};
	(void)state;
	for (uint64_t i = 0; i < 10000; i++)
		page_index_at(&index, page_number(i))->value = (void *)(uintptr_t)(i + 1);
	assert_int_equal(index.count, 10000);
	for (uint64_t i = 0; i < 10000; i++)
		assert_int_equal((uintptr_t)page_index_at(&index, page_number(i))->value, i + 1);
	assert_int_equal(index.count, 10000);
	size_t cursor = 0, seen = 0;
	const struct page_entry *entry;
	while ((entry = page_index_next(&index, &cursor))) {
		assert_int_equal(entry->page, page_number((uintptr_t)entry->value - 1));
		seen++;
	}
	assert_int_equal(seen, 10000);
	page_index_end(&index);
}

static void touched_pages_count_once(void **state)
{
	static struct touched touched;
	(void)state;
	for (int round = 0; round < 3; round++)
		for (uint64_t i = 0; i < 5000; i++)
			assert_true(touched_note(&touched, page_number(i)));
	assert_int_equal(touched_count(&touched), 5000);
	touched_end(&touched);
}

static void page_0_is_a_page(void **state)
{
	static struct touched touched;
	(void)state;
	assert_true(touched_note(&touched, 0));
	assert_int_equal(touched_count(&touched), 1);
	touched_end(&touched);
}

static void shadow_keeps_bytes(void **state)
{
	struct shadow *shadow = shadow_create();
	static const unsigned char zeros[SHADOW_PAGE_BYTES];
	(void)state;
	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t address = page_number(i) * SHADOW_PAGE_BYTES;
		unsigned char *bytes = shadow_bytes(shadow, address);
		assert_memory_equal(bytes, zeros, sizeof zeros);
		assert_ptr_equal(shadow_bytes(shadow, address + 5), bytes + 5);
		memcpy(bytes + 4088, &address, sizeof address);
	}
	size_t cursor = 0, seen = 0;
	uint64_t address;
	const unsigned char *bytes;
	while ((bytes = shadow_next_page(shadow, &cursor, &address))) {
		assert_memory_equal(bytes, zeros, 4088);
		assert_memory_equal(bytes + 4088, &address, sizeof address);
		seen++;
	}
	assert_int_equal(seen, 3000);
	shadow_destroy(shadow);
	shadow_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_keeps_each_page),
		cmocka_unit_test(touched_pages_count_once),
		cmocka_unit_test(page_0_is_a_page),
		cmocka_unit_test(shadow_keeps_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
