/* SPDX-License-Identifier: MIT
 *
 * Large pages (rules LP).
 */
#include "place.h"
#include "privilege.h"

#include <ntmm/ntapi.h>

#define LARGE 0x200000
#define TYPE (MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES)

static int setup(void **state)
{
	return place_setup(state) || !with_privilege(SE_PRIVILEGE_ENABLED);
}

#define large_test(test) cmocka_unit_test_setup_teardown(test, setup, place_teardown)

static char *must_have(SIZE_T pages)
{
	char *base = VirtualAlloc(NULL, pages * LARGE, TYPE, PAGE_READWRITE);
	if (!base)
		fail_msg("VirtualAlloc: error %u", GetLastError());
	assert_int_equal(address_in(base) % LARGE, 0);
	return base;
}

static ntmm_page_info info_of(const void *address)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(GetCurrentProcess(), address_in(address), &info),
	                 STATUS_SUCCESS);
	return info;
}

static void test_arguments(void **state) /* S48, LP-1 to LP-6, VA-6, VA-16, VA-51 */
{
	static const DWORD wrong[] = {PAGE_NOACCESS, PAGE_READWRITE | PAGE_GUARD,
	                              PAGE_READWRITE | PAGE_NOCACHE,
	                              PAGE_READWRITE | PAGE_WRITECOMBINE, PAGE_WRITECOPY};
	(void)state;
	assert_int_equal(GetLargePageMinimum(), LARGE);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_fails(VirtualAlloc(NULL, LARGE, TYPE, wrong[i]), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(NULL, LARGE, MEM_RESERVE | MEM_LARGE_PAGES, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(NULL, LARGE, MEM_COMMIT | MEM_LARGE_PAGES, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(NULL, LARGE - PAGE, TYPE, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(NULL, LARGE + 1, TYPE, PAGE_READWRITE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(at(0x30010000), LARGE, TYPE, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
	with_privilege(0);
	assert_fails(VirtualAlloc(NULL, LARGE + 1, TYPE, PAGE_READWRITE), ERROR_PRIVILEGE_NOT_HELD);
	assert_fails(VirtualAlloc(NULL, 0, TYPE, PAGE_READWRITE), ERROR_INVALID_PARAMETER);
	with_privilege(SE_PRIVILEGE_ENABLED);
	assert_ptr_equal(VirtualAlloc(at(0x30000000), LARGE, TYPE, PAGE_READWRITE), at(0x30000000));
	assert_fails(VirtualAlloc(at(0x30000000), LARGE, TYPE, PAGE_READWRITE),
	             ERROR_INVALID_ADDRESS);
}

static void test_contents(void **state) /* LP-7, LP-8, VQ-17 */
{
	const struct place *place = *state;
	MEMORY_BASIC_INFORMATION region;
	ntmm_process_counters before = own_counters();
	char *base = must_have(2);
	for (uint64_t at_byte = 0; at_byte < 2 * LARGE; at_byte += 0x10FF8) {
		assert_int_equal(load_at(place, base + at_byte), 0);
		store_at(place, base + at_byte, (uint8_t)(at_byte >> 12 | 1));
	}
	for (uint64_t at_byte = 0; at_byte < 2 * LARGE; at_byte += 0x10FF8)
		assert_int_equal(load_at(place, base + at_byte), (uint8_t)(at_byte >> 12 | 1));
	assert_int_equal(own_counters().demand_zero, before.demand_zero);
	assert_int_equal(own_counters().working_set, before.working_set);
	assert_int_equal(own_counters().commit, before.commit + 2 * LARGE / PAGE);
	assert_int_equal(own_counters().large, 2 * LARGE / PAGE);
	VirtualQuery(base + PAGE, &region, sizeof region);
	assert_int_equal(region.State, MEM_COMMIT);
	assert_int_equal(region.Protect, PAGE_READWRITE);
	assert_int_equal(region.Type, MEM_PRIVATE);
	assert_int_equal(region.RegionSize, 2 * LARGE - PAGE);
	assert_true(ntmm_machine_check(place->machine));
}

/* One entry of the page map, frames in a row, aligned. */
static void test_frames(void **state) /* LP-7, LP-10, PG-50 */
{
	const struct place *place = *state;
	char *base = must_have(1);
	ntmm_page_info first = info_of(base), last = info_of(base + LARGE - 1);
	assert_int_equal(first.where, NTMM_PAGE_LARGE);
	assert_int_equal(first.frame % 512, 0);
	assert_int_equal(last.frame, first.frame + 511);
	assert_int_equal(first.entry, last.entry);
	assert_true(first.entry & 0x80); /* PS */
	assert_true(first.locked);
	store_at(place, base + 5 * PAGE + 3, 77);
	const uint8_t *ram = ntmm_machine_ram(place->machine, NULL);
	assert_int_equal(ram[(first.frame + 5) * PAGE + 3], 77);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	ntmm_machine_balance(place->machine, UINT64_MAX);
	assert_int_equal(info_of(base).frame, first.frame);
	assert_int_equal(load_at(place, base + 5 * PAGE + 3), 77);
	PSAPI_WORKING_SET_EX_INFORMATION entry = {.VirtualAddress = base + PAGE};
	assert_succeeds(QueryWorkingSetEx(GetCurrentProcess(), &entry, sizeof entry));
	assert_true(entry.VirtualAttributes.Valid && entry.VirtualAttributes.LargePage &&
	            entry.VirtualAttributes.Locked);
}

static void test_copies(void **state)
{
	const struct place *place = *state;
	char *base = must_have(2);
	char *from = malloc(3 * LARGE / 2), *to = calloc(1, 3 * LARGE / 2);
	for (int i = 0; i < 3 * LARGE / 2; i++)
		from[i] = (char)(i * 7 + i / PAGE);
	assert_succeeds(WriteProcessMemory(place->process, base + 100, from, 3 * LARGE / 2, NULL));
	assert_succeeds(ReadProcessMemory(place->process, base + 100, to, 3 * LARGE / 2, NULL));
	assert_memory_equal(from, to, 3 * LARGE / 2);
	for (int i = 0; i < 3 * LARGE / 2; i += 5003)
		assert_int_equal(load_at(place, base + 100 + i), (uint8_t)from[i]);
	free(from);
	free(to);
}

static void test_what_is_refused(void **state) /* LP-9, VA-48, VA-67, VF-14, VF-35, VL-3, VP-11 */
{
	const struct place *place = *state;
	char *base = must_have(2);
	uint64_t part = address_in(base), size = LARGE;
	DWORD old;
	store_at(place, base, 5);
	assert_fails(VirtualAlloc(base, PAGE, MEM_COMMIT, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualAlloc(base, PAGE, MEM_RESET, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualFree(base, LARGE, MEM_DECOMMIT), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualFree(base, 0, MEM_DECOMMIT), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualLock(base, PAGE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualProtect(base, LARGE, PAGE_READONLY, &old), ERROR_INVALID_ADDRESS);
	assert_int_equal(OfferVirtualMemory(base, PAGE, VmOfferPriorityLow), ERROR_INVALID_PARAMETER);
	assert_int_equal(NtFreeVirtualMemory(GetCurrentProcess(), &part, &size, MEM_RELEASE),
	                 STATUS_FREE_VM_NOT_AT_BASE);
	assert_int_equal(load_at(place, base), 5);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	assert_int_equal(state_at(base), MEM_FREE);
	assert_int_equal(load_raises(place, base), STATUS_ACCESS_VIOLATION);
}

static void test_charges_come_back(void **state) /* LP-7, LP-8 */
{
	struct place *place = *state;
	ntmm_machine_counters before = counters_of(place), after;
	char *base = must_have(3);
	after = counters_of(place);
	assert_int_equal(after.large, 3 * LARGE / PAGE);
	assert_true(after.resident_total >= before.resident_total + after.large);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	after = counters_of(place);
	assert_int_equal(after.large, 0);
	assert_int_equal(after.resident_total, before.resident_total);
	assert_int_equal(after.commit_total, before.commit_total);
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_128TB);
	assert_non_null(VirtualAllocEx(other, NULL, 2 * LARGE, TYPE, PAGE_EXECUTE_READWRITE));
	assert_int_equal(counters_of(place).large, 2 * LARGE / PAGE);
	CloseHandle(other);
	assert_int_equal(counters_of(place).large, 0);
	assert_int_equal(counters_of(place).resident_total, before.resident_total);
}

static void test_no_room(void **state) /* LP-7 */
{
	struct place *place = *state;
	ntmm_machine_counters before = counters_of(place);
	assert_fails(VirtualAlloc(NULL, 64 << 20, TYPE, PAGE_READWRITE), ERROR_NO_SYSTEM_RESOURCES);
	assert_fails(VirtualAlloc(NULL, 256 << 20, TYPE, PAGE_READWRITE), ERROR_COMMITMENT_LIMIT);
	assert_int_equal(counters_of(place).commit_total, before.commit_total);
	assert_int_equal(counters_of(place).resident_total, before.resident_total);
	assert_int_equal(counters_of(place).large, 0);
	must_have(8);
}

/* The machine's memory is in use, and what is in it goes to the paging file. */
static void test_found_by_trimming(void **state) /* LP-7 */
{
	const struct place *place = *state;
	enum { PAGES = (60 << 20) / PAGE };
	char *filled = must_commit((SIZE_T)PAGES * PAGE, PAGE_READWRITE);
	for (int i = 0; i < PAGES; i++)
		assert_true(ntmm_store64(place->thread, address_in(filled) + (uint64_t)i * PAGE,
		                         (uint64_t)i * 3 + 1));
	char *base = must_have(4);
	store_at(place, base + 3 * LARGE, 1);
	assert_int_equal(load_at(place, base), 0);
	assert_true(ntmm_machine_check(place->machine));
	for (int i = 0; i < PAGES; i += 7) {
		uint64_t value;
		assert_true(ntmm_load64(place->thread, address_in(filled) + (uint64_t)i * PAGE,
		                        &value));
		assert_int_equal(value, (uint64_t)i * 3 + 1);
	}
	assert_int_equal(load_at(place, base + 3 * LARGE), 1);
}

/* ---- the host process ----------------------------------------------------------------------- */

static int setup_host(void **state)
{
	return host_setup(state) || !with_privilege(SE_PRIVILEGE_ENABLED);
}

static uint64_t commit_left(void)
{
	MEMORYSTATUSEX status = {.dwLength = sizeof status};
	assert_true(GlobalMemoryStatusEx(&status));
	return status.ullAvailPageFile;
}

static void assert_one_large_page(const struct place *place, char *base) /* LP-6 to LP-10 */
{
	MEMORY_BASIC_INFORMATION region;
	PSAPI_WORKING_SET_EX_INFORMATION entry = {.VirtualAddress = base + PAGE};
	DWORD old;
	assert_int_equal(address_in(base) % LARGE, 0);
	assert_int_equal(VirtualQuery(base, &region, sizeof region), sizeof region);
	assert_int_equal(region.State, MEM_COMMIT);
	assert_int_equal(region.Protect, PAGE_READWRITE);
	assert_int_equal(region.RegionSize, LARGE);
	for (int i = 0; i < LARGE; i += PAGE) {
		assert_int_equal(load_at(place, base + i), 0);
		store_at(place, base + i, 1);
	}
	assert_succeeds(QueryWorkingSetEx(GetCurrentProcess(), &entry, sizeof entry));
	assert_true(entry.VirtualAttributes.Valid && entry.VirtualAttributes.LargePage &&
	            entry.VirtualAttributes.Locked);
	assert_fails(VirtualFree(base, LARGE, MEM_DECOMMIT), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualProtect(base, LARGE, PAGE_READONLY, &old), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualLock(base, PAGE), ERROR_INVALID_PARAMETER);
}

/* Where the host keeps large pages they are had; elsewhere nothing has changed. */
static void test_on_the_host(void **state) /* LP-7 */
{
	const struct place *place = *state;
	char *wanted = must_commit(2 * LARGE, PAGE_READWRITE); /* such a place */
	assert_succeeds(VirtualFree(wanted, 0, MEM_RELEASE));
	wanted = at((address_in(wanted) + LARGE - 1) & ~(uint64_t)(LARGE - 1));
	for (int turn = 0; turn < 2; turn++) {
		uint64_t before = commit_left();
		SetLastError(UNTOUCHED);
		char *base = VirtualAlloc(turn ? wanted : NULL, LARGE, TYPE, PAGE_READWRITE);
		if (base) {
			assert_true(commit_left() <= before - LARGE); /* and page tables */
			assert_one_large_page(place, base);
			assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
			assert_int_equal(state_at(base), MEM_FREE);
			assert_int_equal(load_raises(place, base), STATUS_ACCESS_VIOLATION);
		} else {
			assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
			assert_int_equal(state_at(wanted), MEM_FREE);
		}
		assert_int_equal(commit_left(), before);
	}
	char *base = must_commit(LARGE, PAGE_READWRITE); /* the place can be used */
	for (int i = 0; i < LARGE; i += PAGE)
		store_at(place, base + i, 1);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		large_test(test_arguments),
		large_test(test_contents),
		large_test(test_frames),
		large_test(test_copies),
		large_test(test_what_is_refused),
		large_test(test_charges_come_back),
		large_test(test_no_room),
		large_test(test_found_by_trimming),
		host_test(test_on_the_host, setup_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
