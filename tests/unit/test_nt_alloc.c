/* SPDX-License-Identifier: MIT
 *
 * NtAllocateVirtualMemory: argument checks and their order, places, commit (rules VA, AS-5).
 */
#include "null_engine.h"

#define HIGHEST UINT64_C(0x7FFFFFFEFFFF)
#define SHARED_PAGE UINT64_C(0x7FFE0000)

struct row {
	uint32_t type, protect;
	NTSTATUS status;
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		NTSTATUS status = alloc(PLACE, 0x1000, rows[i].type, rows[i].protect);
		if (status != rows[i].status)
			fail_msg("type %#x protect %#x: %#x", rows[i].type, rows[i].protect,
			         status);
	}
	assert_int_equal(null_calls(OP_PROTECT), 0);
	assert_int_equal(query(PLACE).State, MEM_FREE);
}

static void types_are_checked(void **state) /* VA-3 to VA-9 */
{
	static const struct row rows[] = {
		{RC | MEM_DECOMMIT, PAGE_READWRITE, STATUS_INVALID_PARAMETER},
		{RC | MEM_RELEASE, PAGE_READWRITE, STATUS_INVALID_PARAMETER},
		{RC | MEM_FREE, PAGE_READWRITE, STATUS_INVALID_PARAMETER},
		{RC | MEM_PRIVATE, PAGE_READWRITE, STATUS_INVALID_PARAMETER},
		{RC | MEM_MAPPED, PAGE_READWRITE, STATUS_INVALID_PARAMETER},
		{RC | MEM_ROTATE, PAGE_READWRITE, STATUS_INVALID_PARAMETER},
		{RC | 0x40000000, PAGE_READWRITE, STATUS_INVALID_PARAMETER},
		{RC | MEM_4MB_PAGES, PAGE_READWRITE, STATUS_INVALID_PARAMETER},
		{RC | 1, PAGE_READWRITE, STATUS_INVALID_PARAMETER},
		{0, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{MEM_TOP_DOWN, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{MEM_WRITE_WATCH, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{MEM_PHYSICAL, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{MEM_LARGE_PAGES, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{MEM_RESET | MEM_COMMIT, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{MEM_RESET | MEM_TOP_DOWN, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{MEM_RESET | MEM_RESET_UNDO, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{MEM_RESET_UNDO | MEM_RESERVE, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{MEM_RESERVE | MEM_LARGE_PAGES, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{RC | MEM_LARGE_PAGES | MEM_PHYSICAL, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{RC | MEM_LARGE_PAGES | MEM_WRITE_WATCH, PAGE_READWRITE,
		 STATUS_INVALID_PARAMETER_5},
		{MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{RC | MEM_PHYSICAL, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{MEM_RESERVE | MEM_PHYSICAL | MEM_WRITE_WATCH, PAGE_READWRITE,
		 STATUS_INVALID_PARAMETER_5},
		{MEM_RESERVE | MEM_PHYSICAL, PAGE_READONLY, STATUS_INVALID_PARAMETER_6},
	};
	(void)state;
	check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void protections_are_checked(void **state) /* VA-10, PR-1 to PR-6 */
{
	static const struct row rows[] = {
		{MEM_RESERVE, 0, STATUS_INVALID_PAGE_PROTECTION},
		{MEM_RESERVE, PAGE_GUARD, STATUS_INVALID_PAGE_PROTECTION},
		{RC, PAGE_READONLY | PAGE_READWRITE, STATUS_INVALID_PAGE_PROTECTION},
		{RC, PAGE_NOACCESS | PAGE_GUARD, STATUS_INVALID_PAGE_PROTECTION},
		{RC, PAGE_READWRITE | PAGE_NOCACHE | PAGE_WRITECOMBINE,
		 STATUS_INVALID_PAGE_PROTECTION},
		{RC, PAGE_READWRITE | 0x800, STATUS_INVALID_PAGE_PROTECTION},
		{MEM_RESET, 0, STATUS_INVALID_PAGE_PROTECTION},
		{RC, PAGE_READWRITE | PAGE_TARGETS_INVALID, STATUS_INVALID_PAGE_PROTECTION},
		{MEM_RESERVE, PAGE_EXECUTE_READ | PAGE_TARGETS_INVALID,
		 STATUS_INVALID_PAGE_PROTECTION},
		{RC, PAGE_WRITECOPY, STATUS_INVALID_PAGE_PROTECTION}, /* VA-17 */
		{MEM_RESERVE, PAGE_EXECUTE_WRITECOPY, STATUS_INVALID_PAGE_PROTECTION},
	};
	(void)state;
	check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void targets_invalid_is_not_kept(void **state) /* PR-6 */
{
	(void)state;
	assert_ok(alloc(PLACE, 0x1000, RC, PAGE_EXECUTE_READ | PAGE_TARGETS_INVALID));
	assert_region(PLACE, MEM_COMMIT, PAGE_EXECUTE_READ, 0x1000);
	assert_int_equal(query(PLACE).AllocationProtect, PAGE_EXECUTE_READ);
}

static void large_pages_need_a_privilege(void **state)
{
	static const struct row rows[] = {
		{RC | MEM_LARGE_PAGES, PAGE_READWRITE, STATUS_PRIVILEGE_NOT_HELD},
		{RC | MEM_LARGE_PAGES, 0, STATUS_INVALID_PAGE_PROTECTION}, /* arguments first */
	};
	(void)state;
	check_rows(rows, sizeof rows / sizeof rows[0]);
}

static void checks_come_in_order(void **state) /* G-6, VA-2 to VA-15 */
{
	uint64_t base = UINT64_MAX, size = 0;
	(void)state;
	assert_status(NtAllocateVirtualMemory(NULL, NULL, 22, NULL, 0, 0),
	              STATUS_INVALID_PARAMETER_3);
	assert_status(NtAllocateVirtualMemory(NULL, NULL, 0, NULL, 0, 0),
	              STATUS_INVALID_PARAMETER_5);
	assert_status(NtAllocateVirtualMemory(NULL, NULL, 0, NULL, RC, 0),
	              STATUS_INVALID_PAGE_PROTECTION);
	assert_status(NtAllocateVirtualMemory(NULL, NULL, 0, &size, RC, PAGE_READWRITE),
	              STATUS_ACCESS_VIOLATION);
	assert_status(NtAllocateVirtualMemory(NULL, &base, 0, (uint64_t *)8, RC, PAGE_READWRITE),
	              STATUS_ACCESS_VIOLATION);
	assert_status(NtAllocateVirtualMemory(NULL, &base, 0, &size, RC, PAGE_READWRITE),
	              STATUS_INVALID_PARAMETER_2);
	base = PLACE;
	assert_status(NtAllocateVirtualMemory(NULL, &base, 0, &size, RC, PAGE_READWRITE),
	              STATUS_INVALID_PARAMETER_4);
	size = 1;
	assert_status(NtAllocateVirtualMemory(NULL, &base, 0, &size, RC, PAGE_READWRITE),
	              STATUS_INVALID_HANDLE);
}

static void right_is_needed(void **state) /* G-3, G-4 */
{
	HANDLE weak;
	uint64_t base = 0, size = 1;
	(void)state;
	assert_ok(NtOpenProcess(&weak, PROCESS_ALL_ACCESS & ~PROCESS_VM_OPERATION,
	                        GetProcessId(process)));
	assert_status(NtAllocateVirtualMemory(weak, &base, 0, &size, RC, PAGE_READWRITE),
	              STATUS_ACCESS_DENIED);
	assert_ok(NtClose(weak));
}

static void places_are_checked(void **state) /* VA-12 to VA-14, VA-18, AS-5 */
{
	(void)state;
	assert_status(alloc(HIGHEST + 1, 1, RC, PAGE_READWRITE), STATUS_INVALID_PARAMETER_2);
	assert_status(alloc(UINT64_MAX, 1, RC, PAGE_READWRITE), STATUS_INVALID_PARAMETER_2);
	assert_status(alloc(HIGHEST, 2, RC, PAGE_READWRITE), STATUS_INVALID_PARAMETER_4);
	assert_status(alloc(PLACE, UINT64_MAX, RC, PAGE_READWRITE), STATUS_INVALID_PARAMETER_4);
	assert_status(alloc(0, HIGHEST + 2, RC, PAGE_READWRITE), STATUS_INVALID_PARAMETER_4);
	assert_status(alloc(0, 0, RC, PAGE_READWRITE), STATUS_INVALID_PARAMETER_4);
	assert_status(alloc(PLACE, 0, MEM_COMMIT, PAGE_READWRITE), STATUS_INVALID_PARAMETER_4);
	assert_status(alloc(0xF000, 0x1000, MEM_RESERVE, PAGE_READWRITE), STATUS_INVALID_PARAMETER);
	assert_status(alloc(0xF000, 0x1000, MEM_COMMIT, PAGE_READWRITE),
	              STATUS_CONFLICTING_ADDRESSES);
	/* VA-26 */
	assert_status(alloc(0, HIGHEST + 1, MEM_RESERVE, PAGE_READWRITE), STATUS_NO_MEMORY);
	assert_ok(alloc(HIGHEST, 1, RC, PAGE_READWRITE));
	assert_ok(release(HIGHEST + 1 - K64, 0));
}

static void granule_of_shared_page_is_kept(void **state) /* AS-4, AS-5 */
{
	(void)state;
	assert_status(alloc(SHARED_PAGE, 1, MEM_RESERVE, PAGE_READWRITE),
	              STATUS_INVALID_PARAMETER_2);
	assert_status(alloc(SHARED_PAGE, 1, MEM_COMMIT, PAGE_READONLY), STATUS_INVALID_PARAMETER_2);
	assert_status(alloc(SHARED_PAGE - 1, 2, MEM_RESERVE, PAGE_READWRITE),
	              STATUS_INVALID_PARAMETER_4);
	assert_ok(alloc(SHARED_PAGE - 1, 1, MEM_RESERVE, PAGE_READWRITE));
}

static void shared_page_cannot_be_committed(void **state) /* AS-4 */
{
	(void)state;
	assert_status(alloc(SHARED_PAGE, 1, MEM_COMMIT, PAGE_READONLY),
	              STATUS_INVALID_PAGE_PROTECTION);
	assert_status(alloc(SHARED_PAGE, 1, MEM_RESERVE, PAGE_READONLY),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc(SHARED_PAGE, 1, MEM_RESET, PAGE_READONLY),
	              STATUS_INVALID_PAGE_PROTECTION);
	assert_region(SHARED_PAGE, MEM_COMMIT, PAGE_READONLY, 0x1000);
}

static void reserve_rounds(void **state) /* VA-22, S35, S36 */
{
	static const uint64_t rows[][4] = {
		{0x50008000, 1, 0x50000000, 0x9000},
		{0x50001010, 0x1000, 0x50000000, 0x3000},
		{0x5000FFFF, 0x3000, 0x50000000, 0x13000},
		{0x50004080, 0x1000, 0x50000000, 0x6000},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t base = rows[i][0], size = rows[i][1], zero = 0;
		assert_ok(NtAllocateVirtualMemory(process, &base, 0, &size, RC, PAGE_READWRITE));
		assert_int_equal(base, rows[i][2]);
		assert_int_equal(size, rows[i][3]);
		assert_region(base, MEM_COMMIT, PAGE_READWRITE, size); /* VA-23 */
		assert_ok(NtFreeVirtualMemory(process, &base, &zero, MEM_RELEASE));
		assert_int_equal(zero, rows[i][3]);
	}
}

static void reserve_needs_free_pages(void **state) /* VA-24, VA-25, S54 */
{
	(void)state;
	assert_ok(alloc(PLACE, 0x1000, MEM_RESERVE, PAGE_READWRITE));
	assert_status(alloc(PLACE, 0x1000, MEM_RESERVE, PAGE_READWRITE),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc(PLACE + 0x1000, 0x1000, MEM_RESERVE, PAGE_READWRITE),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc(PLACE - K64, K64 + 1, RC, PAGE_READWRITE),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_int_equal(query(PLACE + 0x1000).State, MEM_FREE);
	assert_int_equal(null_calls(OP_PROTECT), 0);
	assert_int_equal(null_calls(OP_NOTE), 1);
}

static uint64_t chosen(uint64_t zero_bits, uint64_t size, uint32_t type)
{
	uint64_t base = 0;
	assert_ok(NtAllocateVirtualMemory(process, &base, zero_bits, &size, type, PAGE_READWRITE));
	return base;
}

static void system_chooses_bottom_up(void **state) /* AS-9, VA-20, VA-21 */
{
	(void)state;
	uint64_t a = chosen(0, 1, MEM_COMMIT), b = chosen(0, 0x1001, MEM_RESERVE);
	assert_int_equal(a, K64);
	assert_int_equal(b, 2 * K64); /* not in the tail of the granule: VA-25 */
	assert_region(a, MEM_COMMIT, PAGE_READWRITE, 0x1000);
	assert_region(b, MEM_RESERVE, 0, 0x2000);
	assert_ok(release(a, 0));
	assert_int_equal(chosen(0, K64, MEM_RESERVE), K64);
}

static void system_chooses_top_down(void **state) /* AS-9, VA-29, S50 */
{
	(void)state;
	assert_int_equal(chosen(0, 1, MEM_RESERVE | MEM_TOP_DOWN), HIGHEST + 1 - K64);
	assert_int_equal(chosen(0, K64 + 1, MEM_RESERVE | MEM_TOP_DOWN), HIGHEST + 1 - 3 * K64);
	assert_ok(alloc(PLACE, 1, RC | MEM_TOP_DOWN, PAGE_READWRITE)); /* ignored */
	assert_ok(alloc(PLACE, 1, MEM_COMMIT | MEM_TOP_DOWN, PAGE_READWRITE));
}

static void zero_bits_bound_the_choice(void **state) /* VA-70 to VA-72 */
{
	uint64_t base = 0, size = 0x1000;
	(void)state;
	for (uint64_t bits = 1; bits <= 15; bits++)
		assert_int_equal(chosen(bits, 1, MEM_RESERVE | MEM_TOP_DOWN) >> (32 - bits), 0);
	assert_status(NtAllocateVirtualMemory(process, &base, 16, &size, RC, PAGE_READWRITE),
	              STATUS_NO_MEMORY);
	assert_status(NtAllocateVirtualMemory(process, &base, 21, &size, RC, PAGE_READWRITE),
	              STATUS_NO_MEMORY);
	for (uint64_t bits = 22; bits < 32; bits++) {
		NTSTATUS status =
			NtAllocateVirtualMemory(process, &base, bits, &size, RC, PAGE_READWRITE);
		assert_status(status, STATUS_INVALID_PARAMETER_3);
	}
	assert_true(chosen(0x1FFFFF, 1, MEM_RESERVE | MEM_TOP_DOWN) < 0x200000);
	assert_true(chosen(0x1000000000, 1, MEM_RESERVE | MEM_TOP_DOWN) > UINT32_MAX);
	assert_true(chosen(UINT64_MAX, 1, MEM_RESERVE | MEM_TOP_DOWN) > UINT32_MAX);
	base = PLACE; /* an explicit address is not bound */
	assert_ok(NtAllocateVirtualMemory(process, &base, 15, &size, RC, PAGE_READWRITE));
}

static void zero_bits_are_no_mask_on_32_bit_systems(void **state) /* VA-71 */
{
	uint64_t base = 0, size = 0x1000;
	(void)state;
	assert_status(NtAllocateVirtualMemory(process, &base, 0x1FFFFF, &size, RC, PAGE_READWRITE),
	              STATUS_INVALID_PARAMETER_3);
	assert_ok(NtAllocateVirtualMemory(process, &base, 20 - 8, &size, RC, PAGE_READWRITE));
}

static void zero_bits_are_a_mask_on_wow64(void **state) /* VA-71 */
{
	(void)state;
	assert_true(chosen(0x1FFFFF, 1, MEM_RESERVE | MEM_TOP_DOWN) < 0x200000);
}

static void commit_needs_one_allocation(void **state) /* VA-40, VA-41, S36, S40 */
{
	uint64_t base = PLACE + 0x1FFF, size = 2;
	(void)state;
	assert_status(alloc(PLACE, 0x1000, MEM_COMMIT, PAGE_READWRITE),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_ok(alloc(PLACE, K64, MEM_RESERVE, PAGE_READWRITE));
	assert_ok(alloc(PLACE + K64, K64, MEM_RESERVE, PAGE_READWRITE));
	assert_status(alloc(PLACE + 0x4000, K64, MEM_COMMIT, PAGE_READWRITE),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc(PLACE + 0x1F000, 0x1001, MEM_COMMIT, PAGE_READWRITE),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc(PLACE + 0x1F000, 0x1001, MEM_COMMIT, PAGE_WRITECOPY),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc(PLACE, 0x1000, MEM_COMMIT, PAGE_WRITECOPY),
	              STATUS_INVALID_PAGE_PROTECTION);
	null_forget();
	assert_ok(NtAllocateVirtualMemory(process, &base, 0, &size, MEM_COMMIT, PAGE_READWRITE));
	assert_int_equal(base, PLACE + 0x1000);
	assert_int_equal(size, 0x2000);
	assert_region(PLACE + 0x1000, MEM_COMMIT, PAGE_READWRITE, 0x2000);
	assert_region(PLACE, MEM_RESERVE, 0, 0x1000);
	assert_int_equal(null_call(OP_PROTECT, 0)->range.start, page_of(base));
	assert_int_equal(null_call(OP_NOTE, 0)->number, NOTE_ALLOC);
	assert_int_equal(range_pages(null_call(OP_NOTE, 0)->range), 2);
}

static void commit_again_changes_protection(void **state) /* VA-42 to VA-46, S38 */
{
	(void)state;
	assert_ok(alloc(PLACE, K64, MEM_RESERVE, PAGE_NOACCESS));
	assert_ok(alloc(PLACE, 0x1000, MEM_COMMIT, PAGE_READWRITE));
	assert_ok(alloc(PLACE + 0x1000, 0x1000, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD));
	uint64_t before = null->space.commit;
	assert_ok(alloc(PLACE, 0x3000, MEM_COMMIT, PAGE_READONLY));
	assert_int_equal(null->space.commit, before + 1); /* VA-47 */
	assert_region(PLACE, MEM_COMMIT, PAGE_READONLY, 0x3000);
	assert_ok(alloc(PLACE, 0x1000, MEM_COMMIT, PAGE_READONLY | PAGE_GUARD));
	assert_region(PLACE, MEM_COMMIT, PAGE_READONLY | PAGE_GUARD, 0x1000);
	assert_int_equal(query(PLACE).AllocationProtect, PAGE_NOACCESS);
}

static void cache_attribute_is_the_allocations(void **state) /* PR-8 */
{
	(void)state;
	assert_ok(alloc(PLACE, K64, MEM_RESERVE, PAGE_READWRITE | PAGE_NOCACHE));
	assert_ok(alloc(PLACE, 0x1000, MEM_COMMIT, PAGE_READONLY));
	assert_region(PLACE, MEM_COMMIT, PAGE_READONLY | PAGE_NOCACHE, 0x1000);
	assert_ok(alloc(PLACE + K64, 0x1000, RC, PAGE_READWRITE));
	assert_ok(alloc(PLACE + K64, 0x1000, MEM_COMMIT, PAGE_READWRITE | PAGE_WRITECOMBINE));
	assert_region(PLACE + K64, MEM_COMMIT, PAGE_READWRITE, 0x1000);
}

static void commit_limit_holds(void **state) /* VA-31, VA-47, CM-4, S37, S41 */
{
	uint64_t charged = null_ledger.total;
	(void)state;
	assert_ok(alloc(PLACE, NULL_LIMIT << 12, MEM_RESERVE, PAGE_READWRITE));
	assert_int_equal(null_ledger.total, charged); /* VA-28 */
	assert_status(alloc(PLACE, NULL_LIMIT << 12, MEM_COMMIT, PAGE_READWRITE),
	              STATUS_COMMITMENT_LIMIT);
	assert_status(alloc(0, NULL_LIMIT << 12, RC, PAGE_READWRITE), STATUS_COMMITMENT_LIMIT);
	assert_int_equal(null_ledger.total, charged);
	assert_region(PLACE, MEM_RESERVE, 0, NULL_LIMIT << 12);
	assert_int_equal(query(K64).State, MEM_FREE);
	assert_ok(alloc(PLACE, 0x1000, MEM_COMMIT, PAGE_READWRITE));
	assert_ok(release(PLACE, 0));
	assert_int_equal(null_ledger.total, charged);
}

static void failure_leaves_arguments(void **state) /* G-8 */
{
	uint64_t base = PLACE + 1, size = 1;
	(void)state;
	assert_status(NtAllocateVirtualMemory(process, &base, 0, &size, MEM_COMMIT, PAGE_READWRITE),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_int_equal(base, PLACE + 1);
	assert_int_equal(size, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NULL_TEST(types_are_checked),
		NULL_TEST(protections_are_checked),
		NULL_TEST(targets_invalid_is_not_kept),
		NULL_TEST(large_pages_need_a_privilege),
		NULL_TEST(checks_come_in_order),
		NULL_TEST(right_is_needed),
		NULL_TEST(places_are_checked),
		NULL_TEST_2GB(granule_of_shared_page_is_kept),
		NULL_TEST(shared_page_cannot_be_committed),
		NULL_TEST(reserve_rounds),
		NULL_TEST(reserve_needs_free_pages),
		NULL_TEST(system_chooses_bottom_up),
		NULL_TEST(system_chooses_top_down),
		NULL_TEST(zero_bits_bound_the_choice),
		NULL_TEST_2GB(zero_bits_are_no_mask_on_32_bit_systems),
		NULL_TEST_WOW(zero_bits_are_a_mask_on_wow64),
		NULL_TEST(commit_needs_one_allocation),
		NULL_TEST(commit_again_changes_protection),
		NULL_TEST(cache_attribute_is_the_allocations),
		NULL_TEST(commit_limit_holds),
		NULL_TEST(failure_leaves_arguments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
