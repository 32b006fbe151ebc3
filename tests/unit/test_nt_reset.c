/* SPDX-License-Identifier: MIT
 *
 * MEM_RESET and MEM_RESET_UNDO (VA-60 to VA-69).
 */
#include "null_engine.h"

static NTSTATUS reset(uint64_t base, uint64_t size)
{
	return alloc(base, size, MEM_RESET, PAGE_NOACCESS);
}

static void range_lies_in_one_allocation(void **state) /* VA-62, SV-16 */
{
	(void)state;
	assert_status(reset(PLACE, 0x1000), STATUS_CONFLICTING_ADDRESSES);
	assert_status(reset(0, 0x1000), STATUS_CONFLICTING_ADDRESSES);
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE));
	assert_ok(alloc(PLACE + K64, K64, RC, PAGE_READWRITE));
	assert_status(reset(PLACE + 0xF000, 0x2000), STATUS_CONFLICTING_ADDRESSES);
	/* judged with the pages touched in part */
	assert_status(reset(PLACE + 0xF000, 0x1001), STATUS_CONFLICTING_ADDRESSES);
	assert_int_equal(null_calls(OP_RESET), 0);
}

static void whole_pages_only(void **state) /* VA-60 */
{
	uint64_t base = PLACE + 1, size = 0x2FFE;
	(void)state;
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE));
	null_forget();
	assert_ok(NtAllocateVirtualMemory(process, &base, 0, &size, MEM_RESET, PAGE_READWRITE));
	assert_int_equal(base, PLACE);
	assert_int_equal(size, 0x3000);
	assert_int_equal(null_calls(OP_RESET), 1);
	assert_int_equal(null_call(OP_RESET, 0)->range.start, page_of(PLACE) + 1);
	assert_int_equal(null_call(OP_RESET, 0)->range.end, page_of(PLACE) + 2);
	assert_ok(reset(PLACE + 1, 0xFFF));
	assert_ok(reset(PLACE + 1, 0x1FFE));
	assert_ok(reset(PLACE + 0x800, 1));
	assert_int_equal(null_calls(OP_RESET), 1);
	assert_int_equal(null_calls(OP_NOTE), 0);
}

static void state_stays(void **state) /* VA-61, VA-63, VA-65, SV-14, SV-15 */
{
	(void)state;
	assert_ok(alloc(PLACE, K64, MEM_RESERVE, PAGE_READONLY));
	assert_ok(alloc(PLACE, 0x1000, MEM_COMMIT, PAGE_READWRITE));
	assert_ok(alloc(PLACE + 0x2000, 0x1000, MEM_COMMIT, PAGE_EXECUTE));
	uint64_t total = null_ledger.total;
	null_forget();
	assert_ok(reset(PLACE, K64));
	assert_int_equal(null_calls(OP_RESET), 2);
	assert_int_equal(null_calls(OP_PROTECT), 0);
	assert_int_equal(null_ledger.total, total);
	assert_region(PLACE, MEM_COMMIT, PAGE_READWRITE, 0x1000);
	assert_region(PLACE + 0x1000, MEM_RESERVE, 0, 0x1000);
	assert_region(PLACE + 0x3000, MEM_RESERVE, 0, 0xD000);
}

static void undo(void **state) /* VA-69 */
{
	(void)state;
	assert_ok(alloc(PLACE, K64, MEM_RESERVE, PAGE_READONLY));
	assert_ok(alloc(PLACE + 0x1000, 0x1000, MEM_COMMIT, PAGE_READWRITE));
	assert_ok(alloc(PLACE, K64, MEM_RESET_UNDO, PAGE_NOACCESS));
	assert_int_equal(null_calls(OP_RESET_UNDO), 1);
	null->lossy = true;
	assert_status(alloc(PLACE, K64, MEM_RESET_UNDO, PAGE_NOACCESS),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_region(PLACE + 0x1000, MEM_COMMIT, PAGE_READWRITE, 0x1000);
	/* nothing there to lose */
	assert_ok(alloc(PLACE + 0x3000, 0x1000, MEM_RESET_UNDO, PAGE_NOACCESS));
}

static void offered_pages_are_passed_over(void **state)
{
	(void)state;
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE));
	assert_ok(nt_offer(process, PLACE, 0x1000, 4));
	assert_ok(reset(PLACE, 0x2000));
	assert_int_equal(null_calls(OP_RESET), 1);
	assert_int_equal(null_call(OP_RESET, 0)->range.start, page_of(PLACE) + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NULL_TEST(range_lies_in_one_allocation),
		NULL_TEST(whole_pages_only),
		NULL_TEST(state_stays),
		NULL_TEST(undo),
		NULL_TEST(offered_pages_are_passed_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
