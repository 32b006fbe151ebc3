/* SPDX-License-Identifier: MIT
 *
 * VirtualQuery and QueryWorkingSetEx (rules VQ, AS, WS-9, WS-10).
 */
#include "place.h"

#define RC (MEM_RESERVE | MEM_COMMIT)
#define B 0x30000000

static MEMORY_BASIC_INFORMATION ask(uint64_t address)
{
	MEMORY_BASIC_INFORMATION info;
	assert_int_equal(VirtualQuery(at(address), &info, sizeof info), sizeof info); /* VQ-1 */
	return info;
}

/* What is to be told; BaseAddress is the page asked about (VQ-6), and private what is not free. */
struct want {
	uint64_t base;
	DWORD initial; /* AllocationProtect */
	uint64_t size;
	DWORD state, protect;
};

static void check(uint64_t address, struct want want)
{
	MEMORY_BASIC_INFORMATION is = ask(address);
	assert_ptr_equal(is.BaseAddress, at(address & ~UINT64_C(0xFFF)));
	assert_ptr_equal(is.AllocationBase, at(want.base));
	assert_int_equal(is.AllocationProtect, want.initial);
	assert_int_equal(is.RegionSize, want.size);
	assert_int_equal(is.State, want.state);
	assert_int_equal(is.Protect, want.protect);
	assert_int_equal(is.Type, want.state == MEM_FREE ? 0 : MEM_PRIVATE);
}

static void test_fields(void **state) /* VQ-6, VQ-7, VQ-10 to VQ-12 */
{
	(void)state;
	assert_non_null(VirtualAlloc(at(B), GRANULE, MEM_RESERVE, PAGE_EXECUTE_READ));
	assert_non_null(
		VirtualAlloc(at(B + 0x2000), 0x3000, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD));
	assert_non_null(VirtualAlloc(at(B + 0x5000), 0x1000, MEM_COMMIT, PAGE_NOACCESS));
	check(B, (struct want){B, PAGE_EXECUTE_READ, 0x2000, MEM_RESERVE, 0});
	check(B + 0x3123,
	      (struct want){B, PAGE_EXECUTE_READ, 0x2000, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD});
	check(B + 0x5000, (struct want){B, PAGE_EXECUTE_READ, 0x1000, MEM_COMMIT, PAGE_NOACCESS});
	check(B + 0x6000, (struct want){B, PAGE_EXECUTE_READ, 0xA000, MEM_RESERVE, 0});
	check(B + GRANULE,
	      (struct want){0, 0, 0x7FFE0000 - B - GRANULE, MEM_FREE, PAGE_NOACCESS});
}

static void test_where_a_page_is_does_not_show(void **state) /* VQ-8 */
{
	const struct place *place = *state;
	char *base = must_commit(8 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 4; i++)
		store_at(place, base + i * PAGE, 1);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	ntmm_machine_write_modified(place->machine, 2);
	assert_succeeds(VirtualLock(base + PAGE, PAGE));
	load_at(place, base + 5 * PAGE);
	assert_int_equal(ask(address_in(base)).RegionSize, 8 * PAGE);
}

static void test_end_of_user_space(void **state) /* VQ-4, SV-50, AS-8 */
{
	MEMORY_BASIC_INFORMATION info = {.State = 77};
	SYSTEM_INFO system;
	(void)state;
	GetSystemInfo(&system);
	uint64_t highest = address_in(system.lpMaximumApplicationAddress);
	assert_int_equal(VirtualQuery(at(highest), &info, sizeof info), sizeof info);
	assert_int_equal(address_in(info.BaseAddress) + info.RegionSize, highest + 1);
	info.State = 77;
	assert_fails(VirtualQuery(at(highest + 1), &info, sizeof info), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualQuery(at(0x80000000), &info, sizeof info), ERROR_INVALID_PARAMETER);
	assert_int_equal(info.State, 77);
}

static void test_walk_covers_everything(void **state) /* VQ-4, VQ-7, AS-3, AS-4 */
{
	uint64_t next = 0, committed = 0, free_bytes = 0;
	MEMORY_BASIC_INFORMATION info;
	(void)state;
	must_commit(3 * PAGE, PAGE_READWRITE);
	while (VirtualQuery(at(next), &info, sizeof info)) {
		assert_int_equal(address_in(info.BaseAddress), next);
		assert_true(info.RegionSize);
		committed += info.State == MEM_COMMIT ? info.RegionSize : 0;
		free_bytes += info.State == MEM_FREE ? info.RegionSize : 0;
		next += info.RegionSize;
	}
	assert_int_equal(next, 0x7FFF0000);
	assert_int_equal(committed, 4 * PAGE); /* with the shared page */
	assert_int_equal(free_bytes, next - committed);
}

static void test_arguments(void **state) /* VQ-2, VQ-3, VQ-5, VQ-9 */
{
	MEMORY_BASIC_INFORMATION info;
	(void)state;
	assert_fails(VirtualQuery(at(B), &info, sizeof info - 1), ERROR_BAD_LENGTH);
	assert_int_equal(VirtualQuery(at(B), &info, sizeof info + 100), sizeof info);
	assert_fails(VirtualQuery(at(B), NULL, sizeof info), ERROR_NOACCESS);
	assert_fails(VirtualQuery(at(B), NULL, 0), ERROR_NOACCESS);
	assert_fails(VirtualQuery(at(0x80000000), NULL, 0), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualQueryEx(NULL, at(B), &info, sizeof info), ERROR_INVALID_HANDLE);
}

static void test_shared_page(void **state) /* AS-4 */
{
	(void)state;
	check(0x7FFE0123,
	      (struct want){0x7FFE0000, PAGE_READONLY, PAGE, MEM_COMMIT, PAGE_READONLY});
}

static void test_working_set(void **state) /* WS-9, WS-10 */
{
	const struct place *place = *state;
	char *base = must_commit(3 * PAGE, PAGE_READWRITE);
	PSAPI_WORKING_SET_EX_INFORMATION entries[5] = {
		{.VirtualAddress = base + 5},
		{.VirtualAddress = base + PAGE},
		{.VirtualAddress = base + 2 * PAGE},
		{.VirtualAddress = at(B)},
		{.VirtualAddress = at(0x80000000)},
	};
	store_at(place, base, 1);
	assert_succeeds(VirtualLock(base + PAGE, PAGE));
	assert_succeeds(QueryWorkingSetEx(GetCurrentProcess(), entries, sizeof entries));
	assert_int_equal(entries[0].VirtualAttributes.Valid, 1);
	assert_int_equal(entries[0].VirtualAttributes.Win32Protection, PAGE_READWRITE);
	assert_int_equal(entries[0].VirtualAttributes.Locked, 0);
	assert_int_equal(entries[1].VirtualAttributes.Valid, 1);
	assert_int_equal(entries[1].VirtualAttributes.Locked, 1);
	for (int i = 2; i < 5; i++)
		assert_int_equal(entries[i].VirtualAttributes.Flags, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_fields),
		place_test(test_where_a_page_is_does_not_show),
		place_test(test_end_of_user_space),
		place_test(test_walk_covers_everything),
		place_test(test_arguments),
		place_test(test_shared_page),
		place_test(test_working_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
