/* SPDX-License-Identifier: MIT
 *
 * Placeholders: VirtualAlloc2 and VirtualFree (rules PH).
 */
#include "place.h"

#define RC (MEM_RESERVE | MEM_COMMIT)
#define PRESERVE (MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER)
#define COALESCE (MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS)

static char *must_keep(SIZE_T bytes)
{
	char *base = VirtualAlloc2(NULL, NULL, bytes, MEM_RESERVE | MEM_RESERVE_PLACEHOLDER,
	                           PAGE_NOACCESS, NULL, 0);
	if (!base)
		fail_msg("VirtualAlloc2: error %u", GetLastError());
	return base;
}

static void *replace(void *base, SIZE_T bytes, DWORD type, DWORD protect)
{
	return VirtualAlloc2(NULL, base, bytes, type | MEM_REPLACE_PLACEHOLDER, protect, NULL, 0);
}

static void assert_piece(const void *base, SIZE_T bytes)
{
	MEMORY_BASIC_INFORMATION info;
	assert_int_equal(VirtualQuery(base, &info, sizeof info), sizeof info);
	assert_ptr_equal(info.AllocationBase, base);
	assert_int_equal(info.AllocationProtect, PAGE_NOACCESS);
	assert_int_equal(info.State, MEM_RESERVE);
	assert_int_equal(info.Type, MEM_PRIVATE);
	assert_int_equal(info.RegionSize, bytes);
}

static void test_create(void **state) /* PH-1, PH-9, PH-22, V2-1, VA-50, VQ-18 */
{
	const struct place *place = *state;
	char *base = must_keep(GRANULE);
	assert_int_equal(address_in(base) % GRANULE, 0);
	assert_piece(base, GRANULE);
	assert_int_equal(own_counters().commit, 0);
	assert_int_equal(load_raises(place, base), STATUS_ACCESS_VIOLATION);
	assert_fails(VirtualAlloc(base, PAGE, MEM_COMMIT, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualAlloc(base, PAGE, MEM_RESERVE, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualAlloc2(NULL, NULL, GRANULE, MEM_RESERVE | MEM_RESERVE_PLACEHOLDER,
	                           PAGE_READWRITE, NULL, 0),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc2(NULL, base, GRANULE, MEM_RESERVE | MEM_RESERVE_PLACEHOLDER,
	                           PAGE_NOACCESS, NULL, 0),
	             ERROR_INVALID_ADDRESS);
	assert_fails(VirtualAlloc(NULL, GRANULE, MEM_RESERVE | MEM_RESERVE_PLACEHOLDER,
	                          PAGE_NOACCESS),
	             ERROR_INVALID_PARAMETER);
}

static void test_split_and_coalesce(void **state) /* PH-2 to PH-4, SV-48, VF-1, VF-2 */
{
	char *base = must_keep(GRANULE);
	(void)state;
	assert_fails(VirtualFree(base, GRANULE, PRESERVE), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualFree(base, 0, PRESERVE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFree(base, GRANULE, COALESCE), ERROR_INVALID_ADDRESS);
	assert_succeeds(VirtualFree(base + 4 * PAGE, 8 * PAGE, PRESERVE));
	assert_piece(base, 4 * PAGE);
	assert_piece(base + 4 * PAGE, 8 * PAGE);
	assert_piece(base + 12 * PAGE, 4 * PAGE);
	assert_fails(VirtualFree(base, 0, COALESCE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFree(base, GRANULE, MEM_COALESCE_PLACEHOLDERS),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFree(base, 5 * PAGE, COALESCE), ERROR_INVALID_ADDRESS);
	assert_succeeds(VirtualFree(base, GRANULE, COALESCE));
	assert_piece(base, GRANULE);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE)); /* PH-8 */
	assert_int_equal(state_at(base), MEM_FREE);
}

static void test_split_of_a_reservation(void **state) /* PH-3 */
{
	char *base = VirtualAlloc(NULL, GRANULE, MEM_RESERVE, PAGE_NOACCESS);
	(void)state;
	assert_fails(VirtualFree(base, PAGE, PRESERVE), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualFree(base, GRANULE, PRESERVE), ERROR_INVALID_ADDRESS);
	assert_int_equal(state_at(base), MEM_RESERVE);
}

/* Bytes written before a piece goes back are never seen again. */
static void test_replace_and_back(void **state) /* PH-5 to PH-8 */
{
	const struct place *place = *state;
	char *base = must_keep(GRANULE), *piece = base + 3 * PAGE;
	assert_succeeds(VirtualFree(piece, 2 * PAGE, PRESERVE));
	assert_fails(replace(base, GRANULE, RC, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	assert_fails(replace(piece, PAGE, RC, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	assert_fails(replace(piece, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
	assert_fails(replace(piece, 2 * PAGE, 0, PAGE_READWRITE), ERROR_INVALID_PARAMETER);
	assert_succeeds(replace(piece, 2 * PAGE, RC, PAGE_READWRITE) == piece);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(load_at(place, piece + i * PAGE), 0);
		store_at(place, piece + i * PAGE, 0x42);
	}
	assert_int_equal(protect_at(piece), PAGE_READWRITE);
	assert_int_equal(own_counters().commit, 2);
	assert_fails(VirtualFree(piece, PAGE, PRESERVE), ERROR_INVALID_ADDRESS);
	assert_int_equal(load_at(place, piece), 0x42);
	assert_succeeds(VirtualFree(piece, 2 * PAGE, PRESERVE));
	assert_piece(piece, 2 * PAGE);
	assert_int_equal(own_counters().commit, 0);
	assert_int_equal(load_raises(place, piece), STATUS_ACCESS_VIOLATION);
	assert_succeeds(replace(piece, 2 * PAGE, RC, PAGE_READONLY) == piece);
	assert_int_equal(load_at(place, piece), 0);
	assert_succeeds(VirtualFree(piece, 0, MEM_RELEASE));
	assert_int_equal(state_at(piece), MEM_FREE);
	assert_piece(base, 3 * PAGE);
}

/* Replaced pages that went to the paging file leave nothing there. */
static void test_storage_comes_back(void **state) /* PH-7, VF-13 */
{
	const struct place *place = *state;
	char *base = must_keep(64 * PAGE);
	assert_succeeds(replace(base, 64 * PAGE, RC, PAGE_READWRITE) == base);
	for (int i = 0; i < 64; i++)
		store_at(place, base + i * PAGE, 1);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	ntmm_machine_write_modified(place->machine, UINT64_MAX);
	assert_true(counters_of(place).slots_used >= 64);
	assert_succeeds(VirtualFree(base, 64 * PAGE, PRESERVE));
	assert_true(counters_of(place).slots_used < 64);
	assert_succeeds(replace(base, 64 * PAGE, RC, PAGE_READWRITE) == base);
	for (int i = 0; i < 64; i++)
		assert_int_equal(load_at(place, base + i * PAGE), 0);
}

static ULONG_PTR written_in(void *base, SIZE_T bytes)
{
	PVOID pages[16];
	ULONG_PTR count = 16;
	DWORD granularity;
	if (GetWriteWatch(0, base, bytes, pages, &count, &granularity))
		return (ULONG_PTR)-1;
	return count;
}

static void test_watched_replacement(void **state) /* WW-27, PH-7 */
{
	const struct place *place = *state;
	char *base = must_keep(4 * PAGE);
	assert_succeeds(replace(base, 4 * PAGE, RC | MEM_WRITE_WATCH, PAGE_READWRITE) == base);
	store_at(place, base + PAGE, 1);
	assert_int_equal(written_in(base, 4 * PAGE), 1);
	assert_succeeds(VirtualFree(base, 4 * PAGE, PRESERVE));
	assert_int_equal(written_in(base, 4 * PAGE), (ULONG_PTR)-1);
	assert_succeeds(replace(base, 4 * PAGE, RC | MEM_WRITE_WATCH, PAGE_READWRITE) == base);
	assert_int_equal(written_in(base, 4 * PAGE), 0);
}

static void test_in_another_process(void **state) /* VA-80, V2-1 */
{
	const struct place *place = *state;
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_128TB);
	char *base = VirtualAlloc2(other, at(UINT64_C(0x500000000)), GRANULE,
	                           MEM_RESERVE | MEM_RESERVE_PLACEHOLDER, PAGE_NOACCESS, NULL, 0);
	assert_ptr_equal(base, at(UINT64_C(0x500000000)));
	assert_succeeds(VirtualFreeEx(other, base, PAGE, PRESERVE));
	assert_succeeds(VirtualAlloc2(other, base, PAGE, RC | MEM_REPLACE_PLACEHOLDER,
	                              PAGE_READWRITE, NULL, 0) == base);
	assert_succeeds(WriteProcessMemory(other, base, "x", 1, NULL));
	assert_succeeds(VirtualFreeEx(other, base, PAGE, PRESERVE));
	assert_succeeds(VirtualFreeEx(other, base, GRANULE, COALESCE));
	assert_true(CloseHandle(other));
	assert_fails(VirtualAlloc2(other, base, PAGE, RC, PAGE_READWRITE, NULL, 0),
	             ERROR_INVALID_HANDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_create),
		place_test(test_split_and_coalesce),
		place_test(test_split_of_a_reservation),
		place_test(test_replace_and_back),
		place_test(test_storage_comes_back),
		place_test(test_watched_replacement),
		place_test(test_in_another_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
