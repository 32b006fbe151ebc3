/* SPDX-License-Identifier: MIT
 *
 * VirtualProtect (rules VP).
 */
#include "place.h"

#define RC (MEM_RESERVE | MEM_COMMIT)

static void test_old_is_of_the_first_page(void **state) /* VP-6, VP-7, VP-9, VP-10 */
{
	const struct place *place = *state;
	MEMORY_BASIC_INFORMATION info;
	char *base = must_commit(4 * PAGE, PAGE_READWRITE);
	store_at(place, base + PAGE, 3);
	assert_int_equal(must_protect(base, PAGE, PAGE_EXECUTE | PAGE_GUARD), PAGE_READWRITE);
	assert_int_equal(must_protect(base + 0xFFF, 2, PAGE_READONLY), PAGE_EXECUTE | PAGE_GUARD);
	VirtualQuery(base, &info, sizeof info);
	assert_int_equal(info.Protect, PAGE_READONLY);
	assert_int_equal(info.RegionSize, 2 * PAGE);
	assert_int_equal(info.AllocationProtect, PAGE_READWRITE);
	assert_int_equal(load_at(place, base + PAGE), 3);
	assert_int_equal(protect_at(base + 2 * PAGE), PAGE_READWRITE);
}

static void test_arguments(void **state) /* VP-1 to VP-3, G-3, G-4 */
{
	char *base = must_commit(PAGE, PAGE_READWRITE);
	DWORD old = 77;
	(void)state;
	assert_fails(VirtualProtect(base, PAGE, 0, NULL), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualProtect(base, PAGE, PAGE_READONLY, NULL), ERROR_NOACCESS);
	assert_fails(VirtualProtect(base, 0, PAGE_READONLY, &old), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualProtect(base, (SIZE_T)-1, PAGE_READONLY, &old),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualProtect(at(0x80000000), PAGE, PAGE_READONLY, &old),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualProtectEx(NULL, base, PAGE, PAGE_READONLY, &old), ERROR_INVALID_HANDLE);
	HANDLE weak = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, GetCurrentProcessId());
	assert_fails(VirtualProtectEx(weak, base, PAGE, PAGE_READONLY, &old), ERROR_ACCESS_DENIED);
	CloseHandle(weak);
	assert_int_equal(old, 77);
	assert_int_equal(protect_at(base), PAGE_READWRITE);
}

static void test_range(void **state) /* VP-4, VP-5, VP-8 */
{
	char *base = VirtualAlloc(at(0x30000000), GRANULE, RC, PAGE_READWRITE);
	char *next = VirtualAlloc(base + GRANULE, GRANULE, MEM_RESERVE, PAGE_READWRITE);
	DWORD old;
	(void)state;
	assert_ptr_equal(next, base + GRANULE);
	assert_fails(VirtualProtect(base, GRANULE + 1, PAGE_READONLY, &old), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualProtect(next, PAGE, PAGE_READONLY, &old), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualProtect(next, PAGE, PAGE_WRITECOPY, &old), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualProtect(next + GRANULE, PAGE, PAGE_READONLY, &old),
	             ERROR_INVALID_ADDRESS);
	assert_fails(VirtualProtect(base, PAGE, PAGE_WRITECOPY, &old), ERROR_INVALID_PARAMETER);
	assert_int_equal(protect_at(base), PAGE_READWRITE);
}

static void test_data_survives_noaccess(void **state) /* VP-14 */
{
	const struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	store_at(place, base, 42);
	uint64_t resident = own_counters().working_set;
	must_protect(base, PAGE, PAGE_NOACCESS);
	assert_int_equal(own_counters().working_set, resident - 1);
	ntmm_machine_write_modified(place->machine, UINT64_MAX);
	must_protect(base, PAGE, PAGE_READONLY);
	assert_int_equal(load_at(place, base), 42);
}

static void test_locks_end(void **state) /* VP-14, VL-11 */
{
	static const DWORD ends[] = {PAGE_NOACCESS, PAGE_READWRITE | PAGE_GUARD};
	(void)state;
	for (int i = 0; i < 2; i++) {
		char *base = must_commit(PAGE, PAGE_READWRITE);
		assert_succeeds(VirtualLock(base, PAGE));
		must_protect(base, PAGE, PAGE_READONLY);
		assert_int_equal(own_counters().locked, 1);
		must_protect(base, PAGE, ends[i]);
		assert_int_equal(own_counters().locked, 0);
		must_protect(base, PAGE, PAGE_READWRITE);
		assert_fails(VirtualUnlock(base, PAGE), ERROR_NOT_LOCKED);
	}
}

static void test_shared_page(void **state) /* AS-4, VP-13 */
{
	const struct place *place = *state;
	char *shared = at(0x7FFE0000);
	DWORD old;
	assert_fails(VirtualProtect(shared, PAGE, PAGE_READWRITE, &old), ERROR_INVALID_PARAMETER);
	assert_int_equal(must_protect(shared, PAGE, PAGE_READONLY), PAGE_READONLY);
	assert_int_equal(store_raises(place, shared), STATUS_ACCESS_VIOLATION);
	*(uint8_t *)ntmm_machine_shared_page(place->machine) = 6;
	assert_int_equal(load_at(place, shared), 6);
	assert_fails(VirtualFree(shared, 0, MEM_RELEASE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFree(shared, PAGE, MEM_DECOMMIT), ERROR_INVALID_PARAMETER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_old_is_of_the_first_page),
		place_test(test_arguments),
		place_test(test_range),
		place_test(test_data_survives_noaccess),
		place_test(test_locks_end),
		place_test(test_shared_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
