/* SPDX-License-Identifier: MIT
 *
 * MEM_WRITE_WATCH, GetWriteWatch and ResetWriteWatch (rules WW).
 */
#include "place.h"

#include <ntmm/ntapi.h>

#define RC (MEM_RESERVE | MEM_COMMIT)
#define RESET WRITE_WATCH_FLAG_RESET
#define FAILED 0xFFFFFFFF
#define MOST 64

static char *watched(SIZE_T bytes, DWORD type, DWORD protect)
{
	char *base = VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_WRITE_WATCH | type, protect);
	if (!base)
		fail_msg("VirtualAlloc: error %u", GetLastError());
	return base;
}

/* Which of the first pages of the range count as written: a bit each. */
static uint64_t written_in(char *base, unsigned pages, DWORD flags)
{
	PVOID addresses[MOST];
	ULONG_PTR count = MOST;
	DWORD granularity = 0;
	uint64_t bits = 0;
	assert_succeeds(!GetWriteWatch(flags, base, pages * PAGE, addresses, &count, &granularity));
	assert_int_equal(granularity, PAGE);
	for (ULONG_PTR i = 0; i < count; i++) {
		uint64_t page = (uint64_t)((char *)addresses[i] - base) / PAGE;
		assert_ptr_equal(addresses[i], base + page * PAGE);
		assert_true(page < pages && bits >> page == 0); /* ascending: WW-6 */
		bits |= UINT64_C(1) << page;
	}
	return bits;
}

#define assert_written(base, pages, bits) assert_int_equal(written_in(base, pages, 0), bits)

static void test_stores_are_recorded(void **state) /* S51, WW-1, WW-8, WW-9 */
{
	const struct place *place = *state;
	char *base = watched(8 * PAGE, MEM_COMMIT, PAGE_READWRITE);
	assert_written(base, 8, 0);
	load_at(place, base);
	assert_written(base, 8, 0);
	store_at(place, base + 2 * PAGE + 7, 1);
	assert_true(ntmm_store32(place->thread, address_in(base + 5 * PAGE - 2), 1));
	assert_written(base, 8, 0x34);
	assert_int_equal(written_in(base, 8, RESET), 0x34);
	assert_written(base, 8, 0);
	load_at(place, base + 2 * PAGE);
	assert_written(base, 8, 0);
	store_at(place, base + 2 * PAGE, 2); /* the thread had a translation */
	assert_written(base, 8, 0x04);
}

static void test_every_way_to_write(void **state) /* S51, WW-8, WW-11, EX-4 */
{
	const struct place *place = *state;
	char *base = watched(8 * PAGE, MEM_COMMIT, PAGE_READWRITE), two[2 * PAGE] = {1};
	uint64_t expected = 5;
	bool swapped;
	assert_succeeds(WriteProcessMemory(GetCurrentProcess(), base + PAGE - 1, two, 2, NULL));
	assert_written(base, 8, 0x03);
	assert_int_equal(ntmm_copy_out(place->thread, address_in(base + 2 * PAGE), two, sizeof two,
	                               NULL),
	                 STATUS_SUCCESS);
	assert_written(base, 8, 0x0F);
	assert_true(ntmm_compare_exchange(place->thread, address_in(base + 6 * PAGE), 8, &expected,
	                                  7, &swapped));
	assert_written(base, 8, 0x4F);
	assert_int_equal(written_in(base, 8, RESET), 0x4F);
	for (int i = 0; i < 4; i++) { /* pages that may be written at once go together */
		assert_succeeds(WriteProcessMemory(GetCurrentProcess(), base, two, sizeof two, NULL));
		assert_int_equal(written_in(base, 8, RESET), 0x03);
	}
	assert_succeeds(ReadProcessMemory(GetCurrentProcess(), base, two, sizeof two, NULL));
	assert_written(base, 8, 0);
}

static void test_failed_stores_are_not(void **state) /* WW-8, GP-11 */
{
	const struct place *place = *state;
	char *base = watched(8 * PAGE, 0, PAGE_READWRITE);
	assert_non_null(VirtualAlloc(base, 7 * PAGE, MEM_COMMIT, PAGE_READWRITE));
	must_protect(base, PAGE, PAGE_READONLY);
	must_protect(base + PAGE, PAGE, PAGE_NOACCESS);
	must_protect(base + 2 * PAGE, 2 * PAGE, PAGE_READWRITE | PAGE_GUARD);
	assert_int_equal(store_raises(place, base), STATUS_ACCESS_VIOLATION);
	assert_int_equal(store_raises(place, base + PAGE), STATUS_ACCESS_VIOLATION);
	assert_int_equal(store_raises(place, base + 7 * PAGE), STATUS_ACCESS_VIOLATION);
	assert_int_equal(store_raises(place, base + 2 * PAGE), STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(load_raises(place, base + 3 * PAGE), STATUS_GUARD_PAGE_VIOLATION);
	load_at(place, base + 3 * PAGE);
	assert_written(base, 8, 0);
	store_at(place, base + 2 * PAGE, 1); /* the guard is consumed */
	assert_written(base, 8, 0x04);
}

static void test_protection_changes_nothing(void **state) /* WW-20 */
{
	const struct place *place = *state;
	char *base = watched(4 * PAGE, MEM_COMMIT, PAGE_READWRITE);
	store_at(place, base, 1);
	store_at(place, base + PAGE, 1);
	must_protect(base, PAGE, PAGE_READONLY);
	must_protect(base + PAGE, PAGE, PAGE_NOACCESS);
	must_protect(base + 2 * PAGE, PAGE, PAGE_EXECUTE_READ);
	assert_int_equal(written_in(base, 4, RESET), 0x03);
	must_protect(base, 4 * PAGE, PAGE_READWRITE);
	assert_written(base, 4, 0);
	store_at(place, base, 1);
	assert_written(base, 4, 0x01);
}

static void test_reset_and_offer_mark_nothing(void **state) /* WW-21 */
{
	const struct place *place = *state;
	char *base = watched(4 * PAGE, MEM_COMMIT, PAGE_READWRITE);
	store_at(place, base, 1);
	assert_ptr_equal(VirtualAlloc(base, 4 * PAGE, MEM_RESET, PAGE_READWRITE), base);
	assert_int_equal(written_in(base, 4, RESET), 0x01);
	assert_non_null(VirtualAlloc(base, 4 * PAGE, MEM_RESET_UNDO, PAGE_READWRITE));
	assert_int_equal(OfferVirtualMemory(base, 4 * PAGE, VmOfferPriorityNormal), 0);
	ReclaimVirtualMemory(base, 4 * PAGE);
	assert_int_equal(DiscardVirtualMemory(base, 4 * PAGE), 0);
	load_at(place, base);
	assert_written(base, 4, 0);
	store_at(place, base, 1);
	assert_written(base, 4, 0x01);
}

static void test_decommit_keeps_the_mark(void **state) /* WW-22, WW-23, VF-15 */
{
	const struct place *place = *state;
	char *base = watched(4 * PAGE, MEM_COMMIT, PAGE_READWRITE);
	store_at(place, base + PAGE, 9);
	assert_succeeds(VirtualFree(base, 4 * PAGE, MEM_DECOMMIT));
	assert_written(base, 4, 0x02);
	assert_non_null(VirtualAlloc(base, 4 * PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_int_equal(load_at(place, base + PAGE), 0);
	assert_written(base, 4, 0x02);
	assert_succeeds(!ResetWriteWatch(base + PAGE + 0xFFF, 1));
	assert_written(base, 4, 0);
}

static void test_paging_neither_marks_nor_clears(void **state)
{
	const struct place *place = *state;
	char *base = watched(8 * PAGE, MEM_COMMIT, PAGE_READWRITE);
	for (int i = 0; i < 8; i++)
		store_at(place, base + i * PAGE, (uint8_t)i);
	assert_int_equal(written_in(base, 8, RESET), 0xFF);
	store_at(place, base, 10);
	for (int round = 0; round < 2; round++) { /* by standby, and by the paging file */
		assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
		ntmm_machine_balance(place->machine, round ? UINT64_MAX : 0);
		for (int i = 1; i < 8; i++)
			assert_int_equal(load_at(place, base + i * PAGE), i);
		assert_written(base, 8, 0x01);
	}
	assert_int_equal(written_in(base, 8, RESET), 0x01);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	assert_int_equal(load_at(place, base), 10); /* written, if not since */
	assert_written(base, 8, 0);
	store_at(place, base, 11);
	assert_written(base, 8, 0x01);
}

static void test_lock_counts(void **state) /* VL-12, WW-24 */
{
	char *base = watched(4 * PAGE, MEM_COMMIT, PAGE_READWRITE);
	(void)state;
	must_protect(base + 2 * PAGE, PAGE, PAGE_READWRITE | PAGE_GUARD);
	assert_fails(VirtualLock(base, 4 * PAGE), ERROR_GUARD_PAGE_VIOLATION);
	assert_written(base, 4, 0);
	assert_succeeds(VirtualLock(base, 2 * PAGE));
	assert_int_equal(written_in(base, 4, RESET), 0x03);
	assert_succeeds(VirtualUnlock(base, 2 * PAGE));
	assert_written(base, 4, 0);
}

static void test_drain(void **state) /* WW-7 */
{
	const struct place *place = *state;
	char *base = watched(16 * PAGE, MEM_COMMIT, PAGE_READWRITE);
	PVOID addresses[3];
	DWORD granularity;
	for (int i = 1; i < 16; i += 2)
		store_at(place, base + i * PAGE, 1);
	for (int turn = 0; turn < 3; turn++) {
		ULONG_PTR count = 3;
		assert_succeeds(!GetWriteWatch(RESET, base, 16 * PAGE, addresses, &count,
		                               &granularity));
		assert_int_equal(count, turn < 2 ? 3 : 2);
		for (ULONG_PTR i = 0; i < count; i++)
			assert_ptr_equal(addresses[i], base + (6 * turn + 2 * (int)i + 1) * PAGE);
	}
	assert_written(base, 16, 0);
	store_at(place, base + 3 * PAGE, 1);
	assert_written(base, 16, 0x08);
}

static void test_range(void **state) /* WW-5, WW-25 */
{
	const struct place *place = *state;
	char *base = watched(8 * PAGE, MEM_COMMIT, PAGE_READWRITE);
	for (int i = 0; i < 8; i++)
		store_at(place, base + i * PAGE, 1);
	PVOID addresses[8];
	ULONG_PTR count = 8;
	DWORD granularity;
	assert_succeeds(!GetWriteWatch(0, base + 0x2FFF, 2, addresses, &count, &granularity));
	assert_int_equal(count, 2);
	assert_ptr_equal(addresses[0], base + 2 * PAGE);
	assert_ptr_equal(addresses[1], base + 3 * PAGE);
	assert_succeeds(!ResetWriteWatch(base + 0x2FFF, 2));
	assert_written(base, 8, 0xF3);
	assert_succeeds(!ResetWriteWatch(base, 8 * PAGE));
	assert_written(base, 8, 0);
}

/* Fails, and touches nothing (WW-4). */
static void refused(DWORD flags, void *base, SIZE_T size, ULONG_PTR room, DWORD error)
{
	PVOID addresses[2] = {at(1), at(2)};
	ULONG_PTR count = room;
	DWORD granularity = 77;
	SetLastError(UNTOUCHED);
	assert_int_equal(GetWriteWatch(flags, base, size, addresses, &count, &granularity), FAILED);
	assert_int_equal(GetLastError(), error);
	assert_int_equal(count, room);
	assert_int_equal(granularity, 77);
	assert_ptr_equal(addresses[0], at(1));
}

static void reset_refused(void *base, SIZE_T size)
{
	SetLastError(UNTOUCHED);
	assert_int_equal(ResetWriteWatch(base, size), FAILED);
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
}

static void test_arguments(void **state) /* WW-1, WW-2, WW-4, WW-25 */
{
	char *base = watched(GRANULE, MEM_COMMIT, PAGE_READWRITE);
	char *plain = must_commit(PAGE, PAGE_READWRITE);
	(void)state;
	refused(2, base, PAGE, 2, ERROR_INVALID_PARAMETER);
	refused(0, at(0x80000000), PAGE, 2, ERROR_INVALID_PARAMETER);
	refused(0, base, (SIZE_T)-1, 2, ERROR_INVALID_PARAMETER);
	refused(0, base, PAGE, 0, ERROR_INVALID_PARAMETER);
	refused(0, base, PAGE, (SIZE_T)-1, ERROR_INVALID_PARAMETER);
	refused(0, base, PAGE, (SIZE_T)1 << 60, ERROR_NOACCESS); /* more than there can be */
	refused(0, base, 0, 2, ERROR_INVALID_PARAMETER);
	refused(0, base, GRANULE + 1, 2, ERROR_INVALID_PARAMETER);
	refused(RESET, plain, PAGE, 2, ERROR_INVALID_PARAMETER);
	refused(0, at(0x70000000), PAGE, 2, ERROR_INVALID_PARAMETER); /* free */
	refused(0, NULL, PAGE, 2, ERROR_INVALID_PARAMETER);
	refused(0, at(0x7FFE0000), PAGE, 2, ERROR_INVALID_PARAMETER);
	reset_refused(base, 0);
	reset_refused(base, GRANULE + 1);
	reset_refused(base, (SIZE_T)-1);
	reset_refused(plain, PAGE);
	reset_refused(at(0x80000000), PAGE);
}

static void test_pointers(void **state) /* WW-2 */
{
	char *base = watched(PAGE, MEM_COMMIT, PAGE_READWRITE);
	PVOID address;
	ULONG_PTR one = 1, none = 0;
	DWORD g;
	(void)state;
	assert_int_equal(GetWriteWatch(0, base, PAGE, NULL, &one, &g), FAILED);
	assert_int_equal(GetLastError(), ERROR_NOACCESS);
	assert_int_equal(GetWriteWatch(0, base, PAGE, NULL, &none, &g), FAILED);
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
	assert_int_equal(GetWriteWatch(0, base, PAGE, &address, NULL, &g), FAILED);
	assert_int_equal(GetLastError(), ERROR_NOACCESS);
	assert_int_equal(GetWriteWatch(0, base, PAGE, &address, &one, NULL), FAILED);
	assert_int_equal(GetLastError(), ERROR_NOACCESS);
}

static void test_statuses(void **state) /* WW-3 */
{
	char *base = watched(PAGE, MEM_COMMIT, PAGE_READWRITE);
	uint64_t address, count = 1;
	uint32_t g;
	HANDLE self = GetCurrentProcess();
	uint64_t at_base = address_in(base);
	(void)state;
	assert_int_equal(NtGetWriteWatch(self, 4, at_base, 1, &address, &count, &g),
	                 STATUS_INVALID_PARAMETER_2);
	assert_int_equal(NtGetWriteWatch(self, 0, UINT64_MAX, 1, &address, &count, &g),
	                 STATUS_INVALID_PARAMETER_3);
	assert_int_equal(NtGetWriteWatch(self, 0, at_base, UINT64_MAX, &address, &count, &g),
	                 STATUS_INVALID_PARAMETER_4);
	count = 0;
	assert_int_equal(NtGetWriteWatch(self, 0, at_base, 1, &address, &count, &g),
	                 STATUS_INVALID_PARAMETER_5);
	count = 1;
	assert_int_equal(NtGetWriteWatch(self, 0, at_base + PAGE, 1, &address, &count, &g),
	                 STATUS_INVALID_PARAMETER_1);
	assert_int_equal(NtGetWriteWatch(NULL, 0, at_base, 1, &address, &count, &g),
	                 STATUS_INVALID_HANDLE);
	assert_int_equal(NtGetWriteWatch(self, 0, at_base, 1, &address, &count, &g), STATUS_SUCCESS);
	assert_int_equal(count, 0);
	assert_int_equal(NtResetWriteWatch(self, at_base, 1), STATUS_SUCCESS);
}

static void test_allocation_types(void **state) /* VA-7, WW-1 */
{
	(void)state;
	assert_fails(VirtualAlloc(NULL, PAGE, MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
	char *base = watched(GRANULE, MEM_TOP_DOWN, PAGE_NOACCESS);
	assert_fails(VirtualAlloc(base, PAGE, MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
	assert_non_null(VirtualAlloc(base, PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_written(base, 16, 0);
}

/* VF-33: each part keeps the marks of its pages, and is watched by itself. */
static void test_parts(void **state)
{
	const struct place *place = *state;
	char *base = watched(8 * PAGE, MEM_COMMIT, PAGE_READWRITE);
	for (int i = 0; i < 8; i++)
		store_at(place, base + i * PAGE, 1);
	assert_succeeds(!ResetWriteWatch(base + PAGE, PAGE));
	uint64_t middle = address_in(base) + 3 * PAGE, size = PAGE;
	assert_int_equal(NtFreeVirtualMemory(GetCurrentProcess(), &middle, &size, MEM_RELEASE),
	                 STATUS_SUCCESS);
	refused(0, base, 8 * PAGE, 2, ERROR_INVALID_PARAMETER);
	assert_written(base, 3, 0x05);
	assert_written(base + 4 * PAGE, 4, 0x0F);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	assert_int_equal(written_in(base + 4 * PAGE, 4, RESET), 0x0F);
	store_at(place, base + 6 * PAGE, 1);
	assert_written(base + 4 * PAGE, 4, 0x04);
	char *again = VirtualAlloc(base, 4 * PAGE, RC | MEM_WRITE_WATCH, PAGE_READWRITE);
	assert_ptr_equal(again, base);
	assert_written(base, 4, 0);
}

static void test_terabytes(void **state)
{
	struct place *place = *state;
	SIZE_T size = (SIZE_T)8 << 40;
	PVOID addresses[4];
	ULONG_PTR count = 4;
	DWORD granularity;
	place_leave(place);
	place_enter(place, NTMM_LAYOUT_NT64_128TB);
	char *base = watched(size, 0, PAGE_READWRITE);
	char *far = base + size - GRANULE;
	assert_non_null(VirtualAlloc(far, PAGE, MEM_COMMIT, PAGE_READWRITE));
	store_at(place, far, 1);
	assert_succeeds(!GetWriteWatch(RESET, base, size, addresses, &count, &granularity));
	assert_int_equal(count, 1);
	assert_ptr_equal(addresses[0], far);
	count = 4;
	assert_succeeds(!GetWriteWatch(0, base, size, addresses, &count, &granularity));
	assert_int_equal(count, 0);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_stores_are_recorded),
		place_test(test_every_way_to_write),
		place_test(test_failed_stores_are_not),
		place_test(test_protection_changes_nothing),
		place_test(test_reset_and_offer_mark_nothing),
		place_test(test_decommit_keeps_the_mark),
		place_test(test_paging_neither_marks_nor_clears),
		place_test(test_lock_counts),
		place_test(test_drain),
		place_test(test_range),
		place_test(test_arguments),
		place_test(test_pointers),
		place_test(test_statuses),
		place_test(test_allocation_types),
		place_test(test_parts),
		place_test(test_terabytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
