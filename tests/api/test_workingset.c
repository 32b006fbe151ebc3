/* SPDX-License-Identifier: MIT
 *
 * Working sets: limits, emptying, who is in them (rules WS).
 */
#include "place.h"

#define SOFT (QUOTA_LIMITS_HARDWS_MIN_DISABLE | QUOTA_LIMITS_HARDWS_MAX_DISABLE)
#define MIN_HARD QUOTA_LIMITS_HARDWS_MIN_ENABLE
#define MAX_HARD QUOTA_LIMITS_HARDWS_MAX_ENABLE

struct limits {
	SIZE_T minimum, maximum;
	DWORD flags;
};

static struct limits limits_now(void)
{
	struct limits l;
	assert_succeeds(
		GetProcessWorkingSetSizeEx(GetCurrentProcess(), &l.minimum, &l.maximum, &l.flags));
	return l;
}

static void expect_limits(SIZE_T minimum, SIZE_T maximum, DWORD flags)
{
	struct limits l = limits_now();
	assert_int_equal(l.minimum, minimum);
	assert_int_equal(l.maximum, maximum);
	assert_int_equal(l.flags, flags);
}

/* Sets limits in pages. */
static BOOL set(SIZE_T minimum, SIZE_T maximum, DWORD flags)
{
	return SetProcessWorkingSetSizeEx(GetCurrentProcess(), minimum * PAGE, maximum * PAGE,
	                                  flags);
}

static char *touched(const struct place *place, int pages)
{
	char *base = must_commit((SIZE_T)pages * PAGE, PAGE_READWRITE);
	for (int i = 0; i < pages; i++)
		store_at(place, base + i * PAGE, (uint8_t)(i + 1));
	return base;
}

static ntmm_page_info page_info(const char *address)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(GetCurrentProcess(), address_in(address), &info),
	                 STATUS_SUCCESS);
	return info;
}

static ULONG_PTR flags_of(const void *address)
{
	PSAPI_WORKING_SET_EX_INFORMATION entry = {.VirtualAddress = (PVOID)(uintptr_t)address};
	assert_succeeds(QueryWorkingSetEx(GetCurrentProcess(), &entry, sizeof entry));
	return entry.VirtualAttributes.Flags;
}

/* ---- limits --------------------------------------------------------------------------------- */

static void test_defaults(void **state)
{
	(void)state;
	SIZE_T low = 0, high = 0;
	expect_limits(0x32000, 0x159000, SOFT); /* WS-2 */
	assert_succeeds(GetProcessWorkingSetSize(GetCurrentProcess(), &low, &high));
	assert_int_equal(low, 50 * PAGE);
	assert_int_equal(high, 345 * PAGE);
}

static void test_set(void **state)
{
	(void)state;
	assert_succeeds(
		SetProcessWorkingSetSize(GetCurrentProcess(), 40 * PAGE, 100 * PAGE)); /* WS-3 */
	expect_limits(40 * PAGE, 100 * PAGE, SOFT);
	assert_succeeds(set(1, 100, 0)); /* WS-4: a small minimum is raised */
	expect_limits(20 * PAGE, 100 * PAGE, SOFT);
	assert_succeeds(set(60, 60, 0));
	expect_limits(60 * PAGE, 60 * PAGE, SOFT);
	assert_succeeds(set(1, 13, 0));
	assert_int_equal(limits_now().minimum, 20 * PAGE);
	assert_true(limits_now().maximum >= 13 * PAGE);
}

static void test_set_refused(void **state)
{
	(void)state;
	assert_fails(set(0, 100, 0), ERROR_INVALID_PARAMETER);
	assert_fails(set(100, 0, 0), ERROR_INVALID_PARAMETER);
	assert_fails(set(101, 100, 0), ERROR_INVALID_PARAMETER);
	assert_fails(set(1, 12, 0), ERROR_INVALID_PARAMETER);
	assert_fails(set(40, 100, 0x10), ERROR_INVALID_PARAMETER); /* WS-6 */
	assert_fails(set(40, 100, 0x80000000), ERROR_INVALID_PARAMETER);
	assert_fails(set(40, 100, MIN_HARD | QUOTA_LIMITS_HARDWS_MIN_DISABLE),
	             ERROR_INVALID_PARAMETER);
	assert_fails(set(40, 100, MAX_HARD | QUOTA_LIMITS_HARDWS_MAX_DISABLE),
	             ERROR_INVALID_PARAMETER);
	expect_limits(0x32000, 0x159000, SOFT);
}

static void test_more_than_there_is(void **state)
{
	struct place *place = *state;
	uint64_t ram = counters_of(place).ram;
	assert_fails(set(ram, ram, MIN_HARD), ERROR_NO_SYSTEM_RESOURCES);
	expect_limits(0x32000, 0x159000, SOFT);
}

static void test_flags(void **state)
{
	(void)state;
	assert_succeeds(set(40, 100, MIN_HARD));
	expect_limits(40 * PAGE, 100 * PAGE, MIN_HARD | QUOTA_LIMITS_HARDWS_MAX_DISABLE);
	assert_succeeds(set(40, 100, MAX_HARD));
	expect_limits(40 * PAGE, 100 * PAGE, MIN_HARD | MAX_HARD);
	assert_succeeds(set(41, 101, 0)); /* what is not named stays */
	expect_limits(41 * PAGE, 101 * PAGE, MIN_HARD | MAX_HARD);
	assert_succeeds(set(41, 101, SOFT));
	expect_limits(41 * PAGE, 101 * PAGE, SOFT);
}

/* WS-7: with plenty of memory a soft maximum does not bind. */
static void test_soft_maximum(void **state)
{
	struct place *place = *state;
	assert_succeeds(set(20, 50, 0));
	touched(place, 1000);
	assert_int_equal(own_counters().working_set, 1000);
}

/* WS-6: a hard maximum does: the process replaces its own pages, and loses nothing. */
static void test_hard_maximum(void **state)
{
	struct place *place = *state;
	assert_succeeds(set(20, 50, MAX_HARD));
	char *base = touched(place, 200);
	assert_true(own_counters().working_set <= 50);
	for (int i = 0; i < 200; i++)
		assert_int_equal(load_at(place, base + i * PAGE), (uint8_t)(i + 1));
	assert_true(own_counters().working_set <= 50);
	assert_true(own_counters().soft > 0);
	assert_succeeds(set(20, 50, QUOTA_LIMITS_HARDWS_MAX_DISABLE));
	for (int i = 0; i < 200; i++)
		load_at(place, base + i * PAGE);
	assert_int_equal(own_counters().working_set, 200);
}

/* ---- emptying ------------------------------------------------------------------------------- */

/* WS-8: pages leave, clean ones to standby and dirty ones to modified, and come back softly. */
static void check_emptied(const struct place *place, BOOL (*empty)(HANDLE))
{
	char *base = touched(place, 30);
	assert_int_equal(page_info(base).where, NTMM_PAGE_ACTIVE);
	assert_succeeds(empty(GetCurrentProcess()));
	assert_int_equal(own_counters().working_set, 0);
	assert_int_equal(page_info(base).where, NTMM_PAGE_MODIFIED);
	assert_true(ntmm_machine_write_modified(place->machine, 1000) >= 30);
	assert_int_equal(page_info(base).where, NTMM_PAGE_STANDBY);

	uint64_t soft = own_counters().soft, hard = own_counters().hard;
	for (int i = 0; i < 30; i++)
		assert_int_equal(load_at(place, base + i * PAGE), i + 1);
	assert_int_equal(own_counters().soft, soft + 30);
	assert_int_equal(own_counters().hard, hard);
	assert_succeeds(empty(GetCurrentProcess()));
	assert_int_equal(page_info(base).where, NTMM_PAGE_STANDBY); /* only read: still clean */
	VirtualFree(base, 0, MEM_RELEASE);
}

static BOOL set_both_to_minus_1(HANDLE process)
{
	return SetProcessWorkingSetSize(process, (SIZE_T)-1, (SIZE_T)-1);
}

static void test_empty(void **state)
{
	check_emptied(*state, EmptyWorkingSet);
}

/* WS-3; the limits stay. */
static void test_empty_by_limits(void **state)
{
	check_emptied(*state, set_both_to_minus_1);
	expect_limits(0x32000, 0x159000, SOFT);
}

static void test_locked_pages_stay(void **state)
{
	struct place *place = *state;
	char *base = touched(place, 20);
	assert_succeeds(VirtualLock(base + 5 * PAGE, 3 * PAGE));
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	for (int i = 0; i < 20; i++)
		assert_int_equal(page_info(base + i * PAGE).where == NTMM_PAGE_ACTIVE,
		                 i >= 5 && i < 8);
	assert_int_equal(own_counters().working_set, 3);
}

static void test_of_another_process(void **state)
{
	struct place *place = *state;
	ntmm_process_counters counters = {.size = sizeof counters};
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_8TB);
	char *mine = touched(place, 5);
	char *base =
		VirtualAllocEx(other, NULL, 5 * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	ntmm_thread *thread = ntmm_thread_create(other, NULL);
	for (int i = 0; i < 5; i++)
		assert_true(ntmm_store8(thread, address_in(base + i * PAGE), 1));
	assert_succeeds(EmptyWorkingSet(other));
	assert_int_equal(ntmm_process_get_counters(other, &counters), STATUS_SUCCESS);
	assert_int_equal(counters.working_set, 0);
	assert_int_equal(page_info(mine).where, NTMM_PAGE_ACTIVE);
	assert_succeeds(SetProcessWorkingSetSize(other, 30 * PAGE, 90 * PAGE));
	expect_limits(0x32000, 0x159000, SOFT);
	ntmm_thread_destroy(thread);
	CloseHandle(other);
}

/* ---- QueryWorkingSetEx ---------------------------------------------------------------------- */

static void test_attributes(void **state)
{
	struct place *place = *state;
	const DWORD protections[] = {PAGE_READONLY, PAGE_READWRITE, PAGE_EXECUTE, PAGE_EXECUTE_READ,
	                             PAGE_EXECUTE_READWRITE};
	for (size_t i = 0; i < sizeof protections / sizeof protections[0]; i++) {
		PSAPI_WORKING_SET_EX_BLOCK block;
		char *base = must_commit(PAGE, protections[i]);
		assert_int_equal(flags_of(base), 0); /* never touched: not valid */
		load_at(place, base);
		block.Flags = flags_of(base + 99); /* WS-10 */
		assert_int_equal(block.Valid, 1);
		assert_int_equal(block.ShareCount, 0);
		assert_int_equal(block.Win32Protection, protections[i]);
		assert_int_equal(block.Shared, 0);
		assert_int_equal(block.Locked, 0);
		assert_int_equal(block.LargePage, 0);
		assert_int_equal(block.Flags, 1 | protections[i] << 4);
		VirtualLock(base, 1);
		assert_int_equal(flags_of(base), 1 | protections[i] << 4 | 1 << 22);
		VirtualUnlock(base, 1);
		EmptyWorkingSet(GetCurrentProcess());
		assert_int_equal(flags_of(base), 0);
	}
}

/* WS-9: what is not there is not valid, and no error. */
static void test_attributes_of_nothing(void **state)
{
	struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	assert_int_equal(flags_of(NULL), 0);
	assert_int_equal(flags_of(base + GRANULE), 0);
	assert_int_equal(flags_of(at(0x7FFF0000)), 0);
	assert_int_equal(flags_of(at(UINT64_MAX)), 0);
	store_at(place, base, 1);
	assert_int_not_equal(flags_of(base), 0);
	must_protect(base, PAGE, PAGE_NOACCESS); /* VP-14 */
	assert_int_equal(flags_of(base), 0);
}

static void test_array(void **state)
{
	struct place *place = *state;
	PSAPI_WORKING_SET_EX_INFORMATION entries[8];
	char *base = must_commit(8 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 8; i += 2)
		store_at(place, base + i * PAGE, 1);
	for (int i = 0; i < 8; i++)
		entries[i] = (PSAPI_WORKING_SET_EX_INFORMATION){base + i * PAGE, {.Flags = 0xEE}};
	assert_succeeds(QueryWorkingSetEx(GetCurrentProcess(), entries, 7 * sizeof entries[0] + 3));
	for (int i = 0; i < 7; i++) {
		assert_ptr_equal(entries[i].VirtualAddress, base + i * PAGE);
		assert_int_equal(entries[i].VirtualAttributes.Valid, i % 2 == 0);
	}
	assert_int_equal(entries[7].VirtualAttributes.Flags, 0xEE); /* not wholly in the buffer */
	entries[0].VirtualAttributes.Flags = 0xEE;
	assert_succeeds(QueryWorkingSetEx(GetCurrentProcess(), entries, sizeof entries[0] - 1));
	assert_int_equal(entries[0].VirtualAttributes.Flags, 0xEE);
	assert_fails(QueryWorkingSetEx(GetCurrentProcess(), NULL, sizeof entries), ERROR_NOACCESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_defaults),
		place_test(test_set),
		place_test(test_set_refused),
		place_test(test_more_than_there_is),
		place_test(test_flags),
		place_test(test_soft_maximum),
		place_test(test_hard_maximum),
		place_test(test_empty),
		place_test(test_empty_by_limits),
		place_test(test_locked_pages_stay),
		place_test(test_of_another_process),
		place_test(test_attributes),
		place_test(test_attributes_of_nothing),
		place_test(test_array),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
