/* SPDX-License-Identifier: MIT
 *
 * OfferVirtualMemory, ReclaimVirtualMemory, DiscardVirtualMemory (rules OF).
 */
#include "place.h"

static void test_arguments(void **state) /* OF-1, OF-2 */
{
	char *base = VirtualAlloc(NULL, GRANULE, MEM_RESERVE, PAGE_READWRITE);
	(void)state;
	assert_non_null(VirtualAlloc(base, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE));
	SetLastError(UNTOUCHED);
	assert_int_equal(OfferVirtualMemory(base + 1, PAGE, VmOfferPriorityLow),
	                 ERROR_INVALID_PARAMETER);
	assert_int_equal(OfferVirtualMemory(base, PAGE - 1, VmOfferPriorityLow),
	                 ERROR_INVALID_PARAMETER);
	assert_int_equal(OfferVirtualMemory(base, 0, VmOfferPriorityLow), ERROR_INVALID_PARAMETER);
	assert_int_equal(OfferVirtualMemory(base, PAGE, (OFFER_PRIORITY)5),
	                 ERROR_INVALID_PARAMETER);
	assert_int_equal(OfferVirtualMemory(base, 3 * PAGE, VmOfferPriorityLow),
	                 ERROR_INVALID_PARAMETER);
	assert_int_equal(ReclaimVirtualMemory(base, 3 * PAGE), ERROR_INVALID_PARAMETER);
	assert_int_equal(DiscardVirtualMemory(base, 3 * PAGE), ERROR_INVALID_PARAMETER);
	assert_int_equal(GetLastError(), UNTOUCHED);
}

static void test_offered_pages_are_out_of_reach(void **state) /* OF-3, OF-4, OF-6 */
{
	const struct place *place = *state;
	char *base = must_commit(3 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 3; i++)
		store_at(place, base + i * PAGE, (uint8_t)(i + 1));
	uint64_t resident = own_counters().working_set;
	assert_int_equal(OfferVirtualMemory(base + PAGE, PAGE, VmOfferPriorityNormal),
	                 ERROR_SUCCESS);
	assert_int_equal(own_counters().working_set, resident - 1);
	assert_int_equal(own_counters().commit, 3);
	assert_int_equal(load_raises(place, base + PAGE), STATUS_ACCESS_VIOLATION);
	assert_int_equal(load_at(place, base), 1);
	assert_int_equal(protect_at(base + PAGE), PAGE_READWRITE);
	assert_fails(VirtualLock(base + PAGE, PAGE), ERROR_NOACCESS);
	/* nobody wanted it */
	assert_int_equal(ReclaimVirtualMemory(base, 3 * PAGE), ERROR_SUCCESS);
	for (int i = 0; i < 3; i++)
		assert_int_equal(load_at(place, base + i * PAGE), i + 1);
}

static void test_offered_pages_are_not_written(void **state) /* OF-3 */
{
	const struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	store_at(place, base, 1);
	store_at(place, base + PAGE, 1);
	assert_int_equal(OfferVirtualMemory(base, PAGE, VmOfferPriorityNormal), ERROR_SUCCESS);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	uint64_t written = counters_of(place).page_outs;
	ntmm_machine_write_modified(place->machine, UINT64_MAX);
	assert_int_equal(counters_of(place).page_outs, written + 1);
}

static void test_offered_pages_may_be_lost(void **state) /* OF-3, OF-4 */
{
	struct place small = {.machine = place_machine(1 << 20, 8 << 20)};
	(void)state;
	place_enter(&small, NTMM_LAYOUT_NT32_2GB);
	char *base = must_commit(8 * PAGE, PAGE_READWRITE);
	char *more = must_commit(512 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 8; i++)
		store_at(&small, base + i * PAGE, 1);
	assert_int_equal(OfferVirtualMemory(base, 8 * PAGE, VmOfferPriorityVeryLow), ERROR_SUCCESS);
	for (int i = 0; i < 512; i++) /* twice the RAM */
		store_at(&small, more + i * PAGE, 2);
	assert_int_equal(ReclaimVirtualMemory(base, 8 * PAGE), ERROR_BUSY);
	for (int i = 0; i < 8; i++) {
		uint8_t value = load_at(&small, base + i * PAGE);
		assert_true(value == 0 || value == 1);
		store_at(&small, base + i * PAGE, 3);
	}
	assert_true(ntmm_machine_check(small.machine));
	place_leave(&small);
	ntmm_machine_destroy(small.machine);
}

static void test_protect_takes_back(void **state)
{
	const struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	store_at(place, base, 1);
	assert_int_equal(OfferVirtualMemory(base, 2 * PAGE, VmOfferPriorityNormal), ERROR_SUCCESS);
	must_protect(base, PAGE, PAGE_READONLY);
	assert_int_equal(load_at(place, base), 1);
	assert_non_null(VirtualAlloc(base + PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE));
	store_at(place, base + PAGE, 1);
}

static void test_free_of_offered_pages(void **state)
{
	const struct place *place = *state;
	uint64_t charged = counters_of(place).commit_total;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	store_at(place, base, 1);
	assert_int_equal(OfferVirtualMemory(base, 2 * PAGE, VmOfferPriorityNormal), ERROR_SUCCESS);
	assert_succeeds(VirtualFree(base, PAGE, MEM_DECOMMIT));
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	assert_int_equal(counters_of(place).commit_total, charged);
}

static void test_discard(void **state) /* OF-5 */
{
	const struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	store_at(place, base, 1);
	store_at(place, base + PAGE, 1);
	uint64_t active = counters_of(place).active;
	assert_int_equal(DiscardVirtualMemory(base, PAGE), ERROR_SUCCESS);
	assert_int_equal(counters_of(place).active, active - 1);
	assert_int_equal(own_counters().commit, 2);
	load_at(place, base); /* whatever it is */
	store_at(place, base, 2);
	must_protect(base, PAGE, PAGE_READONLY);
	assert_int_equal(DiscardVirtualMemory(base, 2 * PAGE), ERROR_INVALID_PARAMETER);
	assert_int_equal(load_at(place, base), 2);
	assert_int_equal(load_at(place, base + PAGE), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_arguments),
		place_test(test_offered_pages_are_out_of_reach),
		place_test(test_offered_pages_are_not_written),
		cmocka_unit_test(test_offered_pages_may_be_lost),
		place_test(test_protect_takes_back),
		place_test(test_free_of_offered_pages),
		place_test(test_discard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
