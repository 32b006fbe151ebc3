/* SPDX-License-Identifier: MIT
 *
 * NtGetWriteWatch and NtResetWriteWatch over an engine that does nothing: what they ask of it, and
 * what becomes of the record.
 */
#include "null_engine.h"

#define PAGE UINT64_C(0x1000)

static struct page_set *record_of(uint64_t address)
{
	return vad_watch(space_run(&null->space, address).vad);
}

static NTSTATUS get(uint32_t flags, uint64_t pages, uint64_t *addresses, uint64_t *count)
{
	uint32_t granularity;
	return NtGetWriteWatch(process, flags, PLACE, pages * PAGE, addresses, count, &granularity);
}

static void a_record_only_if_asked_for(void **state) /* WW-1 */
{
	(void)state;
	assert_ok(alloc(PLACE, K64, MEM_RESERVE | MEM_WRITE_WATCH, PAGE_NOACCESS));
	assert_ok(alloc(PLACE + K64, K64, RC, PAGE_READWRITE));
	assert_non_null(record_of(PLACE));
	assert_null(record_of(PLACE + K64));
	assert_ok(release(PLACE, 0));
	assert_ok(alloc(PLACE, K64, MEM_RESERVE, PAGE_NOACCESS));
	assert_null(record_of(PLACE));
}

static void rearmed_up_to_the_last_returned(void **state) /* WW-7, WW-12 */
{
	uint64_t addresses[2], count = 2;
	(void)state;
	assert_ok(alloc(PLACE, K64, RC | MEM_WRITE_WATCH, PAGE_READWRITE));
	struct page_set *watch = record_of(PLACE);
	for (uint64_t i = 3; i < 9; i += 2)
		page_set_add(watch, page_of(PLACE) + i);
	null_forget();
	assert_ok(get(0, 16, addresses, &count));
	assert_int_equal(count, 2);
	assert_int_equal(null_calls(OP_REARM), 0); /* nothing is reset */
	assert_ok(get(WRITE_WATCH_FLAG_RESET, 16, addresses, &count));
	assert_int_equal(count, 2);
	assert_int_equal(addresses[0], PLACE + 3 * PAGE);
	assert_int_equal(addresses[1], PLACE + 5 * PAGE);
	assert_int_equal(null_calls(OP_REARM), 1);
	assert_int_equal(null_call(OP_REARM, 0)->range.start, page_of(PLACE));
	assert_int_equal(null_call(OP_REARM, 0)->range.end, page_of(PLACE) + 6);
	assert_false(page_set_has(watch, page_of(PLACE) + 5));
	assert_true(page_set_has(watch, page_of(PLACE) + 7));
}

static void nothing_to_reset(void **state)
{
	uint64_t addresses[2], count = 2;
	(void)state;
	assert_ok(alloc(PLACE, K64, RC | MEM_WRITE_WATCH, PAGE_READWRITE));
	null_forget();
	assert_ok(get(WRITE_WATCH_FLAG_RESET, 16, addresses, &count));
	assert_int_equal(count, 0);
	assert_ok(NtResetWriteWatch(process, PLACE, K64));
	assert_int_equal(null_calls(OP_REARM), 0);
}

static void locked_pages_are_marked(void **state) /* VL-12 */
{
	uint64_t base = PLACE + PAGE, size = 2 * PAGE;
	(void)state;
	assert_ok(alloc(PLACE, K64, RC | MEM_WRITE_WATCH, PAGE_READWRITE));
	null->answer = STATUS_WORKING_SET_QUOTA;
	assert_status(NtLockVirtualMemory(process, &base, &size, MAP_PROCESS),
	              STATUS_WORKING_SET_QUOTA);
	assert_false(page_set_has(record_of(PLACE), page_of(PLACE) + 1));
	null->answer = STATUS_WAS_LOCKED;
	assert_status(NtLockVirtualMemory(process, &base, &size, MAP_PROCESS), STATUS_WAS_LOCKED);
	assert_false(page_set_has(record_of(PLACE), page_of(PLACE)));
	assert_true(page_set_has(record_of(PLACE), page_of(PLACE) + 1));
	assert_true(page_set_has(record_of(PLACE), page_of(PLACE) + 2));
	assert_false(page_set_has(record_of(PLACE), page_of(PLACE) + 3));
}

static void bad_handle_after_the_arguments(void **state) /* G-6 */
{
	uint64_t address, count = 1;
	uint32_t granularity;
	(void)state;
	assert_status(NtGetWriteWatch(NULL, 2, PLACE, 1, &address, &count, &granularity),
	              STATUS_INVALID_PARAMETER_2);
	assert_status(NtGetWriteWatch(NULL, 0, PLACE, 0, &address, &count, &granularity),
	              STATUS_INVALID_PARAMETER_4);
	assert_status(NtGetWriteWatch(NULL, 0, PLACE, 1, NULL, &count, &granularity),
	              STATUS_ACCESS_VIOLATION);
	assert_status(NtGetWriteWatch(NULL, 0, PLACE, 1, &address, &count, &granularity),
	              STATUS_INVALID_HANDLE);
	assert_status(NtResetWriteWatch(NULL, PLACE, 0), STATUS_INVALID_PARAMETER_4);
	assert_status(NtResetWriteWatch(NULL, PLACE, 1), STATUS_INVALID_HANDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NULL_TEST(a_record_only_if_asked_for),
		NULL_TEST(rearmed_up_to_the_last_returned),
		NULL_TEST(nothing_to_reset),
		NULL_TEST(locked_pages_are_marked),
		NULL_TEST(bad_handle_after_the_arguments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
