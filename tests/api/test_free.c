/* SPDX-License-Identifier: MIT
 *
 * VirtualFree, statement by statement (S56 to S67; rules VF).
 */
#include "place.h"

#include <ntmm/ntapi.h>

#define RC (MEM_RESERVE | MEM_COMMIT)

/* 64 KB at `base`: page 0 READWRITE and written, 1 reserved, 2 NOACCESS, 3 guarded, the rest
 * reserved. */
static char *mixed(const struct place *place)
{
	char *base = VirtualAlloc(NULL, GRANULE, MEM_RESERVE, PAGE_READWRITE);
	assert_non_null(VirtualAlloc(base, PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_non_null(VirtualAlloc(base + 2 * PAGE, PAGE, MEM_COMMIT, PAGE_NOACCESS));
	assert_non_null(VirtualAlloc(base + 3 * PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE |
	                             PAGE_GUARD));
	store_at(place, base, 0x5A);
	return base;
}

static SIZE_T reserved_size(const char *address)
{
	MEMORY_BASIC_INFORMATION info;
	VirtualQuery(address, &info, sizeof info);
	return info.State == MEM_RESERVE ? info.RegionSize : 0;
}

static void test_prototype(void **state) /* S56 */
{
	BOOL (*function)(LPVOID, SIZE_T, DWORD) = VirtualFree;
	char *base = must_commit(GRANULE, PAGE_READWRITE);
	(void)state;
	assert_true(function(base, PAGE, MEM_DECOMMIT)); /* decommits */
	assert_int_equal(state_at(base), MEM_RESERVE);
	/* releases what is committed and what is not */
	assert_true(function(base, 0, MEM_RELEASE));
	assert_int_equal(state_at(base), MEM_FREE);
}

static void test_pages_are_those_of_the_range(void **state) /* S57, S60, VF-5, VF-10 */
{
	char *base = must_commit(GRANULE, PAGE_READWRITE);
	(void)state;
	assert_succeeds(VirtualFree(base + 0x1FFF, 2, MEM_DECOMMIT));
	assert_int_equal(reserved_size(base + PAGE), 2 * PAGE);
	assert_int_equal(state_at(base), MEM_COMMIT);
	assert_int_equal(state_at(base + 3 * PAGE), MEM_COMMIT);
	assert_fails(VirtualFree(base, GRANULE + 1, MEM_DECOMMIT), ERROR_INVALID_PARAMETER);
	assert_int_equal(state_at(base), MEM_COMMIT);
	/* free */
	assert_fails(VirtualFree(base + GRANULE, PAGE, MEM_DECOMMIT), ERROR_INVALID_ADDRESS);
}

static void test_release_needs_the_base(void **state) /* S58, VF-30, VF-31 */
{
	char *base = must_commit(GRANULE, PAGE_READWRITE);
	(void)state;
	assert_fails(VirtualFree(base + PAGE, 0, MEM_RELEASE), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualFree(base - PAGE, 0, MEM_RELEASE), ERROR_INVALID_ADDRESS);
	assert_int_equal(state_at(base), MEM_COMMIT);
	assert_succeeds(VirtualFree(base + 0xFFF, 0, MEM_RELEASE)); /* rounded down */
	assert_int_equal(state_at(base), MEM_FREE);
}

static void test_release_needs_size_0(void **state) /* S59, VF-1, VF-32 */
{
	char *base = must_commit(GRANULE, PAGE_READWRITE);
	(void)state;
	assert_fails(VirtualFree(base, 1, MEM_RELEASE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFree(base, GRANULE, MEM_RELEASE), ERROR_INVALID_PARAMETER);
	assert_int_equal(state_at(base), MEM_COMMIT);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	for (int i = 0; i < 16; i++)
		assert_int_equal(state_at(base + i * PAGE), MEM_FREE);
}

static void test_decommit_of_a_whole_region(void **state) /* S60, VF-11 */
{
	char *base = must_commit(GRANULE, PAGE_READWRITE);
	(void)state;
	assert_fails(VirtualFree(base + PAGE, 0, MEM_DECOMMIT), ERROR_INVALID_ADDRESS);
	assert_succeeds(VirtualFree(base, 0, MEM_DECOMMIT));
	assert_int_equal(reserved_size(base), GRANULE);
	assert_int_equal(own_counters().commit, 0);
}

static void test_decommit_of_what_is_not_committed(void **state) /* S61, VF-12 */
{
	char *base = VirtualAlloc(NULL, GRANULE, MEM_RESERVE, PAGE_READWRITE);
	(void)state;
	assert_succeeds(VirtualFree(base, PAGE, MEM_DECOMMIT));
	assert_succeeds(VirtualFree(base, 0, MEM_DECOMMIT));
	assert_int_equal(reserved_size(base), GRANULE);
}

static void test_types(void **state) /* S62, VF-2 */
{
	static const DWORD bad[] = {0, MEM_RELEASE | MEM_DECOMMIT, MEM_FREE, MEM_COMMIT,
	                            MEM_RESERVE, 1,
	                            MEM_DECOMMIT | 2};
	char *base = must_commit(GRANULE, PAGE_READWRITE);
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_fails(VirtualFree(base, 0, bad[i]), ERROR_INVALID_PARAMETER);
	assert_int_equal(state_at(base), MEM_COMMIT);
}

static void test_release_of_mixed_pages(void **state) /* S63, VF-32 */
{
	const struct place *place = *state;
	ntmm_machine_counters before = counters_of(place);
	char *base = mixed(place);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	for (int i = 0; i < 4; i++)
		assert_int_equal(state_at(base + i * PAGE), MEM_FREE);
	assert_int_equal(counters_of(place).commit_total, before.commit_total);
	assert_int_equal(counters_of(place).active, before.active);
	assert_fails(VirtualFree(base, 0, MEM_RELEASE), ERROR_INVALID_ADDRESS);
}

static void test_decommit_of_mixed_pages(void **state) /* VF-12, VF-13 */
{
	const struct place *place = *state;
	char *base = mixed(place);
	assert_succeeds(VirtualFree(base, GRANULE, MEM_DECOMMIT));
	assert_int_equal(reserved_size(base), GRANULE);
	/* the guard has gone with the page */
	assert_int_equal(load_raises(place, base + 3 * PAGE), STATUS_ACCESS_VIOLATION);
}

static void test_result(void **state) /* S64 */
{
	char *base = must_commit(PAGE, PAGE_READWRITE);
	(void)state;
	assert_succeeds(VirtualFree(base, PAGE, MEM_DECOMMIT) != 0);
	assert_fails(VirtualFree(NULL, 0, MEM_RELEASE) != 0, ERROR_INVALID_ADDRESS); /* VF-4 */
	/* VF-3 */
	assert_fails(VirtualFree(at(0x80000000), 0, MEM_RELEASE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFree(base, (SIZE_T)-1, MEM_DECOMMIT), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFreeEx(NULL, base, 0, MEM_RELEASE), ERROR_INVALID_HANDLE);
}

static void test_decommitted_pages_serve_again(void **state) /* S65, VA-45 */
{
	const struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	store_at(place, base, 9);
	assert_succeeds(VirtualFree(base, PAGE, MEM_DECOMMIT));
	assert_ptr_equal(VirtualAlloc(base, PAGE, MEM_COMMIT, PAGE_READWRITE), base);
	assert_int_equal(load_at(place, base), 0);
	store_at(place, base, 10);
	assert_succeeds(VirtualFree(base, 0, MEM_DECOMMIT));
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE)); /* what is decommitted */
	assert_int_equal(state_at(base), MEM_FREE);
}

static void test_reserved_page_cannot_be_touched(void **state) /* S66, VA-28 */
{
	const struct place *place = *state;
	char *base = VirtualAlloc(NULL, GRANULE, MEM_RESERVE, PAGE_READWRITE);
	assert_int_equal(load_raises(place, base), STATUS_ACCESS_VIOLATION);
	assert_int_equal(store_raises(place, base + 0x123), STATUS_ACCESS_VIOLATION);
	const EXCEPTION_RECORD *e = ntmm_thread_exception(place->thread);
	assert_int_equal(e->ExceptionInformation[0], 1);
	assert_int_equal(e->ExceptionInformation[1], address_in(base) + 0x123); /* EX-1 */
}

static void test_freed_memory_cannot_be_touched(void **state) /* S67, VF-13, VF-38 */
{
	const struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 2; i++)
		store_at(place, base + i * PAGE, 0x77);
	assert_succeeds(VirtualFree(base, PAGE, MEM_DECOMMIT));
	assert_int_equal(load_raises(place, base), STATUS_ACCESS_VIOLATION);
	assert_int_equal(load_at(place, base + PAGE), 0x77);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	assert_int_equal(load_raises(place, base + PAGE), STATUS_ACCESS_VIOLATION);
	assert_int_equal(store_raises(place, base), STATUS_ACCESS_VIOLATION);
	assert_ptr_equal(VirtualAlloc(base, 2 * PAGE, RC, PAGE_READWRITE), base);
	for (int i = 0; i < 2; i++)
		assert_int_equal(load_at(place, base + i * PAGE), 0);
}

static void test_native_release_of_a_part(void **state) /* VF-33, VF-34 */
{
	const struct place *place = *state;
	char *base = must_commit(GRANULE, PAGE_READWRITE);
	uint64_t middle = address_in(base) + PAGE, size = PAGE;
	store_at(place, base, 1);
	store_at(place, base + PAGE, 2);
	store_at(place, base + 2 * PAGE, 3);
	assert_int_equal(NtFreeVirtualMemory(GetCurrentProcess(), &middle, &size, MEM_RELEASE),
	                 STATUS_SUCCESS);
	assert_int_equal(load_at(place, base), 1);
	assert_int_equal(load_raises(place, base + PAGE), STATUS_ACCESS_VIOLATION);
	assert_int_equal(load_at(place, base + 2 * PAGE), 3);
	assert_fails(VirtualProtect(base, 3 * PAGE, PAGE_READONLY, &(DWORD){0}),
	             ERROR_INVALID_ADDRESS);
	assert_succeeds(VirtualFree(base + 2 * PAGE, 0, MEM_RELEASE));
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	assert_ptr_equal(VirtualAlloc(base, GRANULE, MEM_RESERVE, PAGE_READWRITE), base);
}

static void test_decommit_gives_storage_back(void **state) /* VF-13, CM-7 */
{
	const struct place *place = *state;
	char *base = must_commit(64 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 64; i++)
		store_at(place, base + i * PAGE, 1);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	ntmm_machine_write_modified(place->machine, UINT64_MAX);
	assert_true(counters_of(place).slots_used >= 64);
	assert_succeeds(VirtualLock(base, PAGE));
	assert_succeeds(VirtualFree(base, 0, MEM_DECOMMIT));
	assert_int_equal(counters_of(place).slots_used, 0);
	assert_int_equal(own_counters().locked, 0);
	assert_int_equal(own_counters().commit, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_prototype),
		place_test(test_pages_are_those_of_the_range),
		place_test(test_release_needs_the_base),
		place_test(test_release_needs_size_0),
		place_test(test_decommit_of_a_whole_region),
		place_test(test_decommit_of_what_is_not_committed),
		place_test(test_types),
		place_test(test_release_of_mixed_pages),
		place_test(test_decommit_of_mixed_pages),
		place_test(test_result),
		place_test(test_decommitted_pages_serve_again),
		place_test(test_reserved_page_cannot_be_touched),
		place_test(test_freed_memory_cannot_be_touched),
		place_test(test_native_release_of_a_part),
		place_test(test_decommit_gives_storage_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
