/* SPDX-License-Identifier: MIT
 *
 * ReadProcessMemory and WriteProcessMemory (rules PM, GP-9, GP-10; S13).
 */
#include "place.h"

#include <ntmm/ntapi.h>

#define NOTHING 77 /* in *copied before the call */

static char host[4 * PAGE];

/* The call fails with `error`, having copied `bytes` (PM-15). */
#define assert_reads(address, size, error, bytes) \
	do { \
		SIZE_T copied = NOTHING; \
		memset(host, 0, sizeof host); \
		assert_fails(ReadProcessMemory(GetCurrentProcess(), address, host, size, &copied), \
		             error); \
		assert_int_equal(copied, bytes); \
	} while (0)

#define assert_writes(address, size, error, bytes) \
	do { \
		SIZE_T copied = NOTHING; \
		memset(host, 0xCD, sizeof host); \
		assert_fails( \
			WriteProcessMemory(GetCurrentProcess(), address, host, size, &copied), \
			error); \
		assert_int_equal(copied, bytes); \
	} while (0)

static bool holds(const struct place *place, const char *address, uint8_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		if (load_at(place, address + i) != value)
			return false;
	return true;
}

/* Three pages, the middle one with its own protection, each full of its number. */
static char *three(DWORD middle)
{
	char *base = must_commit(3 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 3; i++) {
		memset(host, i + 1, PAGE);
		assert_true(
			WriteProcessMemory(GetCurrentProcess(), base + i * PAGE, host, PAGE, NULL));
	}
	must_protect(base + PAGE, PAGE, middle);
	return base;
}

/* ---- both ----------------------------------------------------------------------------------- */

static void test_nothing(void **state)
{
	(void)state;
	SIZE_T copied = NOTHING;
	assert_succeeds(ReadProcessMemory(GetCurrentProcess(), NULL, NULL, 0, &copied)); /* PM-1 */
	assert_int_equal(copied, 0);
	assert_succeeds(ReadProcessMemory(NULL, at(UINT64_MAX), NULL, 0, NULL));
	copied = NOTHING;
	assert_succeeds(WriteProcessMemory(GetCurrentProcess(), NULL, NULL, 0, &copied));
	assert_int_equal(copied, 0);
	assert_succeeds(WriteProcessMemory(at(12), at(UINT64_MAX), NULL, 0, NULL));
}

static void test_there_and_back(void **state)
{
	struct place *place = *state;
	static char out[3 * PAGE], in[3 * PAGE];
	SIZE_T copied = NOTHING;
	char *base = must_commit(4 * PAGE, PAGE_READWRITE);
	for (size_t i = 0; i < sizeof out; i++)
		out[i] = (char)(i * 7);
	assert_succeeds(
		WriteProcessMemory(GetCurrentProcess(), base + 123, out, sizeof out, &copied));
	assert_int_equal(copied, sizeof out);
	assert_int_equal(load_at(place, base + 123 + 5000), (uint8_t)(5000 * 7));
	assert_succeeds(ReadProcessMemory(GetCurrentProcess(), base + 123, in, sizeof in, &copied));
	assert_int_equal(copied, sizeof in);
	assert_memory_equal(in, out, sizeof in);
	assert_succeeds(ReadProcessMemory(GetCurrentProcess(), base + 123, in, sizeof in, NULL));
	assert_succeeds(WriteProcessMemory(GetCurrentProcess(), base, out, 1, NULL));
}

/* PM-2. */
static void test_out_of_user_space(void **state)
{
	(void)state;
	const uint64_t maximum = 0x7FFEFFFF;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	assert_reads(at(maximum), 2, ERROR_NOACCESS, 0);
	assert_reads(at(maximum + 1), 1, ERROR_NOACCESS, 0);
	assert_reads(at(UINT64_MAX), 1, ERROR_NOACCESS, 0);
	assert_reads(base, UINT64_MAX, ERROR_NOACCESS, 0);
	assert_reads(base, UINT64_MAX - address_in(base) + 1, ERROR_NOACCESS, 0);
	assert_writes(at(maximum), 2, ERROR_NOACCESS, 0);
	assert_writes(at(maximum + 1), 1, ERROR_NOACCESS, 0);
	assert_writes(at(UINT64_MAX), 1, ERROR_NOACCESS, 0);
	assert_writes(base, UINT64_MAX, ERROR_NOACCESS, 0);
	assert_writes(base, UINT64_MAX - address_in(base) + 1, ERROR_NOACCESS, 0);
}

static void test_host_pointers(void **state)
{
	struct place *place = *state;
	SIZE_T copied = NOTHING;
	char *base = must_commit(PAGE, PAGE_READWRITE), value;
	HANDLE self = GetCurrentProcess();
	void *const bad[] = {NULL, at(PAGE), at(0xFFFF), at(0xFFFF800000000000), at(UINT64_MAX)};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		copied = NOTHING;
		assert_fails(ReadProcessMemory(self, base, bad[i], 1, &copied),
		             ERROR_NOACCESS); /* PM-6 */
		assert_int_equal(copied, 0);
		copied = NOTHING;
		assert_fails(WriteProcessMemory(self, base, bad[i], 1, &copied),
		             ERROR_NOACCESS); /* PM-7 */
		assert_int_equal(copied, 0);
		if (bad[i]) {
			assert_fails(ReadProcessMemory(self, base, &value, 1, bad[i]),
			             ERROR_NOACCESS);
			assert_fails(WriteProcessMemory(self, base, "x", 1, bad[i]),
			             ERROR_NOACCESS);
		}
	}
	assert_int_equal(load_at(place, base), 0);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* PM-4, PM-5, GP-10: the first byte that cannot be read ends it; what is before has been copied. */
static void test_read_stops(void **state)
{
	struct place *place = *state;
	const DWORD closed[] = {PAGE_NOACCESS, PAGE_READWRITE | PAGE_GUARD,
	                        PAGE_READONLY | PAGE_GUARD};
	for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
		char *base = three(closed[i]);
		assert_reads(base + PAGE, 1, ERROR_PARTIAL_COPY, 0);
		assert_reads(base + PAGE - 10, 3 * PAGE - PAGE, ERROR_PARTIAL_COPY, 10);
		assert_int_equal(host[9], 1);
		assert_int_equal(host[10], 0);
		assert_reads(base, 3 * PAGE, ERROR_PARTIAL_COPY, PAGE);
		assert_int_equal(protect_at(base + PAGE), closed[i]); /* GP-9: a guard stays */
		must_protect(base + PAGE, PAGE, PAGE_READONLY);
		assert_int_equal(load_at(place, base + PAGE), 2);
	}
}

static void test_read_reserved_and_free(void **state)
{
	(void)state;
	char *base = must_commit(3 * PAGE, PAGE_READWRITE);
	VirtualFree(base + PAGE, PAGE, MEM_DECOMMIT);
	assert_reads(base + PAGE, PAGE, ERROR_PARTIAL_COPY, 0);
	assert_reads(base + 1, 3 * PAGE - 1, ERROR_PARTIAL_COPY, PAGE - 1);
	assert_reads(base + 3 * PAGE - 1, 2, ERROR_PARTIAL_COPY, 1);
	VirtualFree(base, 0, MEM_RELEASE);
	assert_reads(base, 1, ERROR_PARTIAL_COPY, 0);
	assert_reads(at(0x1000), 1, ERROR_PARTIAL_COPY, 0);
}

static void test_read_of_every_readable(void **state)
{
	(void)state;
	const DWORD readable[] = {PAGE_READONLY, PAGE_READWRITE, PAGE_EXECUTE, PAGE_EXECUTE_READ,
	                          PAGE_EXECUTE_READWRITE};
	for (size_t i = 0; i < sizeof readable / sizeof readable[0]; i++) {
		SIZE_T copied = NOTHING;
		char *base = three(readable[i]);
		assert_succeeds(
			ReadProcessMemory(GetCurrentProcess(), base, host, 3 * PAGE, &copied));
		assert_int_equal(copied, 3 * PAGE);
		assert_int_equal(host[PAGE], 2);
		assert_int_equal(host[3 * PAGE - 1], 3);
	}
}

/* A read may go from one allocation into the next. */
static void test_read_across_allocations(void **state)
{
	(void)state;
	char *base = VirtualAlloc(at(0x500000), GRANULE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	assert_non_null(
		VirtualAlloc(base + GRANULE, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READONLY));
	assert_succeeds(ReadProcessMemory(GetCurrentProcess(), base + GRANULE - 1, host, 2, NULL));
}

/* PM-16; S13: wherever the pages are, the contents are the same. */
static void test_pages_anywhere(void **state)
{
	struct place *place = *state;
	char *base = must_commit(64 * PAGE, PAGE_READWRITE), value;
	SIZE_T copied;
	memset(host, 0xFF, sizeof host);
	assert_succeeds(ReadProcessMemory(GetCurrentProcess(), base, host, PAGE,
	                                  &copied)); /* never touched */
	for (int i = 0; i < PAGE; i++)
		assert_int_equal(host[i], 0);
	for (int i = 0; i < 64; i++)
		store_at(place, base + i * PAGE, (uint8_t)(i + 1));
	EmptyWorkingSet(GetCurrentProcess());
	assert_true(ntmm_machine_write_modified(place->machine, 32) >=
	            32); /* some clean, some dirty */
	for (int i = 0; i < 64; i++) {
		assert_succeeds(
			ReadProcessMemory(GetCurrentProcess(), base + i * PAGE, &value, 1, NULL));
		assert_int_equal(value, i + 1);
		value = (char)~value;
		assert_succeeds(
			WriteProcessMemory(GetCurrentProcess(), base + i * PAGE, &value, 1, NULL));
	}
	EmptyWorkingSet(GetCurrentProcess());
	for (int i = 0; i < 64; i++)
		assert_int_equal(load_at(place, base + i * PAGE), (uint8_t)~(i + 1));
}

/* ---- writing -------------------------------------------------------------------------------- */

/* PM-10 and PM-11: what can be written, and code. Protections are afterwards what they were. */
static void test_write(void **state)
{
	struct place *place = *state;
	const DWORD writable[] = {PAGE_READWRITE, PAGE_EXECUTE_READWRITE, PAGE_EXECUTE,
	                          PAGE_EXECUTE_READ};
	for (size_t i = 0; i < sizeof writable / sizeof writable[0]; i++) {
		SIZE_T copied = NOTHING;
		char *base = three(writable[i]);
		memset(host, 0xCD, sizeof host);
		assert_succeeds(WriteProcessMemory(GetCurrentProcess(), base + PAGE + 1, host,
		                                   PAGE - 2, &copied));
		assert_int_equal(copied, PAGE - 2);
		assert_int_equal(protect_at(base + PAGE), writable[i]);
		assert_int_equal(load_at(place, base + PAGE), 2);
		assert_true(holds(place, base + PAGE + 1, 0xCD, PAGE - 2));
		assert_int_equal(load_at(place, base + 2 * PAGE - 1), 2);
	}
}

/* A patch of code is what is run next (FI-5). */
static void test_write_code_is_fetched(void **state)
{
	struct place *place = *state;
	char *base = three(PAGE_EXECUTE_READ);
	uint8_t value;
	assert_true(ntmm_fetch8(place->thread, address_in(base + PAGE), &value));
	assert_int_equal(value, 2);
	assert_succeeds(WriteProcessMemory(GetCurrentProcess(), base + PAGE, "\xCC", 1, NULL));
	assert_true(ntmm_fetch8(place->thread, address_in(base + PAGE), &value));
	assert_int_equal(value, 0xCC);
	assert_int_equal(store_raises(place, base + PAGE), STATUS_ACCESS_VIOLATION);
}

/* Each page of a range keeps its own protection, whatever the first one's is. */
static void test_write_across_protections(void **state)
{
	struct place *place = *state;
	const DWORD middle[] = {PAGE_EXECUTE, PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE};
	for (size_t i = 0; i < sizeof middle / sizeof middle[0]; i++) {
		char *base = three(middle[i]);
		SIZE_T copied = NOTHING;
		for (int page = 0; page < 3; page++)
			memset(host + page * PAGE, 0xC0 + page, PAGE);
		assert_succeeds(
			WriteProcessMemory(GetCurrentProcess(), base, host, 3 * PAGE, &copied));
		assert_int_equal(copied, 3 * PAGE);
		for (int page = 0; page < 3; page++)
			assert_true(holds(place, base + page * PAGE, (uint8_t)(0xC0 + page), PAGE));
		assert_succeeds(
			WriteProcessMemory(GetCurrentProcess(), base + PAGE, host, 2 * PAGE, NULL));
		assert_int_equal(protect_at(base), PAGE_READWRITE);
		assert_int_equal(protect_at(base + PAGE), middle[i]);
		assert_int_equal(protect_at(base + 2 * PAGE), PAGE_READWRITE);
	}
}

/* PM-12; later in the range it ends the copy there. */
static void test_write_read_only(void **state)
{
	struct place *place = *state;
	const DWORD closed[] = {PAGE_READONLY, PAGE_NOACCESS};
	for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
		char *base = three(closed[i]);
		assert_writes(base + PAGE, 1, ERROR_NOACCESS, 0);
		assert_writes(base + PAGE, 2 * PAGE, ERROR_NOACCESS, 0);
		assert_writes(base + 10, 2 * PAGE, ERROR_PARTIAL_COPY, PAGE - 10);
		assert_int_equal(protect_at(base), PAGE_READWRITE);
		assert_int_equal(protect_at(base + PAGE), closed[i]);
		assert_int_equal(protect_at(base + 2 * PAGE), PAGE_READWRITE);
		must_protect(base + PAGE, PAGE, PAGE_READONLY);
		assert_true(holds(place, base + 10, 0xCD, PAGE - 10));
		assert_true(holds(place, base + PAGE, 2, PAGE));
		assert_true(holds(place, base + 2 * PAGE, 3, PAGE));
	}
}

/* PM-13: what the protect step would say; nothing is written. */
static void test_write_where_nothing_can_be_made_writable(void **state)
{
	struct place *place = *state;
	char *base = must_commit(3 * PAGE, PAGE_READWRITE);
	VirtualFree(base + PAGE, PAGE, MEM_DECOMMIT);
	assert_writes(base + PAGE, PAGE, ERROR_INVALID_ADDRESS, 0);
	assert_writes(base, 2 * PAGE, ERROR_INVALID_ADDRESS, 0);
	assert_writes(base + 3 * PAGE - 1, 2, ERROR_INVALID_ADDRESS, 0);
	assert_writes(base + GRANULE, 1, ERROR_INVALID_ADDRESS, 0);
	assert_int_equal(load_at(place, base), 0);
	assert_int_equal(load_at(place, base + 3 * PAGE - 1), 0);

	char *first = VirtualAlloc(at(0x500000), GRANULE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	VirtualAlloc(first + GRANULE, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	assert_writes(first + GRANULE - 1, 2, ERROR_INVALID_ADDRESS, 0);
	assert_int_equal(load_at(place, first + GRANULE - 1), 0);
}

/* PM-14: the guard refuses, and stays. */
static void test_write_guarded(void **state)
{
	struct place *place = *state;
	const DWORD guarded[] = {PAGE_READWRITE | PAGE_GUARD, PAGE_READONLY | PAGE_GUARD,
	                         PAGE_EXECUTE_READ | PAGE_GUARD};
	for (size_t i = 0; i < sizeof guarded / sizeof guarded[0]; i++) {
		char *base = three(guarded[i]);
		assert_writes(base + PAGE, 1, ERROR_NOACCESS, 0);
		assert_writes(base + PAGE - 1, 2, ERROR_PARTIAL_COPY, 1);
		assert_int_equal(protect_at(base + PAGE), guarded[i]);
		assert_int_equal(load_raises(place, base + PAGE), STATUS_GUARD_PAGE_VIOLATION);
		assert_true(holds(place, base + PAGE, 2, PAGE));
	}
}

/* OF-3: nobody reaches offered pages, a debugger neither. */
static void test_write_offered(void **state)
{
	struct place *place = *state;
	const DWORD protections[] = {PAGE_READWRITE, PAGE_EXECUTE_READ};
	for (size_t i = 0; i < sizeof protections / sizeof protections[0]; i++) {
		char *base = three(protections[i]);
		assert_int_equal(OfferVirtualMemory(base + PAGE, PAGE, VmOfferPriorityNormal),
		                 ERROR_SUCCESS);
		assert_writes(base + PAGE, 1, ERROR_NOACCESS, 0);
		assert_int_equal(load_raises(place, base + PAGE), STATUS_ACCESS_VIOLATION);
		assert_int_equal(ReclaimVirtualMemory(base + PAGE, PAGE), ERROR_SUCCESS);
		assert_true(holds(place, base + PAGE, 2, PAGE));
	}
}

static void test_write_to_the_shared_page(void **state)
{
	(void)state;
	assert_writes(at(0x7FFE0000), 1, ERROR_NOACCESS, 0);
	assert_int_equal(protect_at(at(0x7FFE0000)), PAGE_READONLY);
}

/* PR-8: the cache attribute of the allocation comes back with the rest. */
static void test_write_uncached_code(void **state)
{
	struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_EXECUTE_READ | PAGE_NOCACHE);
	assert_succeeds(WriteProcessMemory(GetCurrentProcess(), base, "x", 1, NULL));
	assert_int_equal(load_at(place, base), 'x');
	assert_int_equal(protect_at(base), PAGE_EXECUTE_READ | PAGE_NOCACHE);
}

/* PM-8: the native write opens nothing. */
static void test_native_write(void **state)
{
	struct place *place = *state;
	const DWORD closed[] = {PAGE_READONLY, PAGE_NOACCESS, PAGE_EXECUTE, PAGE_EXECUTE_READ,
	                        PAGE_READWRITE | PAGE_GUARD};
	for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
		uint64_t copied = NOTHING;
		char *base = three(closed[i]);
		HANDLE self = GetCurrentProcess();
		memset(host, 0xCD, sizeof host);
		assert_int_equal(
			NtWriteVirtualMemory(self, address_in(base + PAGE), host, 1, &copied),
			STATUS_ACCESS_VIOLATION);
		assert_int_equal(copied, 0);
		assert_int_equal(NtWriteVirtualMemory(self, address_in(base + PAGE - 5), host, PAGE,
		                                      &copied),
		                 STATUS_PARTIAL_COPY);
		assert_int_equal(copied, 5);
		assert_int_equal(protect_at(base + PAGE), closed[i]);
		must_protect(base + PAGE, PAGE, PAGE_READONLY);
		assert_int_equal(load_at(place, base + PAGE), 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_nothing),
		place_test(test_there_and_back),
		place_test(test_out_of_user_space),
		place_test(test_host_pointers),
		place_test(test_read_stops),
		place_test(test_read_reserved_and_free),
		place_test(test_read_of_every_readable),
		place_test(test_read_across_allocations),
		place_test(test_pages_anywhere),
		place_test(test_write),
		place_test(test_write_code_is_fetched),
		place_test(test_write_across_protections),
		place_test(test_write_read_only),
		place_test(test_write_where_nothing_can_be_made_writable),
		place_test(test_write_guarded),
		place_test(test_write_offered),
		place_test(test_write_to_the_shared_page),
		place_test(test_write_uncached_code),
		place_test(test_native_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
