/* SPDX-License-Identifier: MIT
 *
 * NtFreeVirtualMemory (rules VF).
 */
#include "null_engine.h"

#define HIGHEST UINT64_C(0x7FFFFFFEFFFF)
#define SHARED_PAGE UINT64_C(0x7FFE0000)

static NTSTATUS free_as(uint64_t base, uint64_t size, uint32_t type)
{
	return NtFreeVirtualMemory(process, &base, &size, type);
}

static void types_are_checked(void **state) /* VF-2, S62 */
{
	static const uint32_t wrong[] = {
		0,
		MEM_FREE,
		MEM_COMMIT,
		MEM_RELEASE | MEM_DECOMMIT,
		MEM_RELEASE | 0x100,
		MEM_PRESERVE_PLACEHOLDER,
		MEM_DECOMMIT | MEM_COALESCE_PLACEHOLDERS,
		MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS | MEM_PRESERVE_PLACEHOLDER,
	};
	(void)state;
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE));
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_status(free_as(PLACE, 0, wrong[i]), STATUS_INVALID_PARAMETER_4);
	assert_region(PLACE, MEM_COMMIT, PAGE_READWRITE, K64);
}

static void checks_come_in_order(void **state) /* G-6, VF-3 */
{
	uint64_t base = UINT64_MAX, size = 2;
	(void)state;
	assert_status(NtFreeVirtualMemory(NULL, NULL, NULL, 0), STATUS_INVALID_PARAMETER_4);
	assert_status(NtFreeVirtualMemory(NULL, NULL, &size, MEM_RELEASE), STATUS_ACCESS_VIOLATION);
	assert_status(NtFreeVirtualMemory(NULL, &base, NULL, MEM_RELEASE), STATUS_ACCESS_VIOLATION);
	assert_status(NtFreeVirtualMemory(NULL, &base, &size, MEM_RELEASE),
	              STATUS_INVALID_PARAMETER_2);
	base = HIGHEST;
	assert_status(NtFreeVirtualMemory(NULL, &base, &size, MEM_RELEASE),
	              STATUS_INVALID_PARAMETER_3);
	size = 1;
	assert_status(NtFreeVirtualMemory(NULL, &base, &size, MEM_RELEASE), STATUS_INVALID_HANDLE);
	assert_status(decommit(PLACE, UINT64_MAX), STATUS_INVALID_PARAMETER_3);
	assert_status(decommit(PLACE, UINT64_MAX - PLACE + 2), STATUS_INVALID_PARAMETER_3);
}

/* VF-4, VF-5, VF-11, VF-30, VF-31, S57, S58 */
static void range_lies_in_one_allocation(void **state)
{
	(void)state;
	assert_status(release(0, 0), STATUS_MEMORY_NOT_ALLOCATED);
	assert_status(decommit(PLACE, 0), STATUS_MEMORY_NOT_ALLOCATED);
	assert_ok(alloc(PLACE, 0x3000, RC, PAGE_READWRITE));
	assert_ok(alloc(PLACE + K64, 0x1000, RC, PAGE_READWRITE));
	assert_status(decommit(PLACE + 0x3000, 1), STATUS_MEMORY_NOT_ALLOCATED);
	assert_status(decommit(PLACE, 0x3001), STATUS_UNABLE_TO_FREE_VM);
	assert_status(release(PLACE + 0x2000, 0x1001), STATUS_UNABLE_TO_FREE_VM);
	assert_status(decommit(PLACE, K64 + 1), STATUS_UNABLE_TO_FREE_VM);
	assert_status(decommit(PLACE + 0x1000, 0), STATUS_FREE_VM_NOT_AT_BASE);
	assert_status(release(PLACE + 0x1000, 0), STATUS_FREE_VM_NOT_AT_BASE);
	assert_region(PLACE, MEM_COMMIT, PAGE_READWRITE, 0x3000);
	assert_int_equal(null_calls(OP_DECOMMIT), 0);
	assert_ok(release(PLACE + 0xFFF, 0));
	assert_int_equal(query(PLACE).State, MEM_FREE);
}

/* VF-10, VF-12, VF-13, VF-20, G-1, S60, S61 */
static void decommit_takes_touched_pages(void **state)
{
	uint64_t base = PLACE + 0x1FFF, size = 2, total;
	(void)state;
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE | PAGE_GUARD));
	total = null_ledger.total;
	null_forget();
	assert_ok(NtFreeVirtualMemory(process, &base, &size, MEM_DECOMMIT));
	assert_int_equal(base, PLACE + 0x1000);
	assert_int_equal(size, 0x2000);
	assert_int_equal(null_ledger.total, total - 2);
	assert_region(PLACE + 0x1000, MEM_RESERVE, 0, 0x2000);
	assert_int_equal(null_call(OP_DECOMMIT, 0)->range.start, page_of(base));
	assert_int_equal(null_call(OP_NOTE, 0)->number, NOTE_FREE);
	assert_ok(decommit(PLACE, K64)); /* mixed */
	assert_ok(decommit(PLACE, K64)); /* nothing there any more */
	assert_int_equal(null_calls(OP_DECOMMIT), 2);
	assert_region(PLACE, MEM_RESERVE, 0, K64);
}

static void decommit_of_all(void **state) /* VF-11, VF-20 */
{
	uint64_t base = PLACE + 0xFFE, size = 0;
	(void)state;
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE));
	assert_ok(NtFreeVirtualMemory(process, &base, &size, MEM_DECOMMIT));
	assert_int_equal(base, PLACE);
	assert_int_equal(size, 0);
	assert_region(PLACE, MEM_RESERVE, 0, K64);
	assert_ok(alloc(PLACE, K64, MEM_COMMIT, PAGE_READONLY)); /* S65 */
	assert_region(PLACE, MEM_COMMIT, PAGE_READONLY, K64);
}

static void release_of_all(void **state) /* VF-32, S63 */
{
	uint64_t base = PLACE, size = 0, total = null_ledger.total;
	(void)state;
	assert_ok(alloc(PLACE, K64, MEM_RESERVE, PAGE_READWRITE));
	assert_ok(alloc(PLACE, 0x1000, MEM_COMMIT, PAGE_NOACCESS));
	assert_ok(alloc(PLACE + 0x2000, 0x1000, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD));
	assert_ok(NtFreeVirtualMemory(process, &base, &size, MEM_RELEASE));
	assert_int_equal(size, K64);
	assert_int_equal(query(PLACE).State, MEM_FREE);
	assert_int_equal(null_ledger.total, total);
	assert_status(release(PLACE, 0), STATUS_MEMORY_NOT_ALLOCATED);
}

static void release_of_a_part_splits(void **state) /* VF-33, VF-34, SV-24 */
{
	(void)state;
	assert_ok(alloc(PLACE, K64, MEM_RESERVE, PAGE_READONLY));
	assert_ok(alloc(PLACE + 0x3000, 0x1000, MEM_COMMIT, PAGE_READWRITE));
	assert_ok(release(PLACE + 0x1000, 0x1000));
	assert_region(PLACE, MEM_RESERVE, 0, 0x1000);
	assert_int_equal(query(PLACE + 0x1000).State, MEM_FREE);
	assert_int_equal((uintptr_t)query(PLACE + 0x3000).AllocationBase, PLACE + 0x2000);
	assert_int_equal(query(PLACE + 0x2000).AllocationProtect, PAGE_READONLY);
	assert_ok(release(PLACE, 0x1000));
	assert_ok(alloc(PLACE, 0x1000, MEM_RESERVE, PAGE_READWRITE));
	assert_ok(release(PLACE + 0xF000, 0x1000)); /* the end */
	assert_ok(release(PLACE + 0x2000, 0x1000)); /* the front */
	assert_int_equal((uintptr_t)query(PLACE + 0x3000).AllocationBase, PLACE + 0x3000);
	assert_region(PLACE + 0x4000, MEM_RESERVE, 0, 0xB000);
	assert_ok(release(PLACE + 0x3000, 0));
	assert_int_equal(query(PLACE + 0x3000).State, MEM_FREE);
}

static void release_splits_many_runs(void **state) /* VF-33 */
{
	(void)state;
	assert_ok(alloc(PLACE, 1000 * 0x1000, MEM_RESERVE, PAGE_READWRITE));
	for (uint64_t page = 1; page < 1000; page += 2)
		assert_ok(alloc(PLACE + page * 0x1000, 1, MEM_COMMIT, PAGE_READWRITE));
	assert_ok(release(PLACE + 0x2000, 0x1000));
	assert_int_equal((uintptr_t)query(PLACE + 999 * 0x1000).AllocationBase, PLACE + 0x3000);
	assert_int_equal((uintptr_t)query(PLACE + 0x1000).AllocationBase, PLACE);
	assert_true(space_check(&null->space));
}

static void shared_page_stays(void **state) /* AS-4 */
{
	(void)state;
	assert_status(release(SHARED_PAGE, 0), STATUS_INVALID_PAGE_PROTECTION);
	assert_status(decommit(SHARED_PAGE, 1), STATUS_INVALID_PAGE_PROTECTION);
	assert_region(SHARED_PAGE, MEM_COMMIT, PAGE_READONLY, 0x1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NULL_TEST(types_are_checked),
		NULL_TEST(checks_come_in_order),
		NULL_TEST(range_lies_in_one_allocation),
		NULL_TEST(decommit_takes_touched_pages),
		NULL_TEST(decommit_of_all),
		NULL_TEST(release_of_all),
		NULL_TEST(release_of_a_part_splits),
		NULL_TEST(release_splits_many_runs),
		NULL_TEST(shared_page_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
