/* SPDX-License-Identifier: MIT
 *
 * Accesses by threads, and what they raise: rules EX and GP.
 */
#include "place.h"

static const EXCEPTION_RECORD *raised(const struct place *place)
{
	return ntmm_thread_exception(place->thread);
}

#define assert_raised(place, code, kind, address) \
	do { \
		assert_int_equal((NTSTATUS)raised(place)->ExceptionCode, code); \
		assert_int_equal(raised(place)->NumberParameters, 2); \
		assert_int_equal(raised(place)->ExceptionFlags, 0); \
		assert_int_equal(raised(place)->ExceptionInformation[0], kind); \
		assert_int_equal(raised(place)->ExceptionInformation[1], address); \
	} while (0)

/* All widths, aligned, misaligned, and across pages. */
static void widths(void **state)
{
	struct place *place = *state;
	uint64_t base = address_in(must_commit(2 * PAGE, PAGE_EXECUTE_READWRITE));
	for (uint64_t at = base + PAGE - 9; at < base + PAGE + 9; at++) {
		uint8_t b = 0;
		uint16_t w = 0;
		uint32_t d = 0;
		uint64_t q = 0;
		assert_true(ntmm_store64(place->thread, at, UINT64_C(0x1122334455667788)));
		assert_true(ntmm_load8(place->thread, at, &b) &&
		            ntmm_load16(place->thread, at, &w));
		assert_true(ntmm_load32(place->thread, at, &d) &&
		            ntmm_fetch64(place->thread, at, &q));
		assert_int_equal(b, 0x88);
		assert_int_equal(w, 0x7788);
		assert_int_equal(d, 0x55667788);
		assert_true(q == UINT64_C(0x1122334455667788));
		assert_true(ntmm_store16(place->thread, at + 2, 0xABCD) &&
		            ntmm_load64(place->thread, at, &q));
		assert_true(q == UINT64_C(0x11223344ABCD7788));
	}
	uint8_t odd[7] = {1, 2, 3, 4, 5, 6, 7}, back[7] = {0};
	assert_true(
		ntmm_thread_access(place->thread, NTMM_STORE, base + PAGE - 3, odd, sizeof odd));
	assert_true(
		ntmm_thread_access(place->thread, NTMM_LOAD, base + PAGE - 3, back, sizeof back));
	assert_memory_equal(odd, back, sizeof odd);
}

/* S15, S16, S66, EX-1: free and reserved memory; the address is not rounded. */
static void nothing_there(void **state)
{
	struct place *place = *state;
	uint8_t value;
	uint64_t reserved = address_in(VirtualAlloc(NULL, PAGE, MEM_RESERVE, PAGE_READWRITE));
	assert_false(ntmm_load8(place->thread, reserved + 7, &value));
	assert_raised(place, STATUS_ACCESS_VIOLATION, 0, reserved + 7);
	assert_false(ntmm_store8(place->thread, reserved + 8, 1));
	assert_raised(place, STATUS_ACCESS_VIOLATION, 1, reserved + 8);
	assert_false(ntmm_fetch8(place->thread, 0x1234, &value));
	assert_raised(place, STATUS_ACCESS_VIOLATION, 8, 0x1234);
}

/* EX-3: an access that straddles fails at the first byte of the page that refuses, and does nothing. */
static void straddling(void **state)
{
	struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	uint64_t edge = address_in(base) + PAGE;
	must_protect(base + PAGE, PAGE, PAGE_READONLY);
	assert_false(ntmm_store32(place->thread, edge - 2, 0xFFFFFFFF));
	assert_raised(place, STATUS_ACCESS_VIOLATION, 1, edge);
	assert_int_equal(load_at(place, base + PAGE - 2), 0);
	must_protect(base, PAGE, PAGE_NOACCESS);
	uint32_t value = 5;
	assert_false(ntmm_load32(place->thread, edge - 2, &value));
	assert_raised(place, STATUS_ACCESS_VIOLATION, 0, edge - 2);
	assert_int_equal(value, 5);
}

struct allowed {
	DWORD protect;
	bool load, store, fetch;
};

/* S19 to S21, S23 to S25, PR-10: what each protection lets through. */
static void protections(void **state)
{
	struct place *place = *state;
	static const struct allowed table[] = {
		{PAGE_NOACCESS, false, false, false},
		{PAGE_READONLY, true, false, false},
		{PAGE_READWRITE, true, true, false},
		{PAGE_EXECUTE, true, false, true},
		{PAGE_EXECUTE_READ, true, false, true},
		{PAGE_EXECUTE_READWRITE, true, true, true},
		{PAGE_READWRITE | PAGE_NOCACHE, true, true, false},
		{PAGE_READONLY | PAGE_WRITECOMBINE, true, false, false},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		uint64_t base = address_in(must_commit(PAGE, table[i].protect));
		uint8_t value;
		for (int round = 0; round < 2;
		     round++) { /* again with the page there, and in the TLB */
			assert_int_equal(ntmm_load8(place->thread, base, &value), table[i].load);
			assert_int_equal(ntmm_store8(place->thread, base, 1), table[i].store);
			assert_int_equal(ntmm_fetch8(place->thread, base, &value), table[i].fetch);
		}
		if (!table[i].fetch) {
			assert_int_equal(raised(place)->ExceptionInformation[0], 8);
		}
	}
}

/* EX-2, PR-10: without NX whatever can be read can be run, and a refused fetch reports 0. */
static void without_nx(void **state)
{
	(void)state;
	ntmm_machine_config config = {.size = sizeof config, .flags = NTMM_MACHINE_NO_NX};
	struct place place = {0};
	uint8_t value;
	assert_int_equal(ntmm_machine_create(&config, &place.machine), STATUS_SUCCESS);
	place_enter(&place, NTMM_LAYOUT_NT32_2GB);
	char *base = must_commit(PAGE, PAGE_READONLY);
	assert_true(ntmm_fetch8(place.thread, address_in(base), &value));
	must_protect(base, PAGE, PAGE_NOACCESS);
	assert_false(ntmm_fetch8(place.thread, address_in(base), &value));
	assert_raised(&place, STATUS_ACCESS_VIOLATION, 0, address_in(base));
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
}

/* EX-5: an address the processor cannot form; a kernel address is reported as it is. */
static void wild_addresses(void **state)
{
	struct place *place = *state;
	uint8_t value;
	place_leave(place);
	place_enter(place, NTMM_LAYOUT_NT64_128TB);
	assert_false(ntmm_store8(place->thread, UINT64_C(0x8000000000000), 1));
	assert_raised(place, STATUS_ACCESS_VIOLATION, 0, UINT64_MAX);
	assert_false(ntmm_load8(place->thread, UINT64_C(0xFFFFF80000000000), &value));
	assert_raised(place, STATUS_ACCESS_VIOLATION, 0, UINT64_C(0xFFFFF80000000000));
	assert_false(ntmm_load8(place->thread, UINT64_C(0x7FFFFFFF0000),
	                        &value)); /* AS-1: the top partition */
	assert_raised(place, STATUS_ACCESS_VIOLATION, 0, UINT64_C(0x7FFFFFFF0000));
}

/* S27, EX-6, GP-2, GP-3: once per page; then the protection beneath holds. */
static void guards(void **state)
{
	struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE | PAGE_GUARD);
	uint8_t value;
	assert_false(ntmm_store8(place->thread, address_in(base) + 3, 1));
	assert_raised(place, STATUS_GUARD_PAGE_VIOLATION, 1, address_in(base) + 3);
	assert_int_equal(protect_at(base), PAGE_READWRITE);
	assert_int_equal(protect_at(base + PAGE), PAGE_READWRITE | PAGE_GUARD);
	assert_true(ntmm_store8(place->thread, address_in(base) + 3, 1));
	assert_false(ntmm_load8(place->thread, address_in(base) + PAGE, &value));
	assert_raised(place, STATUS_GUARD_PAGE_VIOLATION, 0, address_in(base) + PAGE);
	assert_true(ntmm_load8(place->thread, address_in(base) + PAGE, &value));
	assert_int_equal(own_counters().guards, 2);
}

/* GP-4, GP-5: the guard first, then what the protection beneath refuses. */
static void guard_then_violation(void **state)
{
	struct place *place = *state;
	uint64_t base = address_in(must_commit(2 * PAGE, PAGE_READONLY | PAGE_GUARD));
	uint8_t value;
	assert_false(ntmm_fetch8(place->thread, base, &value));
	assert_raised(place, STATUS_GUARD_PAGE_VIOLATION, 8, base);
	assert_false(ntmm_fetch8(place->thread, base, &value));
	assert_raised(place, STATUS_ACCESS_VIOLATION, 8, base);
	assert_false(ntmm_store8(place->thread, base + PAGE, 1));
	assert_raised(place, STATUS_GUARD_PAGE_VIOLATION, 1, base + PAGE);
	assert_false(ntmm_store8(place->thread, base + PAGE, 1));
	assert_raised(place, STATUS_ACCESS_VIOLATION, 1, base + PAGE);
}

/* S27, GP-6: a system service that hits a guard fails with the status, once; nothing is raised. */
static void guard_in_a_service(void **state)
{
	struct place *place = *state;
	char *base = must_commit(3 * PAGE, PAGE_READWRITE);
	char buffer[3 * PAGE];
	uint64_t done = 0;
	memset(buffer, 'x', sizeof buffer);
	must_protect(base + PAGE, PAGE, PAGE_READWRITE | PAGE_GUARD);
	assert_int_equal(ntmm_copy_out(place->thread, address_in(base), buffer, sizeof buffer,
	                               &done),
	                 STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(done, PAGE);
	assert_int_equal(protect_at(base + PAGE), PAGE_READWRITE);
	assert_int_equal(ntmm_copy_out(place->thread, address_in(base), buffer, sizeof buffer,
	                               &done),
	                 STATUS_SUCCESS);
	assert_int_equal(done, sizeof buffer);
	memset(buffer, 0, sizeof buffer);
	assert_int_equal(ntmm_copy_in(place->thread, buffer, address_in(base) + 1,
	                              sizeof buffer - 1, NULL),
	                 STATUS_SUCCESS);
	assert_int_equal(buffer[sizeof buffer - 2], 'x');
	must_protect(base + 2 * PAGE, PAGE, PAGE_NOACCESS);
	assert_int_equal(ntmm_copy_in(place->thread, buffer, address_in(base), sizeof buffer,
	                              &done),
	                 STATUS_ACCESS_VIOLATION);
	assert_int_equal(done, 2 * PAGE);
}

/* EX-4: compare-exchange faults as a store, even where it would not store. */
static void compare_exchange(void **state)
{
	struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	uint64_t address = address_in(base) + 8, expected = 0, value;
	bool swapped = false;
	assert_true(ntmm_compare_exchange(place->thread, address, 8, &expected, 42, &swapped));
	assert_true(swapped);
	assert_true(ntmm_compare_exchange(place->thread, address, 8, &expected, 43, &swapped));
	assert_false(swapped);
	assert_int_equal(expected, 42);
	for (unsigned bytes = 1; bytes <= 4; bytes *= 2) {
		expected = bytes == 1 ? 42 : bytes / 2;
		assert_true(ntmm_compare_exchange(place->thread, address, bytes, &expected, bytes,
		                                  &swapped) &&
		            swapped);
	}
	assert_true(ntmm_load64(place->thread, address, &value));
	assert_int_equal(value, 4);
	assert_false(ntmm_compare_exchange(place->thread, address + 1, 8, &expected, 1, &swapped));
	assert_int_equal((NTSTATUS)raised(place)->ExceptionCode, STATUS_DATATYPE_MISALIGNMENT);
	must_protect(base, PAGE, PAGE_READONLY);
	assert_false(ntmm_compare_exchange(place->thread, address, 8, &expected, 1, &swapped));
	assert_raised(place, STATUS_ACCESS_VIOLATION, 1, address);
}

/* S67, EX-11: a page taken away is out of reach when the call returns; given back, it can be used. */
static void taken_away(void **state)
{
	struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	store_at(place, base, 1); /* in the TLB now */
	must_protect(base, PAGE, PAGE_READONLY);
	assert_int_equal(store_raises(place, base), STATUS_ACCESS_VIOLATION);
	must_protect(base, PAGE, PAGE_READWRITE);
	assert_int_equal(store_raises(place, base), STATUS_SUCCESS);
	assert_true(VirtualFree(base, PAGE, MEM_DECOMMIT));
	assert_int_equal(load_raises(place, base), STATUS_ACCESS_VIOLATION);
	assert_non_null(VirtualAlloc(base, PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_int_equal(load_at(place, base), 0);
	assert_true(VirtualFree(base, 0, MEM_RELEASE));
	assert_int_equal(load_raises(place, base), STATUS_ACCESS_VIOLATION);
}

/* S17: the end of its process takes everything from a thread that is still there. */
static void process_ends(void **state)
{
	struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	store_at(place, base, 1);
	assert_true(TerminateProcess(place->process, 0));
	assert_int_equal(load_raises(place, base), STATUS_ACCESS_VIOLATION);
	assert_int_equal(counters_of(place).processes, 0);
	assert_null(VirtualAlloc(NULL, PAGE, MEM_RESERVE, PAGE_READWRITE));
	assert_int_equal(GetLastError(), ERROR_ACCESS_DENIED); /* G-5 */
	assert_null(ntmm_thread_create(place->process, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(widths),
		place_test(nothing_there),
		place_test(straddling),
		place_test(protections),
		cmocka_unit_test(without_nx),
		place_test(wild_addresses),
		place_test(guards),
		place_test(guard_then_violation),
		place_test(guard_in_a_service),
		place_test(compare_exchange),
		place_test(taken_away),
		place_test(process_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
