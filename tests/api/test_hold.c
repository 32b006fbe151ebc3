/* SPDX-License-Identifier: MIT
 *
 * Pages that are held: modified-no-write (PG-22, PG-31, PG-39).
 */
#include "place.h"

static ntmm_page_info info_of(const void *address)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(GetCurrentProcess(), address_in(address), &info),
	                 STATUS_SUCCESS);
	return info;
}

static NTSTATUS hold(const void *address, uint64_t bytes, bool held)
{
	return ntmm_process_hold_pages(GetCurrentProcess(), address_in(address), bytes, held);
}

static void must_check(const struct place *place)
{
	if (!ntmm_machine_check(place->machine))
		fail_msg("%s", ntmm_error_message());
}

/* Trimmed, not written; back softly; released, written. */
static void test_not_written(void **state)
{
	const struct place *place = *state;
	char *base = must_commit(4 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 3; i++)
		store_at(place, base + i * PAGE, (uint8_t)(i + 1));
	assert_int_equal(hold(base + PAGE + 5, 2 * PAGE, true), STATUS_SUCCESS); /* pages 1 to 3 */
	assert_int_equal(own_counters().held, 3);
	assert_int_equal(info_of(base + PAGE).where, NTMM_PAGE_ACTIVE);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	must_check(place);
	assert_int_equal(info_of(base).where, NTMM_PAGE_MODIFIED);
	for (int i = 1; i < 4; i++) /* the last one is clean, but may not leave either */
		assert_int_equal(info_of(base + i * PAGE).where, NTMM_PAGE_MODIFIED_NO_WRITE);
	assert_int_equal(counters_of(place).modified_no_write, 3);
	assert_int_equal(ntmm_machine_write_modified(place->machine, 100), 1);
	ntmm_machine_balance(place->machine, counters_of(place).ram);
	assert_int_equal(own_counters().page_outs, 1);

	uint64_t soft = own_counters().soft;
	assert_int_equal(load_at(place, base + PAGE), 2);
	store_at(place, base + PAGE, 22);
	assert_int_equal(own_counters().soft, soft + 1);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	assert_int_equal(info_of(base + PAGE).where, NTMM_PAGE_MODIFIED_NO_WRITE);

	assert_int_equal(hold(base, 4 * PAGE, false), STATUS_SUCCESS); /* the first was not held */
	assert_int_equal(own_counters().held, 0);
	assert_int_equal(info_of(base + PAGE).where, NTMM_PAGE_MODIFIED);
	assert_int_equal(info_of(base + 3 * PAGE).where, NTMM_PAGE_STANDBY);
	assert_int_equal(ntmm_machine_write_modified(place->machine, 100), 2);
	assert_int_equal(info_of(base + PAGE).where, NTMM_PAGE_STANDBY);
	assert_int_equal(load_at(place, base + PAGE), 22);
}

/* Twice the RAM is stored to: held pages stay, the rest goes and comes. */
static void test_under_pressure(void **state)
{
	(void)state;
	struct place small = {.machine = place_machine(1 << 20, 8 << 20)};
	place_enter(&small, NTMM_LAYOUT_NT64_128TB);
	char *base = must_commit(100 * PAGE, PAGE_READWRITE);
	char *more = must_commit(512 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 100; i++)
		store_at(&small, base + i * PAGE, (uint8_t)(i + 1));
	assert_int_equal(hold(base, 100 * PAGE, true), STATUS_SUCCESS);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 512; i++)
			store_at(&small, more + i * PAGE, (uint8_t)i);
		for (int i = 0; i < 100; i++) {
			assert_int_equal(info_of(base + i * PAGE).slot, 0);
			assert_int_not_equal(info_of(base + i * PAGE).where, NTMM_PAGE_PAGED_OUT);
		}
		must_check(&small);
	}
	assert_true(counters_of(&small).modified_no_write > 50);
	uint64_t hard = own_counters().hard;
	for (int i = 0; i < 100; i++)
		assert_int_equal(load_at(&small, base + i * PAGE), i + 1);
	assert_int_equal(own_counters().hard, hard);
	assert_int_equal(hold(base, 100 * PAGE, false), STATUS_SUCCESS);
	for (int i = 0; i < 512; i++)
		store_at(&small, more + i * PAGE, (uint8_t)i);
	unsigned out = 0;
	for (int i = 0; i < 100; i++)
		out += info_of(base + i * PAGE).where == NTMM_PAGE_PAGED_OUT;
	assert_true(out > 50);
	for (int i = 0; i < 100; i++)
		assert_int_equal(load_at(&small, base + i * PAGE), i + 1);
	place_leave(&small);
	ntmm_machine_destroy(small.machine);
}

/* Held pages and their tables are charged as what may not leave RAM: all or nothing. */
static void test_charge(void **state)
{
	const struct place *place = *state;
	uint64_t pages = counters_of(place).ram;
	char *base = must_commit(pages * PAGE, PAGE_READWRITE);
	store_at(place, base, 1);
	ntmm_machine_counters before = counters_of(place);
	assert_int_equal(hold(base, 10 * PAGE, true), STATUS_SUCCESS);
	assert_int_equal(hold(base + PAGE, 9 * PAGE, true), STATUS_SUCCESS); /* they are already */
	uint64_t charged = counters_of(place).resident_total - before.resident_total;
	assert_true(charged >= 11 && charged <= 13); /* the table that leads to them, and those above */
	assert_int_equal(counters_of(place).commit_total, before.commit_total);

	ntmm_machine_counters held = counters_of(place);
	assert_int_equal(hold(base, pages * PAGE, true), STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(own_counters().held, 10);
	assert_int_equal(counters_of(place).resident_total, held.resident_total);
	assert_int_equal(hold(base, pages * PAGE + GRANULE, true), STATUS_INSUFFICIENT_RESOURCES);

	assert_int_equal(hold(base + 8 * PAGE, 2 * PAGE, false), STATUS_SUCCESS);
	assert_int_equal(counters_of(place).resident_total, held.resident_total - 2);
	assert_succeeds(VirtualFree(base, PAGE, MEM_DECOMMIT)); /* in the working set */
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	assert_succeeds(VirtualFree(base + PAGE, PAGE, MEM_DECOMMIT)); /* out of it */
	assert_int_equal(DiscardVirtualMemory(base + 2 * PAGE, PAGE), ERROR_SUCCESS);
	assert_int_equal(own_counters().held, 5);
	assert_int_equal(counters_of(place).resident_total, held.resident_total - 5);
	must_check(place);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	assert_int_equal(counters_of(place).resident_total, before.resident_total);
	assert_int_equal(counters_of(place).modified_no_write, 0);
}

static void test_end_of_process(void **state)
{
	struct place *place = *state;
	ntmm_machine_counters before = counters_of(place);
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_128TB);
	char *base = VirtualAllocEx(other, NULL, 5 * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	assert_int_equal(ntmm_process_hold_pages(other, address_in(base), 5 * PAGE, true),
	                 STATUS_SUCCESS);
	assert_int_equal(own_counters().held, 0);
	CloseHandle(other);
	assert_int_equal(counters_of(place).resident_total, before.resident_total);
	assert_int_equal(counters_of(place).modified_no_write, 0);
}

/* A whole table's pages are locked and held. */
static void test_locked_too(void **state)
{
	const struct place *place = *state;
	char *base = VirtualAlloc(at(0x10000000), 512 * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	uint64_t resident = counters_of(place).resident_total;
	assert_succeeds(SetProcessWorkingSetSize(GetCurrentProcess(), 600 * PAGE, 700 * PAGE));
	assert_int_equal(hold(base, 512 * PAGE, true), STATUS_SUCCESS);
	assert_succeeds(VirtualLock(base, 512 * PAGE));
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	assert_int_equal(own_counters().working_set, 512);
	assert_int_equal(hold(base, 512 * PAGE, false), STATUS_SUCCESS);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	assert_int_equal(own_counters().working_set, 512);
	assert_int_equal(hold(base, 512 * PAGE, true), STATUS_SUCCESS);
	assert_succeeds(VirtualUnlock(base, 512 * PAGE));
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	assert_int_equal(counters_of(place).modified_no_write, 512);
	assert_int_equal(hold(base, 512 * PAGE, false), STATUS_SUCCESS);
	assert_int_equal(counters_of(place).resident_total, resident);
}

/* Contents of no interest stay until the release; then they may go unwritten. */
static void test_reset(void **state)
{
	const struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	store_at(place, base, 5);
	assert_int_equal(hold(base, 2 * PAGE, true), STATUS_SUCCESS);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	assert_non_null(VirtualAlloc(base, 2 * PAGE, MEM_RESET, PAGE_NOACCESS));
	assert_int_equal(info_of(base).where, NTMM_PAGE_MODIFIED_NO_WRITE);
	must_check(place);
	assert_int_equal(hold(base, 2 * PAGE, false), STATUS_SUCCESS);
	assert_int_equal(info_of(base).where, NTMM_PAGE_STANDBY);
	assert_int_equal(ntmm_machine_write_modified(place->machine, 10), 0);
	assert_int_equal(load_at(place, base), 5);
}

static void test_refused(void **state)
{
	const struct place *place = *state;
	char *base = VirtualAlloc(NULL, GRANULE, MEM_RESERVE, PAGE_READWRITE);
	assert_non_null(VirtualAlloc(base, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_int_equal(hold(base, 0, true), STATUS_INVALID_PARAMETER);
	assert_int_equal(hold(at(UINT64_MAX), 1, true), STATUS_INVALID_PARAMETER);
	assert_int_equal(hold(base, UINT64_MAX, true), STATUS_INVALID_PARAMETER);
	assert_int_equal(hold(base, 3 * PAGE, true), STATUS_ACCESS_VIOLATION);
	assert_int_equal(own_counters().held, 0); /* all or nothing */
	must_protect(base + PAGE, PAGE, PAGE_NOACCESS);
	assert_int_equal(hold(base, 2 * PAGE, true), STATUS_ACCESS_VIOLATION);
	must_protect(base + PAGE, PAGE, PAGE_READWRITE | PAGE_GUARD);
	assert_int_equal(hold(base, 2 * PAGE, true), STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(own_counters().held, 0);
	assert_int_equal(hold(base, 2 * PAGE, true), STATUS_SUCCESS);
	assert_int_equal(hold(at(0x7FFE0000), 1, true), STATUS_NOT_SUPPORTED);
	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, PAGE, NULL);
	char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	store_at(place, view, 1);
	assert_int_equal(hold(view, 1, true), STATUS_NOT_SUPPORTED);
	assert_int_equal(hold(view, 1, false), STATUS_SUCCESS);
	UnmapViewOfFile(view);
	CloseHandle(section);
	HANDLE weak = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, GetCurrentProcessId());
	assert_int_equal(ntmm_process_hold_pages(weak, address_in(base), 1, true), STATUS_ACCESS_DENIED);
	CloseHandle(weak);
	assert_int_equal(ntmm_process_hold_pages(NULL, address_in(base), 1, true), STATUS_INVALID_HANDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_not_written),
		cmocka_unit_test(test_under_pressure),
		place_test(test_charge),
		place_test(test_end_of_process),
		place_test(test_locked_too),
		place_test(test_reset),
		place_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
