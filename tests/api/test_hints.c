/* SPDX-License-Identifier: MIT
 *
 * Hints: PrefetchVirtualMemory, OfferVirtualMemory, ReclaimVirtualMemory, DiscardVirtualMemory
 * (rules PF, OF).
 */
#include "place.h"

#include <ntmm/ntapi.h>

#define PAGES 16
#define LOW VmOfferPriorityLow

/* A small machine, so that RAM runs short soon. */
static int setup(void **state)
{
	struct place *place = calloc(1, sizeof *place);
	place->machine = place_machine(2 << 20, 16 << 20);
	place_enter(place, NTMM_LAYOUT_NT32_2GB);
	*state = place;
	return 0;
}

#define hint_test(test) cmocka_unit_test_setup_teardown(test, setup, place_teardown)

/* These return their error and leave the last error alone (OF-1). */
#define assert_returns(call, error) \
	do { \
		SetLastError(UNTOUCHED); \
		assert_int_equal(call, error); \
		assert_int_equal(GetLastError(), UNTOUCHED); \
	} while (0)

/* Pages that hold their number. */
static char *numbered(const struct place *place)
{
	char *base = must_commit(PAGES * PAGE, PAGE_READWRITE);
	for (int i = 0; i < PAGES; i++)
		store_at(place, base + i * PAGE, (uint8_t)(i + 1));
	return base;
}

static bool is_numbered(const struct place *place, const char *base)
{
	for (int i = 0; i < PAGES; i++)
		if (load_at(place, base + i * PAGE) != i + 1)
			return false;
	return true;
}

static uint32_t where(const char *address)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(GetCurrentProcess(), address_in(address), &info),
	                 STATUS_SUCCESS);
	return info.where;
}

static void trim(void)
{
	assert_true(EmptyWorkingSet(GetCurrentProcess()));
}

/* Another process wants more than all of RAM. */
static void want_all_ram(const struct place *place)
{
	uint64_t pages = counters_of(place).ram * 2;
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT32_2GB);
	ntmm_thread *thread = ntmm_thread_create(other, NULL);
	char *base =
		VirtualAllocEx(other, NULL, pages * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	assert_non_null(base);
	for (uint64_t i = 0; i < pages; i++)
		assert_true(ntmm_store8(thread, address_in(base + i * PAGE), 1));
	ntmm_thread_destroy(thread);
	CloseHandle(other);
}

/* ---- prefetch ------------------------------------------------------------------------------- */

static BOOL prefetch(void *address, SIZE_T bytes)
{
	WIN32_MEMORY_RANGE_ENTRY range = {address, bytes};
	return PrefetchVirtualMemory(GetCurrentProcess(), 1, &range, 0);
}

/* PF-1: pages come into memory, not into the working set; the next touch is soft. */
static void test_prefetch(void **state)
{
	struct place *place = *state;
	char *base = numbered(place);
	trim();
	want_all_ram(place);
	for (int i = 0; i < PAGES; i++)
		assert_int_equal(where(base + i * PAGE), NTMM_PAGE_PAGED_OUT);
	uint64_t read = counters_of(place).page_ins;
	assert_succeeds(prefetch(base + PAGE + 100, 2 * PAGE)); /* bytes of three pages */
	assert_int_equal(own_counters().working_set, 0);
	assert_int_equal(counters_of(place).page_ins, read + 3);
	for (int i = 0; i < PAGES; i++)
		assert_int_equal(where(base + i * PAGE),
		                 i >= 1 && i <= 3 ? NTMM_PAGE_STANDBY : NTMM_PAGE_PAGED_OUT);
	ntmm_process_counters before = own_counters();
	assert_true(is_numbered(place, base));
	ntmm_process_counters after = own_counters();
	assert_int_equal(after.soft + after.hard, before.soft + before.hard + PAGES);
	assert_true(after.soft >= before.soft + 3);
	assert_true(after.hard <= before.hard + PAGES - 3);
}

static void test_prefetch_several(void **state)
{
	struct place *place = *state;
	char *base = numbered(place);
	WIN32_MEMORY_RANGE_ENTRY ranges[3] = {
		{base, 1}, {base + 5 * PAGE, PAGE}, {base + 9 * PAGE, 2 * PAGE}};
	trim();
	want_all_ram(place);
	assert_succeeds(PrefetchVirtualMemory(GetCurrentProcess(), 3, ranges, 0));
	for (int i = 0; i < PAGES; i++) {
		bool in = i == 0 || i == 5 || i == 9 || i == 10;
		assert_int_equal(where(base + i * PAGE),
		                 in ? NTMM_PAGE_STANDBY : NTMM_PAGE_PAGED_OUT);
	}
	assert_true(is_numbered(place, base));
}

/* PF-3: what is not there is passed over. */
static void test_prefetch_nothing(void **state)
{
	(void)state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	assert_succeeds(prefetch(NULL, 1));
	assert_succeeds(prefetch(base + GRANULE, 10 * PAGE));
	assert_succeeds(prefetch(base + 5, 0x70000000));
	assert_succeeds(prefetch(at(0x7FFE0000), PAGE));
	assert_succeeds(prefetch(at(0x80000000), PAGE));
	assert_succeeds(prefetch(at(UINT64_MAX), UINT64_MAX));
	assert_succeeds(prefetch(base, UINT64_MAX));
	assert_int_equal(own_counters().working_set, 0);
	must_protect(base, PAGE, PAGE_READWRITE | PAGE_GUARD);
	assert_succeeds(prefetch(base, PAGE));
	assert_int_equal(protect_at(base), PAGE_READWRITE | PAGE_GUARD);
}

static void test_prefetch_arguments(void **state)
{
	(void)state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	WIN32_MEMORY_RANGE_ENTRY ranges[2] = {{base, PAGE}, {base, 0}};
	HANDLE self = GetCurrentProcess();
	assert_fails(PrefetchVirtualMemory(self, 0, ranges, 0), ERROR_INVALID_PARAMETER); /* PF-2 */
	assert_fails(PrefetchVirtualMemory(self, 0, NULL, 0), ERROR_INVALID_PARAMETER);
	assert_fails(PrefetchVirtualMemory(self, 1, NULL, 0), ERROR_NOACCESS);
	assert_fails(PrefetchVirtualMemory(self, 1, at(PAGE), 0), ERROR_NOACCESS);
	assert_fails(PrefetchVirtualMemory(self, UINT64_MAX, ranges, 0), ERROR_NOACCESS);
	assert_fails(PrefetchVirtualMemory(self, UINT64_MAX / 16 + 2, ranges, 0), ERROR_NOACCESS);
	assert_fails(PrefetchVirtualMemory(self, 2, ranges, 0), ERROR_INVALID_PARAMETER);
	assert_fails(PrefetchVirtualMemory(self, 1, ranges, 1), ERROR_INVALID_PARAMETER);
	assert_succeeds(PrefetchVirtualMemory(self, 1, ranges, 0));
}

/* PF-4: the order of the checks shows in the status. */
static void test_prefetch_native(void **state)
{
	(void)state;
	uint32_t flags = 0;
	MEMORY_RANGE_ENTRY ranges[1] = {{0, 0}};
	HANDLE self = GetCurrentProcess();
	assert_int_equal(NtSetInformationVirtualMemory(self, 99, 0, NULL, NULL, 0),
	                 STATUS_INVALID_PARAMETER_2);
	assert_int_equal(NtSetInformationVirtualMemory(self, 0, 0, NULL, NULL, 0),
	                 STATUS_INVALID_PARAMETER_5);
	assert_int_equal(NtSetInformationVirtualMemory(self, 0, 0, NULL, &flags, 3),
	                 STATUS_INVALID_PARAMETER_6);
	assert_int_equal(NtSetInformationVirtualMemory(self, 0, 0, NULL, &flags, 4),
	                 STATUS_INVALID_PARAMETER_3);
	assert_int_equal(NtSetInformationVirtualMemory(self, 0, 1, NULL, &flags, 4),
	                 STATUS_ACCESS_VIOLATION);
	assert_int_equal(NtSetInformationVirtualMemory(self, 0, 1, ranges, &flags, 4),
	                 STATUS_INVALID_PARAMETER_4);
}

/* ---- offer and reclaim ---------------------------------------------------------------------- */

/* What all three refuse. */
static void check_arguments(DWORD (*call)(char *, SIZE_T))
{
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	DWORD error;
	assert_returns(call(base + 1, PAGE), ERROR_INVALID_PARAMETER); /* OF-2 */
	assert_returns(call(base, PAGE + 1), ERROR_INVALID_PARAMETER);
	assert_returns(call(base, 0), ERROR_INVALID_PARAMETER);
	assert_returns(call(NULL, 0), ERROR_INVALID_PARAMETER);
	assert_returns(call(at(0x80000000), PAGE), ERROR_INVALID_PARAMETER);
	assert_returns(call(base, (SIZE_T)0 - PAGE), ERROR_INVALID_PARAMETER);
	SetLastError(UNTOUCHED);
	error = call(base, 3 * PAGE); /* not all committed */
	assert_true(error == ERROR_INVALID_PARAMETER || error == ERROR_INVALID_ADDRESS);
	error = call(base + GRANULE, PAGE);
	assert_true(error == ERROR_INVALID_PARAMETER || error == ERROR_INVALID_ADDRESS);
	assert_int_not_equal(call(at(0x7FFE0000), PAGE), ERROR_SUCCESS);
	assert_int_equal(GetLastError(), UNTOUCHED);
	assert_returns(call(base, 2 * PAGE), ERROR_SUCCESS);
}

static DWORD offer_low(char *address, SIZE_T bytes)
{
	return OfferVirtualMemory(address, bytes, LOW);
}

static DWORD reclaim(char *address, SIZE_T bytes)
{
	return ReclaimVirtualMemory(address, bytes);
}

static DWORD discard(char *address, SIZE_T bytes)
{
	return DiscardVirtualMemory(address, bytes);
}

static void test_arguments(void **state)
{
	(void)state;
	check_arguments(offer_low);
	check_arguments(reclaim);
	check_arguments(discard);
}

static void test_priorities(void **state)
{
	(void)state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	for (int priority = -1; priority < 7; priority++)
		assert_returns(OfferVirtualMemory(base, PAGE, (OFFER_PRIORITY)priority),
		               priority >= 1 && priority <= 4 ? ERROR_SUCCESS
		                                              : ERROR_INVALID_PARAMETER);
}

/* OF-3: out of reach, out of the working set, and unlocked, but still charged. OF-6. */
static void test_offer(void **state)
{
	struct place *place = *state;
	char *base = numbered(place), byte;
	uint64_t commit = own_counters().commit;
	assert_succeeds(VirtualLock(base, 2 * PAGE));
	assert_returns(OfferVirtualMemory(base, 4 * PAGE, LOW), ERROR_SUCCESS);
	assert_int_equal(load_raises(place, base), STATUS_ACCESS_VIOLATION);
	assert_int_equal(store_raises(place, base + 3 * PAGE), STATUS_ACCESS_VIOLATION);
	assert_int_equal(load_at(place, base + 4 * PAGE), 5);
	assert_int_equal(own_counters().working_set, PAGES - 4);
	assert_int_equal(own_counters().locked, 0);
	assert_int_equal(own_counters().commit, commit);
	assert_fails(ReadProcessMemory(GetCurrentProcess(), base, &byte, 1, NULL),
	             ERROR_PARTIAL_COPY);
	assert_fails(VirtualLock(base, PAGE), ERROR_NOACCESS);

	MEMORY_BASIC_INFORMATION info;
	assert_int_equal(VirtualQuery(base, &info, sizeof info), sizeof info);
	assert_int_equal(info.State, MEM_COMMIT);
	assert_int_equal(info.Protect, PAGE_READWRITE);
	assert_int_equal(info.RegionSize, PAGES * PAGE);

	assert_returns(ReclaimVirtualMemory(base, 4 * PAGE), ERROR_SUCCESS); /* OF-4 */
	assert_true(is_numbered(place, base));
}

/* Nothing of them is written to the paging file, and what RAM needs is taken: then it is lost. */
static void test_offered_is_lost(void **state)
{
	struct place *place = *state;
	char *base = numbered(place);
	uint64_t commit = own_counters().commit;
	assert_returns(OfferVirtualMemory(base, 8 * PAGE, VmOfferPriorityVeryLow), ERROR_SUCCESS);
	want_all_ram(place);
	for (int i = 0; i < 8; i++)
		assert_int_not_equal(where(base + i * PAGE), NTMM_PAGE_PAGED_OUT);
	assert_returns(ReclaimVirtualMemory(base, 8 * PAGE), ERROR_BUSY);
	assert_int_equal(own_counters().commit, commit);
	for (int i = 0; i < PAGES; i++)
		assert_int_equal(load_at(place, base + i * PAGE), i < 8 ? 0 : i + 1);
	store_at(place, base, 9);
	assert_int_equal(load_at(place, base), 9);
	assert_returns(ReclaimVirtualMemory(base, 8 * PAGE), ERROR_SUCCESS);
}

static void test_reclaim_of_what_was_not_offered(void **state)
{
	struct place *place = *state;
	char *base = numbered(place);
	assert_returns(ReclaimVirtualMemory(base, PAGES * PAGE), ERROR_SUCCESS);
	assert_returns(OfferVirtualMemory(base + PAGE, PAGE, LOW), ERROR_SUCCESS);
	assert_returns(ReclaimVirtualMemory(base, PAGES * PAGE), ERROR_SUCCESS);
	assert_true(is_numbered(place, base));
}

static void test_free_while_offered(void **state)
{
	struct place *place = *state;
	ntmm_machine_counters before = counters_of(place);
	char *base = numbered(place);
	assert_returns(OfferVirtualMemory(base, PAGES * PAGE, LOW), ERROR_SUCCESS);
	assert_succeeds(VirtualFree(base, PAGE, MEM_DECOMMIT));
	assert_int_equal(state_at(base), MEM_RESERVE);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	assert_int_equal(counters_of(place).commit_total, before.commit_total);
	assert_int_equal(counters_of(place).active, before.active);
	assert_int_equal(counters_of(place).standby, before.standby);
}

/* ---- discard -------------------------------------------------------------------------------- */

/* OF-5: the frames go at once; the memory stays. */
static void test_discard(void **state)
{
	struct place *place = *state;
	char *base = numbered(place);
	uint64_t commit = own_counters().commit, active = counters_of(place).active;
	assert_returns(DiscardVirtualMemory(base, 4 * PAGE), ERROR_SUCCESS);
	assert_int_equal(own_counters().commit, commit);
	assert_int_equal(counters_of(place).active, active - 4);
	assert_int_equal(protect_at(base), PAGE_READWRITE);
	for (int i = 0; i < PAGES; i++) {
		uint8_t value = load_at(place, base + i * PAGE);
		assert_true(value == i + 1 || (i < 4 && value == 0));
	}
	store_at(place, base, 7);
	assert_int_equal(load_at(place, base), 7);
}

static void test_discard_of_paged_out(void **state)
{
	struct place *place = *state;
	char *base = numbered(place);
	trim();
	want_all_ram(place);
	uint64_t slots = counters_of(place).slots_used;
	assert_returns(DiscardVirtualMemory(base, PAGES * PAGE), ERROR_SUCCESS);
	if (!test_mode()) /* else others are written meanwhile */
		assert_int_equal(counters_of(place).slots_used, slots - PAGES);
	assert_int_equal(load_at(place, base), 0);
}

/* OF-5: only PAGE_READWRITE; else nothing changes. */
static void test_discard_refused(void **state)
{
	struct place *place = *state;
	const DWORD others[] = {PAGE_NOACCESS, PAGE_READONLY, PAGE_EXECUTE_READWRITE,
	                        PAGE_READWRITE | PAGE_GUARD};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		char *base = numbered(place);
		must_protect(base + 2 * PAGE, PAGE, others[i]);
		DWORD error = DiscardVirtualMemory(base, 4 * PAGE);
		assert_true(error == ERROR_INVALID_PARAMETER || error == ERROR_INVALID_ADDRESS);
		assert_int_equal(protect_at(base + 2 * PAGE), others[i]);
		must_protect(base + 2 * PAGE, PAGE, PAGE_READWRITE);
		assert_true(is_numbered(place, base));
		VirtualFree(base, 0, MEM_RELEASE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		hint_test(test_prefetch),
		hint_test(test_prefetch_several),
		hint_test(test_prefetch_nothing),
		hint_test(test_prefetch_arguments),
		hint_test(test_prefetch_native),
		hint_test(test_arguments),
		hint_test(test_priorities),
		hint_test(test_offer),
		hint_test(test_offered_is_lost),
		hint_test(test_reclaim_of_what_was_not_offered),
		hint_test(test_free_while_offered),
		hint_test(test_discard),
		hint_test(test_discard_of_paged_out),
		hint_test(test_discard_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
