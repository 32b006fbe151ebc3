/* SPDX-License-Identifier: MIT
 *
 * VirtualAlloc, statement by statement (S33 to S45, S50, S52 to S55; rules VA).
 */
#include "place.h"

#define RC (MEM_RESERVE | MEM_COMMIT)
#define B at(0x50000000)

static char *plus(void *base, uint64_t bytes)
{
	return (char *)base + bytes;
}

static SIZE_T region_size(const void *address)
{
	MEMORY_BASIC_INFORMATION info;
	assert_int_equal(VirtualQuery(address, &info, sizeof info), sizeof info);
	return info.RegionSize;
}

static void test_prototype(void **state) /* S34 */
{
	LPVOID (*function)(LPVOID, SIZE_T, DWORD, DWORD) = VirtualAlloc;
	(void)state;
	assert_ptr_equal(function(B, PAGE, RC, PAGE_READWRITE), B);
}

static void test_reserve_commit_or_both(void **state) /* S33, S42 */
{
	(void)state;
	assert_ptr_equal(VirtualAlloc(B, 2 * PAGE, MEM_RESERVE, PAGE_READWRITE), B);
	assert_int_equal(state_at(B), MEM_RESERVE);
	assert_ptr_equal(VirtualAlloc(plus(B, PAGE), PAGE, MEM_COMMIT, PAGE_READWRITE), plus(B,
	                                                                                     PAGE));
	assert_int_equal(state_at(plus(B, PAGE)), MEM_COMMIT);
	assert_int_equal(state_at(B), MEM_RESERVE);
	char *both = VirtualAlloc(NULL, PAGE, RC, PAGE_READWRITE);
	assert_int_equal(state_at(both), MEM_COMMIT);
}

static void test_memory_is_zero(void **state) /* S33, S37, G-7, VA-45 */
{
	const struct place *place = *state;
	char *base = must_commit(16 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 16; i++) {
		assert_int_equal(load_at(place, base + i * PAGE + i), 0);
		store_at(place, base + i * PAGE + i, 0xA5);
	}
	assert_succeeds(VirtualFree(base, 16 * PAGE, MEM_DECOMMIT));
	assert_ptr_equal(VirtualAlloc(base, 16 * PAGE, MEM_COMMIT, PAGE_READWRITE), base);
	for (int i = 0; i < 16; i++)
		assert_int_equal(load_at(place, base + i * PAGE + i), 0);
}

static void test_sizes_come_from_the_system(void **state) /* S35, VA-21 */
{
	SYSTEM_INFO info;
	(void)state;
	GetSystemInfo(&info);
	assert_int_equal(info.dwPageSize, PAGE);
	assert_int_equal(info.dwAllocationGranularity, GRANULE);
	uint64_t chosen = address_in(VirtualAlloc(NULL, 1, MEM_RESERVE, PAGE_READWRITE));
	assert_int_equal(chosen % GRANULE, 0);
	assert_in_range(chosen, address_in(info.lpMinimumApplicationAddress),
	                address_in(info.lpMaximumApplicationAddress));
}

static void test_reserving_rounds_to_64k(void **state) /* S35, S36, VA-22, VA-23 */
{
	static const uint64_t rows[][4] = {
		{0x50008000, 1, 0x50000000, 0x9000},
		{0x50001010, 0x1000, 0x50000000, 0x3000},
		{0x5000FFFF, 0x3000, 0x50000000, 0x13000},
		{0x50004080, 0x1000, 0x50000000, 0x6000},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		void *base = VirtualAlloc(at(rows[i][0]), rows[i][1], MEM_RESERVE, PAGE_READWRITE);
		assert_ptr_equal(base, at(rows[i][2]));
		assert_int_equal(region_size(base), rows[i][3]);
		assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	}
}

static void test_committing_rounds_to_pages(void **state) /* S35, S36, VA-40 */
{
	(void)state;
	assert_non_null(VirtualAlloc(B, GRANULE, MEM_RESERVE, PAGE_READWRITE));
	assert_ptr_equal(VirtualAlloc(plus(B, 0x1FFF), 2, MEM_COMMIT, PAGE_READWRITE), plus(B,
	                                                                                    PAGE));
	assert_int_equal(region_size(plus(B, PAGE)), 2 * PAGE); /* two bytes, two pages */
	assert_int_equal(state_at(plus(B, 3 * PAGE)), MEM_RESERVE);
	char *chosen = must_commit(PAGE + 1, PAGE_READWRITE); /* with NULL: whole pages */
	assert_int_equal(region_size(chosen), 2 * PAGE);
}

static void test_commit_takes_storage(void **state) /* S37, VA-31, VA-47, CM-4, CM-6 */
{
	const struct place *place = *state;
	ntmm_machine_counters before = counters_of(place), after;
	char *base = must_commit(1 << 20, PAGE_READWRITE);
	after = counters_of(place);
	assert_true(after.commit_total >= before.commit_total + 256);
	assert_int_equal(after.slots_used, before.slots_used);
	SIZE_T too_much = (after.commit_limit - after.commit_total + 1) * PAGE;
	assert_fails(VirtualAlloc(NULL, too_much, RC, PAGE_READWRITE), ERROR_COMMITMENT_LIMIT);
	assert_int_equal(counters_of(place).commit_total, after.commit_total);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	assert_int_equal(counters_of(place).commit_total, before.commit_total);
}

static void test_commit_again(void **state) /* S38, S54, VA-42 to VA-44 */
{
	const struct place *place = *state;
	char *base = VirtualAlloc(B, GRANULE, MEM_RESERVE, PAGE_NOACCESS);
	assert_ptr_equal(VirtualAlloc(base, PAGE, MEM_COMMIT, PAGE_READWRITE), base);
	store_at(place, base, 5);
	assert_ptr_equal(VirtualAlloc(base, 3 * PAGE, MEM_COMMIT, PAGE_READONLY), base);
	assert_int_equal(region_size(base), 3 * PAGE);
	assert_int_equal(protect_at(base), PAGE_READONLY);
	assert_int_equal(load_at(place, base), 5);
	assert_int_equal(store_raises(place, base), STATUS_ACCESS_VIOLATION);
}

static void test_commit_of_null_reserves_too(void **state) /* S39, VA-20 */
{
	MEMORY_BASIC_INFORMATION info;
	(void)state;
	void *base = VirtualAlloc(NULL, PAGE, MEM_COMMIT, PAGE_READWRITE);
	assert_non_null(base);
	VirtualQuery(base, &info, sizeof info);
	assert_ptr_equal(info.AllocationBase, base);
	assert_int_equal(info.State, MEM_COMMIT);
}

static void test_commit_needs_a_reservation(void **state) /* S40, VA-41 */
{
	(void)state;
	assert_fails(VirtualAlloc(B, PAGE, MEM_COMMIT, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	assert_non_null(VirtualAlloc(B, GRANULE, MEM_RESERVE, PAGE_READWRITE));
	assert_non_null(VirtualAlloc(plus(B, GRANULE), GRANULE, MEM_RESERVE, PAGE_READWRITE));
	assert_fails(VirtualAlloc(plus(B, 0x4000), GRANULE, MEM_COMMIT, PAGE_READWRITE),
	             ERROR_INVALID_ADDRESS);
	assert_fails(VirtualAlloc(plus(B, 0x1F000), 2 * PAGE, MEM_COMMIT, PAGE_READWRITE),
	             ERROR_INVALID_ADDRESS);
	assert_int_equal(state_at(plus(B, 0x4000)), MEM_RESERVE);
}

static void test_reserve_takes_no_storage(void **state) /* S16, S41, S55, CM-3, PC-6 */
{
	const struct place *place = *state;
	ntmm_machine_counters before = counters_of(place), after;
	/* more than there is */
	char *base = VirtualAlloc(NULL, 1 << 30, MEM_RESERVE, PAGE_READWRITE);
	assert_non_null(base);
	after = counters_of(place);
	assert_memory_equal(&after, &before, sizeof after);
	assert_fails(VirtualAlloc(base, 1 << 30, MEM_COMMIT, PAGE_READWRITE),
	             ERROR_COMMITMENT_LIMIT);
	for (int i = 0; i < 8; i++) { /* parts of it, later */
		assert_non_null(VirtualAlloc(base + ((SIZE_T)i << 27), PAGE, MEM_COMMIT,
		                             PAGE_READWRITE));
		store_at(place, base + ((SIZE_T)i << 27), 1);
	}
	after = counters_of(place);
	assert_int_equal(own_counters().commit, 8);
	assert_int_equal(after.active, before.active + 8);
}

static void test_reset_is_not_written(void **state) /* S43, VA-65 */
{
	const struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	store_at(place, base, 7);
	store_at(place, base + PAGE, 7);
	ntmm_machine_balance(place->machine, 0);
	assert_ptr_equal(VirtualAlloc(base, PAGE, MEM_RESET, PAGE_READWRITE), base);
	assert_int_equal(state_at(base), MEM_COMMIT);
	assert_int_equal(own_counters().commit, 2);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	uint64_t written = counters_of(place).page_outs;
	ntmm_machine_write_modified(place->machine, UINT64_MAX);
	assert_int_equal(counters_of(place).page_outs, written + 1); /* the other page alone */
	assert_int_equal(load_at(place, base + PAGE), 7);
}

static void test_reset_is_alone(void **state) /* S43, VA-5 */
{
	static const DWORD others[] = {MEM_COMMIT, MEM_RESERVE, MEM_TOP_DOWN, MEM_RESET_UNDO,
	                               MEM_WRITE_WATCH};
	char *base = must_commit(PAGE, PAGE_READWRITE);
	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_fails(VirtualAlloc(base, PAGE, MEM_RESET | others[i], PAGE_READWRITE),
		             ERROR_INVALID_PARAMETER);
}

static void test_reset_promises_no_zeroes(void **state) /* S33, S44, VA-64 */
{
	const struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	store_at(place, base, 7);
	assert_ptr_equal(VirtualAlloc(base, PAGE, MEM_RESET, PAGE_READWRITE), base);
	uint8_t value = load_at(place, base);
	assert_true(value == 7 || value == 0);
	store_at(place, base, 8); /* which makes it valid again */
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	ntmm_machine_write_modified(place->machine, UINT64_MAX);
	assert_int_equal(load_at(place, base), 8);
	assert_succeeds(VirtualFree(base, PAGE, MEM_DECOMMIT));
	assert_non_null(VirtualAlloc(base, PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_int_equal(load_at(place, base), 0);
}

static void test_reset_checks_protection_and_ignores_it(void **state) /* S45, VA-10, VA-61 */
{
	char *base = must_commit(PAGE, PAGE_READWRITE);
	(void)state;
	assert_fails(VirtualAlloc(base, PAGE, MEM_RESET, 0), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(base, PAGE, MEM_RESET, PAGE_GUARD), ERROR_INVALID_PARAMETER);
	assert_ptr_equal(VirtualAlloc(base, PAGE, MEM_RESET, PAGE_NOACCESS), base);
	assert_int_equal(protect_at(base), PAGE_READWRITE);
}

static void test_reset_undo(void **state) /* VA-69 */
{
	const struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	store_at(place, base, 7);
	assert_ptr_equal(VirtualAlloc(base, PAGE, MEM_RESET, PAGE_READWRITE), base);
	/* nothing took it */
	assert_ptr_equal(VirtualAlloc(base, PAGE, MEM_RESET_UNDO, PAGE_READWRITE), base);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	ntmm_machine_write_modified(place->machine, UINT64_MAX);
	assert_int_equal(load_at(place, base), 7);
}

static void test_top_down(void **state) /* S50, AS-9 */
{
	(void)state;
	/* the highest granule of the layout is the shared page's (AS-5) */
	void *highest = VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_TOP_DOWN, PAGE_READWRITE);
	assert_ptr_equal(highest, at(0x7FFD0000));
	assert_ptr_equal(VirtualAlloc(NULL, GRANULE + 1, RC | MEM_TOP_DOWN, PAGE_READWRITE),
	                 at(0x7FFB0000));
	assert_true(address_in(VirtualAlloc(NULL, PAGE, MEM_RESERVE, PAGE_READWRITE)) < 0x7FFB0000);
	assert_ptr_equal(VirtualAlloc(B, PAGE, RC | MEM_TOP_DOWN, PAGE_READWRITE), B);
}

static void test_protections(void **state) /* S52, PR-1 to PR-5 */
{
	static const DWORD good[] = {PAGE_READONLY, PAGE_READWRITE, PAGE_EXECUTE, PAGE_EXECUTE_READ,
	                             PAGE_EXECUTE_READWRITE};
	static const DWORD bad[] = {0, PAGE_GUARD, PAGE_NOCACHE, PAGE_READONLY | PAGE_READWRITE,
	                            PAGE_GUARD | PAGE_NOACCESS, PAGE_NOCACHE | PAGE_NOACCESS,
	                            PAGE_READWRITE | PAGE_GUARD | PAGE_NOCACHE, PAGE_READWRITE |
		0x800,
	                            PAGE_WRITECOPY, PAGE_EXECUTE_WRITECOPY};
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(protect_at(must_commit(PAGE, good[i])), good[i]);
		assert_int_equal(protect_at(must_commit(PAGE, good[i] | PAGE_GUARD)), good[i] |
		                 PAGE_GUARD);
		assert_int_equal(protect_at(must_commit(PAGE, good[i] | PAGE_NOCACHE)), good[i] |
		                 PAGE_NOCACHE);
	}
	assert_int_equal(protect_at(must_commit(PAGE, PAGE_NOACCESS)), PAGE_NOACCESS);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_fails(VirtualAlloc(NULL, PAGE, RC, bad[i]), ERROR_INVALID_PARAMETER);
}

static void test_result(void **state) /* S53 */
{
	MEMORY_BASIC_INFORMATION info;
	(void)state;
	void *base = NULL;
	assert_succeeds(base = VirtualAlloc(at(0x50001234), PAGE, RC, PAGE_READWRITE));
	VirtualQuery(base, &info, sizeof info);
	assert_ptr_equal(info.AllocationBase, base);
	assert_fails(VirtualAlloc(NULL, 0, RC, PAGE_READWRITE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(base, PAGE, MEM_RESERVE, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualAlloc(NULL, 0x7FF00000, MEM_RESERVE, PAGE_READWRITE),
	             ERROR_NOT_ENOUGH_MEMORY);
}

static void test_reserved_once(void **state) /* S54, VA-24, VA-25 */
{
	(void)state;
	assert_ptr_equal(VirtualAlloc(B, PAGE, MEM_RESERVE, PAGE_READWRITE), B);
	assert_fails(VirtualAlloc(B, PAGE, MEM_RESERVE, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualAlloc(B, PAGE, RC, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualAlloc(plus(B, PAGE), PAGE, MEM_RESERVE, PAGE_READWRITE),
	             ERROR_INVALID_ADDRESS);
	assert_int_equal(state_at(plus(B, PAGE)), MEM_FREE);
	assert_ptr_equal(VirtualAlloc(B, PAGE, MEM_COMMIT, PAGE_READWRITE), B);
	assert_ptr_equal(VirtualAlloc(B, PAGE, MEM_COMMIT, PAGE_READWRITE), B);
}

static void test_other_process(void **state) /* VA-80, G-3 */
{
	const struct place *place = *state;
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_128TB);
	assert_non_null(other);
	void *base = VirtualAllocEx(other, at(UINT64_C(0x700000000000)), PAGE, RC, PAGE_READWRITE);
	assert_ptr_equal(base, at(UINT64_C(0x700000000000)));
	/* 32 bits here */
	assert_fails(VirtualAlloc(base, PAGE, RC, PAGE_READWRITE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAllocEx(NULL, NULL, PAGE, RC, PAGE_READWRITE), ERROR_INVALID_HANDLE);
	CloseHandle(other);
	assert_fails(VirtualAllocEx(other, NULL, PAGE, RC, PAGE_READWRITE), ERROR_INVALID_HANDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_prototype),
		place_test(test_reserve_commit_or_both),
		place_test(test_memory_is_zero),
		place_test(test_sizes_come_from_the_system),
		place_test(test_reserving_rounds_to_64k),
		place_test(test_committing_rounds_to_pages),
		place_test(test_commit_takes_storage),
		place_test(test_commit_again),
		place_test(test_commit_of_null_reserves_too),
		place_test(test_commit_needs_a_reservation),
		place_test(test_reserve_takes_no_storage),
		place_test(test_reset_is_not_written),
		place_test(test_reset_is_alone),
		place_test(test_reset_promises_no_zeroes),
		place_test(test_reset_checks_protection_and_ignores_it),
		place_test(test_reset_undo),
		place_test(test_top_down),
		place_test(test_protections),
		place_test(test_result),
		place_test(test_reserved_once),
		place_test(test_other_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
