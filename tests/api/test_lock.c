/* SPDX-License-Identifier: MIT
 *
 * VirtualLock and VirtualUnlock (rules VL).
 */
#include "place.h"

#include <ntmm/ntapi.h>

#define RC (MEM_RESERVE | MEM_COMMIT)

static bool is_resident(void *address)
{
	PSAPI_WORKING_SET_EX_INFORMATION entry = {.VirtualAddress = address};
	assert_true(QueryWorkingSetEx(GetCurrentProcess(), &entry, sizeof entry));
	return entry.VirtualAttributes.Valid;
}

static void test_locked_pages_stay(void **state) /* VL-8, WS-8 */
{
	const struct place *place = *state;
	char *base = must_commit(4 * PAGE, PAGE_READWRITE);
	store_at(place, base, 1);
	assert_succeeds(VirtualLock(base + 0xFFF, 2));
	assert_int_equal(own_counters().locked, 2);
	store_at(place, base + 3 * PAGE, 1);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	ntmm_machine_balance(place->machine, UINT64_MAX);
	assert_true(is_resident(base));
	assert_true(is_resident(base + PAGE)); /* it was made so */
	assert_false(is_resident(base + 3 * PAGE));
}

static void test_arguments(void **state) /* VL-2, VL-3, VL-4, VL-20 */
{
	char *base = VirtualAlloc(at(0x30000000), GRANULE, MEM_RESERVE, PAGE_READWRITE);
	(void)state;
	assert_non_null(VirtualAlloc(base, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_fails(VirtualLock(base, 0), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualLock(base, (SIZE_T)-1), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualLock(at(0x80000000), 1), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualUnlock(base, 0), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualLock(base + GRANULE, 1), ERROR_NOACCESS); /* free */
	assert_fails(VirtualLock(base, 3 * PAGE), ERROR_NOACCESS);    /* reserved */
	assert_int_equal(own_counters().locked, 0);
	must_protect(base + PAGE, PAGE, PAGE_NOACCESS);
	assert_fails(VirtualLock(base, 2 * PAGE), ERROR_NOACCESS);
	assert_int_equal(own_counters().locked, 0);
}

static void test_guard(void **state) /* VL-5, SV-27 */
{
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	(void)state;
	must_protect(base + PAGE, PAGE, PAGE_READWRITE | PAGE_GUARD);
	assert_fails(VirtualLock(base, 2 * PAGE), ERROR_GUARD_PAGE_VIOLATION);
	assert_int_equal(own_counters().locked, 0);
	assert_int_equal(protect_at(base + PAGE), PAGE_READWRITE);
	assert_succeeds(VirtualLock(base, 2 * PAGE));
}

static void test_what_can_be_locked(void **state) /* VL-3, VL-6 */
{
	char *base = VirtualAlloc(at(0x30000000), GRANULE, RC, PAGE_READONLY);
	char *next = VirtualAlloc(base + GRANULE, GRANULE, RC, PAGE_EXECUTE_READ);
	(void)state;
	assert_non_null(next);
	assert_succeeds(VirtualLock(base + GRANULE - PAGE, 2 * PAGE)); /* across allocations */
	assert_int_equal(own_counters().locked, 2);
}

static void test_too_many(void **state) /* VL-7 */
{
	SIZE_T minimum, maximum;
	char *base;
	(void)state;
	assert_succeeds(GetProcessWorkingSetSize(GetCurrentProcess(), &minimum, &maximum));
	assert_int_equal(minimum, 50 * PAGE); /* WS-2 */
	base = must_commit(2 * minimum, PAGE_READWRITE);
	assert_fails(VirtualLock(base, 2 * minimum), ERROR_WORKING_SET_QUOTA);
	assert_int_equal(own_counters().locked, 0);
	assert_succeeds(VirtualLock(base, 20 * PAGE));
	assert_fails(VirtualLock(base + 20 * PAGE, minimum - 20 * PAGE), ERROR_WORKING_SET_QUOTA);
	assert_succeeds(SetProcessWorkingSetSize(GetCurrentProcess(), 3 * minimum, 4 * minimum));
	assert_succeeds(VirtualLock(base, 2 * minimum));
	assert_int_equal(own_counters().locked, 2 * minimum / PAGE);
}

static void test_no_count(void **state) /* VL-9 */
{
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	uint64_t address = address_in(base), size = PAGE;
	(void)state;
	assert_succeeds(VirtualLock(base, PAGE));
	assert_succeeds(VirtualLock(base, PAGE));
	NTSTATUS status = NtLockVirtualMemory(GetCurrentProcess(), &address, &size, MAP_PROCESS);
	assert_int_equal(status, STATUS_WAS_LOCKED);
	size = 2 * PAGE;
	status = NtLockVirtualMemory(GetCurrentProcess(), &address, &size, MAP_PROCESS);
	assert_int_equal(status, STATUS_SUCCESS); /* one of the two was not */
	assert_succeeds(VirtualUnlock(base, PAGE));
	assert_fails(VirtualUnlock(base, PAGE), ERROR_NOT_LOCKED);
	assert_int_equal(own_counters().locked, 1);
}

static void test_unlock_all_or_nothing(void **state) /* VL-22, VL-23, G-2 */
{
	const struct place *place = *state;
	char *base = must_commit(4 * PAGE, PAGE_READWRITE);
	assert_succeeds(VirtualLock(base, 3 * PAGE));
	store_at(place, base + 3 * PAGE, 1);
	assert_true(is_resident(base + 3 * PAGE));
	assert_fails(VirtualUnlock(base, 4 * PAGE), ERROR_NOT_LOCKED);
	assert_int_equal(own_counters().locked, 3);
	assert_false(is_resident(base + 3 * PAGE)); /* trimmed */
	assert_int_equal(load_at(place, base + 3 * PAGE), 1);
	assert_succeeds(VirtualUnlock(base + PAGE, 2 * PAGE)); /* need not match */
	assert_int_equal(own_counters().locked, 1);
}

static void test_unlock_of_free_memory(void **state) /* VL-21 */
{
	(void)state;
	assert_fails(VirtualUnlock(at(0x30000000), PAGE), ERROR_NOT_LOCKED);
}

static void test_locks_end(void **state) /* VL-11, VF-13, VF-32 */
{
	char *base = must_commit(4 * PAGE, PAGE_READWRITE);
	(void)state;
	assert_succeeds(VirtualLock(base, 4 * PAGE));
	assert_succeeds(VirtualFree(base, PAGE, MEM_DECOMMIT));
	assert_int_equal(own_counters().locked, 3);
	assert_int_equal(OfferVirtualMemory(base + PAGE, PAGE, VmOfferPriorityLow), ERROR_SUCCESS);
	assert_int_equal(own_counters().locked, 2);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	assert_int_equal(own_counters().locked, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_locked_pages_stay),
		place_test(test_arguments),
		place_test(test_guard),
		place_test(test_what_can_be_locked),
		place_test(test_too_many),
		place_test(test_no_count),
		place_test(test_unlock_all_or_nothing),
		place_test(test_unlock_of_free_memory),
		place_test(test_locks_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
