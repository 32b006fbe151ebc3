/* SPDX-License-Identifier: MIT
 *
 * NtProtectVirtualMemory (rules VP, PR).
 */
#include "null_engine.h"

#define HIGHEST UINT64_C(0x7FFFFFFEFFFF)
#define SHARED_PAGE UINT64_C(0x7FFE0000)

static void checks_come_in_order(void **state) /* VP-1 to VP-3, G-6 */
{
	uint64_t base = UINT64_MAX, size = 0;
	uint32_t old = 77;
	(void)state;
	assert_status(NtProtectVirtualMemory(NULL, NULL, NULL, 0, NULL),
	              STATUS_INVALID_PAGE_PROTECTION);
	assert_status(NtProtectVirtualMemory(NULL, &base, &size, PAGE_READONLY, NULL),
	              STATUS_ACCESS_VIOLATION);
	assert_status(NtProtectVirtualMemory(NULL, NULL, &size, PAGE_READONLY, &old),
	              STATUS_ACCESS_VIOLATION);
	assert_status(NtProtectVirtualMemory(NULL, &base, NULL, PAGE_READONLY, &old),
	              STATUS_ACCESS_VIOLATION);
	assert_status(NtProtectVirtualMemory(NULL, &base, &size, PAGE_READONLY, &old),
	              STATUS_INVALID_PARAMETER_2);
	base = PLACE;
	assert_status(NtProtectVirtualMemory(NULL, &base, &size, PAGE_READONLY, &old),
	              STATUS_INVALID_PARAMETER_3);
	size = UINT64_MAX;
	assert_status(NtProtectVirtualMemory(NULL, &base, &size, PAGE_READONLY, &old),
	              STATUS_INVALID_PARAMETER_3);
	size = HIGHEST + 2 - PLACE;
	assert_status(NtProtectVirtualMemory(NULL, &base, &size, PAGE_READONLY, &old),
	              STATUS_INVALID_PARAMETER_3);
	size = 1;
	assert_status(NtProtectVirtualMemory(NULL, &base, &size, PAGE_READONLY, &old),
	              STATUS_INVALID_HANDLE);
	assert_status(NtProtectVirtualMemory(process, &base, &size, PAGE_READONLY, &old),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_int_equal(old, 77);
	assert_int_equal(size, 1);
}

static void range_lies_in_one_allocation(void **state) /* VP-4, VP-5, VP-8 */
{
	(void)state;
	assert_ok(alloc(PLACE, K64, MEM_RESERVE, PAGE_READWRITE));
	assert_ok(alloc(PLACE + K64, K64, RC, PAGE_READWRITE));
	assert_ok(alloc(PLACE + 0xF000, 0x1000, MEM_COMMIT, PAGE_READWRITE));
	null_forget();
	assert_status(protect(PLACE + 0xF000, 0x1001, PAGE_READONLY), STATUS_CONFLICTING_ADDRESSES);
	assert_status(protect(PLACE + 0xF000, 0x1001, PAGE_WRITECOPY),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_status(protect(PLACE + 0x1F000, 0x1001, PAGE_READONLY),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_status(protect(PLACE + 0xEFFF, 2, PAGE_READONLY), STATUS_NOT_COMMITTED);
	assert_status(protect(PLACE + 0xE000, 0x2000, PAGE_WRITECOPY), STATUS_INVALID_PARAMETER_4);
	assert_status(protect(PLACE + 0xF000, 1, PAGE_EXECUTE_WRITECOPY),
	              STATUS_INVALID_PARAMETER_4);
	assert_int_equal(null_calls(OP_PROTECT), 0);
	assert_region(PLACE + 0xF000, MEM_COMMIT, PAGE_READWRITE, 0x1000);
}

static void all_pages_change(void **state) /* VP-6, VP-7, VP-10, VP-15 */
{
	uint64_t base = PLACE + 0xFFF, size = 2;
	uint32_t old = 0;
	(void)state;
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE));
	assert_ok(protect(PLACE, 1, PAGE_EXECUTE));
	null_forget();
	assert_ok(NtProtectVirtualMemory(process, &base, &size, PAGE_READONLY, &old));
	assert_int_equal(old, PAGE_EXECUTE);
	assert_int_equal(base, PLACE);
	assert_int_equal(size, 0x2000);
	assert_region(PLACE, MEM_COMMIT, PAGE_READONLY, 0x2000);
	assert_region(PLACE + 0x2000, MEM_COMMIT, PAGE_READWRITE, 0xE000);
	assert_int_equal(query(PLACE).AllocationProtect, PAGE_READWRITE);
	assert_int_equal(null_call(OP_PROTECT, 0)->number, PROT_READONLY);
	assert_int_equal(range_pages(null_call(OP_PROTECT, 0)->range), 2);
}

static void every_protection_comes_back_as_old(void **state) /* VP-6, VP-9, PR-1 to PR-5 */
{
	static const uint32_t prots[] = {
		PAGE_NOACCESS,
		PAGE_READONLY,
		PAGE_READWRITE,
		PAGE_EXECUTE,
		PAGE_EXECUTE_READ,
		PAGE_EXECUTE_READWRITE,
		PAGE_READWRITE | PAGE_GUARD,
		PAGE_READONLY | PAGE_GUARD,
		PAGE_EXECUTE | PAGE_GUARD,
	};
	uint32_t last = PAGE_READWRITE;
	(void)state;
	assert_ok(alloc(PLACE, 1, RC, last));
	for (size_t i = 0; i < sizeof prots / sizeof prots[0]; i++) {
		uint64_t base = PLACE, size = 1;
		uint32_t old;
		assert_ok(NtProtectVirtualMemory(process, &base, &size, prots[i], &old));
		assert_int_equal(old, last);
		last = prots[i];
		assert_region(PLACE, MEM_COMMIT, last, 0x1000);
	}
	assert_status(protect(PLACE, 1, PAGE_NOACCESS | PAGE_GUARD),
	              STATUS_INVALID_PAGE_PROTECTION);
	assert_status(protect(PLACE, 1, PAGE_READWRITE | 0x800), STATUS_INVALID_PAGE_PROTECTION);
	assert_status(protect(PLACE, 1, PAGE_READWRITE | PAGE_TARGETS_NO_UPDATE),
	              STATUS_INVALID_PAGE_PROTECTION);
	assert_ok(protect(PLACE, 1, PAGE_EXECUTE | PAGE_TARGETS_NO_UPDATE)); /* PR-6 */
	assert_region(PLACE, MEM_COMMIT, PAGE_EXECUTE, 0x1000);
}

static void cache_attribute_stays(void **state) /* PR-8, SV-44, SV-45 */
{
	uint64_t base = PLACE, size = 0x1000;
	uint32_t old;
	(void)state;
	assert_ok(alloc(PLACE, 0x2000, RC, PAGE_READWRITE | PAGE_NOCACHE));
	assert_ok(NtProtectVirtualMemory(process, &base, &size, PAGE_READWRITE, &old));
	assert_int_equal(old, PAGE_READWRITE | PAGE_NOCACHE);
	assert_region(PLACE, MEM_COMMIT, PAGE_READWRITE | PAGE_NOCACHE, 0x2000);
	assert_ok(alloc(PLACE + K64, 0x2000, RC, PAGE_READWRITE));
	assert_ok(protect(PLACE + K64, 0x1000, PAGE_READONLY | PAGE_NOCACHE));
	assert_region(PLACE + K64, MEM_COMMIT, PAGE_READONLY, 0x1000);
}

static void what_is_so_is_left_alone(void **state) /* VP-7 */
{
	(void)state;
	assert_ok(alloc(PLACE, 0x3000, RC, PAGE_READWRITE));
	null_forget();
	assert_ok(protect(PLACE + 0x1000, 0x1000, PAGE_READWRITE));
	assert_int_equal(null_calls(OP_PROTECT), 0);
}

static void shared_page_is_fixed(void **state) /* AS-4, VP-13 */
{
	(void)state;
	assert_status(protect(SHARED_PAGE, 1, PAGE_READWRITE), STATUS_INVALID_PAGE_PROTECTION);
	assert_status(protect(SHARED_PAGE, 1, PAGE_NOACCESS), STATUS_INVALID_PAGE_PROTECTION);
	assert_ok(protect(SHARED_PAGE, 1, PAGE_READONLY));
	assert_int_equal(null_calls(OP_PROTECT), 0);
	assert_region(SHARED_PAGE, MEM_COMMIT, PAGE_READONLY, 0x1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NULL_TEST(checks_come_in_order),
		NULL_TEST(range_lies_in_one_allocation),
		NULL_TEST(all_pages_change),
		NULL_TEST(every_protection_comes_back_as_old),
		NULL_TEST(cache_attribute_stays),
		NULL_TEST(what_is_so_is_left_alone),
		NULL_TEST(shared_page_is_fixed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
