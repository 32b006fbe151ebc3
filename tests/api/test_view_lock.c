/* SPDX-License-Identifier: MIT
 *
 * VirtualLock on views (VL-4 to VL-10, VL-22, VL-23), and views in working sets (WS-8, WS-10).
 */
#include "two.h"

#define PAGES 12
#define BYTES (PAGES * PAGE)

static PSAPI_WORKING_SET_EX_BLOCK residency(const struct two *two, int who, const char *page)
{
	PSAPI_WORKING_SET_EX_INFORMATION entry = {.VirtualAddress = (PVOID)(uintptr_t)page};
	assert_true(QueryWorkingSetEx(two->place[who].process, &entry, sizeof entry));
	return entry.VirtualAttributes;
}

static NTSTATUS lock_as(const struct two *two, int who, char *page, unsigned pages)
{
	uint64_t base = address_in(page), size = pages * PAGE;
	return NtLockVirtualMemory(two->place[who].process, &base, &size, MAP_PROCESS);
}

static NTSTATUS unlock_as(const struct two *two, int who, char *page, unsigned pages)
{
	uint64_t base = address_in(page), size = pages * PAGE;
	return NtUnlockVirtualMemory(two->place[who].process, &base, &size, MAP_PROCESS);
}

static uint64_t locked(const struct two *two, int who)
{
	ntmm_process_counters c = {.size = sizeof c};
	assert_int_equal(ntmm_process_get_counters(two->place[who].process, &c), STATUS_SUCCESS);
	return c.locked;
}

/* All that can leaves RAM; what is locked stays where it is. */
static void press(struct two *two)
{
	for (int i = 0; i < 2; i++)
		assert_true(EmptyWorkingSet(two->place[i].process));
	ntmm_machine_balance(two->machine, counters_of(&two->place[0]).ram);
}

/* WS-10: Shared wherever it shows the section's page, also when it is not valid; how many share. */
static void share_counts(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE);
	char *views[9];
	for (int i = 0; i < 9; i++)
		views[i] = two_view(two, i % 2, i == 8 ? PAGE_WRITECOPY : PAGE_READWRITE);
	for (int i = 0; i < 9; i++) {
		PSAPI_WORKING_SET_EX_BLOCK block = residency(two, i % 2, views[i]);
		assert_int_equal(block.Valid, 0);
		assert_int_equal(block.Shared, 1);
		two_load(two, i % 2, views[i]);
		for (int j = 0; j <= i; j++) {
			block = residency(two, j % 2, views[j]);
			assert_int_equal(block.Valid, 1);
			assert_int_equal(block.Shared, 1);
			assert_int_equal(block.ShareCount, i + 1 < 7 ? i + 1 : 7);
		}
	}
	two_store(two, 0, views[8], 1);
	PSAPI_WORKING_SET_EX_BLOCK block = residency(two, 0, views[8]);
	assert_int_equal(block.Shared, 0);
	assert_int_equal(block.ShareCount, 0);
	assert_int_equal(block.Win32Protection, PAGE_READWRITE);
	assert_true(EmptyWorkingSet(two->place[1].process));
	assert_int_equal(residency(two, 0, views[0]).ShareCount, 4);
	assert_int_equal(residency(two, 0, views[0]).Win32Protection, PAGE_READWRITE);
	assert_int_equal(residency(two, 1, views[1]).Valid, 0);
	assert_int_equal(residency(two, 1, views[1]).Shared, 1);
	char *private = must_commit(PAGE, PAGE_READWRITE);
	two_load(two, 0, private);
	assert_int_equal(residency(two, 0, private).Shared, 0);
}

/* WS-8, PG-33: emptied, the page stays as long as another shows it, then goes to the lists. */
static void emptied(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_READWRITE);
	uint64_t alone = own_counters().working_set;
	for (int p = 0; p < PAGES; p++) {
		two_store(two, 0, a + p * PAGE, p);
		two_load(two, 1, b + p * PAGE);
	}
	assert_int_equal(own_counters().working_set, alone + PAGES);
	ntmm_machine_counters before = counters_of(&two->place[0]);
	assert_true(EmptyWorkingSet(two->place[0].process));
	assert_int_equal(own_counters().working_set, 0);
	assert_int_equal(counters_of(&two->place[0]).active, before.active);
	assert_true(EmptyWorkingSet(two->place[1].process));
	assert_int_equal(counters_of(&two->place[0]).active, 0);
	assert_int_equal(counters_of(&two->place[0]).modified >= PAGES, true);
	ntmm_process_counters old = own_counters();
	for (int p = 0; p < PAGES; p++)
		assert_int_equal(two_load(two, 0, a + p * PAGE), p);
	assert_int_equal(own_counters().soft, old.soft + PAGES); /* PG-40 */
	assert_int_equal(own_counters().hard, old.hard);
}

/* Where a page is that a process does not show: where the section's is. */
static void place_of_page(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_WRITECOPY);
	assert_int_equal(two_page(two, 1, b).where, NTMM_PAGE_NONE);
	two_store(two, 0, a, 5);
	ntmm_page_info own = two_page(two, 0, a), other = two_page(two, 1, b);
	assert_int_equal(other.where, NTMM_PAGE_ACTIVE);
	assert_int_equal(other.frame, own.frame);
	assert_int_equal(other.entry, 0);
	assert_int_not_equal(own.entry, 0);
	assert_int_equal(lock_as(two, 0, a, 1), STATUS_SUCCESS);
	assert_int_equal(two_page(two, 0, a).locked, 1);
	assert_int_equal(two_page(two, 1, b).locked, 0);
	assert_int_equal(unlock_as(two, 0, a, 1), STATUS_SUCCESS);
	press(two);
	assert_true(two_page(two, 0, a).slot);
	assert_int_equal(two_page(two, 0, a).where, two_page(two, 1, b).where);
	two_store(two, 1, b, 6);
	assert_int_not_equal(two_page(two, 1, b).frame, two_page(two, 0, a).frame);
}

/* Locks are a process's: those of one do not end those of another, nor their quota. */
static void two_lockers(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_READONLY);
	ntmm_machine_counters start = counters_of(&two->place[0]);
	assert_int_equal(lock_as(two, 0, a, 4), STATUS_SUCCESS);
	assert_int_equal(lock_as(two, 1, b + 2 * PAGE, 4), STATUS_SUCCESS); /* VL-6 */
	assert_int_equal(lock_as(two, 0, a, 2), STATUS_WAS_LOCKED);
	assert_int_equal(locked(two, 0), 4);
	assert_int_equal(locked(two, 1), 4);
	uint64_t frame = two_page(two, 0, a + 2 * PAGE).frame;
	assert_int_equal(unlock_as(two, 0, a, 4), STATUS_SUCCESS);
	assert_int_equal(locked(two, 0), 0);
	press(two);
	assert_int_equal(two_page(two, 1, b + 2 * PAGE).where, NTMM_PAGE_ACTIVE);
	assert_int_equal(two_page(two, 1, b + 2 * PAGE).frame, frame);
	assert_int_equal(residency(two, 1, b + 2 * PAGE).Locked, 1);
	assert_int_equal(residency(two, 0, a + 2 * PAGE).Valid, 0);
	two_load(two, 0, a + 2 * PAGE);
	assert_int_equal(residency(two, 0, a + 2 * PAGE).Locked, 0);
	assert_int_equal(two_page(two, 0, a + 2 * PAGE).locked, 0);
	assert_int_equal(unlock_as(two, 0, a + 2 * PAGE, 1), STATUS_NOT_LOCKED); /* VL-22, VL-23 */
	assert_int_equal(residency(two, 0, a + 2 * PAGE).Valid, 0);
	assert_int_equal(residency(two, 1, b + 2 * PAGE).Locked, 1);
	assert_int_equal(unlock_as(two, 1, b + 2 * PAGE, 4), STATUS_SUCCESS);
	press(two);
	assert_int_equal(residency(two, 1, b + 2 * PAGE).Valid, 0);
	assert_int_equal(counters_of(&two->place[0]).resident_total, start.resident_total);
}

/* VL-11: they end with the view, the process, and PAGE_NOACCESS or a guard (VP-14). */
static void locks_end(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_READWRITE);
	ntmm_machine_counters start = counters_of(&two->place[0]);
	lock_as(two, 0, a, 4);
	lock_as(two, 1, b, 4);
	two_protect(two, 0, a, PAGE, PAGE_NOACCESS);
	two_protect(two, 0, a + PAGE, PAGE, PAGE_READWRITE | PAGE_GUARD);
	two_protect(two, 0, a + 2 * PAGE, PAGE, PAGE_READONLY);
	assert_int_equal(locked(two, 0), 2);
	assert_int_equal(locked(two, 1), 4);
	assert_true(UnmapViewOfFile(a));
	assert_int_equal(locked(two, 0), 0);
	press(two);
	for (int p = 0; p < 4; p++)
		assert_int_equal(residency(two, 1, b + p * PAGE).Locked, 1);
	assert_true(TerminateProcess(two->place[1].process, 0));
	assert_true(counters_of(&two->place[0]).resident_total < start.resident_total);
}

/* VL-6, VL-8: a locked page that is copied is locked as a copy, too; the other's lock is its own. */
static void copied_while_locked(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_WRITECOPY);
	ntmm_machine_counters start = counters_of(&two->place[0]);
	assert_int_equal(lock_as(two, 1, b, 3), STATUS_SUCCESS);
	assert_int_equal(lock_as(two, 0, a, 1), STATUS_SUCCESS);
	two_store(two, 1, b, 5);
	two_store(two, 1, b + PAGE, 6);
	assert_int_equal(locked(two, 1), 3);
	assert_int_equal(residency(two, 1, b).Locked, 1);
	assert_int_equal(residency(two, 1, b + PAGE).Locked, 1);
	press(two);
	assert_int_equal(two_page(two, 1, b).where, NTMM_PAGE_ACTIVE);
	assert_int_equal(two_page(two, 1, b + PAGE).where, NTMM_PAGE_ACTIVE);
	assert_int_equal(two_page(two, 0, a).where, NTMM_PAGE_ACTIVE);
	assert_int_equal(unlock_as(two, 1, b, 3), STATUS_SUCCESS);
	assert_int_equal(unlock_as(two, 0, a, 1), STATUS_SUCCESS);
	press(two);
	assert_int_equal(residency(two, 1, b).Valid, 0);
	assert_int_equal(counters_of(&two->place[0]).resident_total, start.resident_total);
	assert_int_equal(two_load(two, 1, b), 5);
	assert_int_equal(two_load(two, 0, a), 0);
}

/* VL-4, VL-5, VL-7. */
static void refused(void **state)
{
	struct two *two = *state;
	two_section(two, 64 * PAGE, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE);
	assert_int_equal(lock_as(two, 0, a, 31), STATUS_WORKING_SET_QUOTA);
	assert_int_equal(locked(two, 0), 0);
	two_protect(two, 0, a + 3 * PAGE, PAGE, PAGE_NOACCESS);
	assert_int_equal(lock_as(two, 0, a, 4), STATUS_ACCESS_VIOLATION);
	two_protect(two, 0, a + 3 * PAGE, PAGE, PAGE_READONLY | PAGE_GUARD);
	assert_int_equal(lock_as(two, 0, a, 4), STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(locked(two, 0), 0);
	assert_int_equal(lock_as(two, 0, a, 4), STATUS_SUCCESS);
	assert_int_equal(unlock_as(two, 0, a, 5), STATUS_NOT_LOCKED);
	assert_int_equal(locked(two, 0), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		two_test(share_counts),
		two_test(emptied),
		two_test(place_of_page),
		two_test(two_lockers),
		two_test(locks_end),
		two_test(copied_while_locked),
		two_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
