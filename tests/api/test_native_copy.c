/* SPDX-License-Identifier: MIT
 *
 * NtReadVirtualMemory and NtWriteVirtualMemory over real pages (rules PM, GP-9, GP-10).
 */
#include "place.h"

#include <ntmm/ntapi.h>

#define RC (MEM_RESERVE | MEM_COMMIT)

static uint8_t buffer[4 * PAGE];

static NTSTATUS read_from(const char *address, uint64_t size, uint64_t *done)
{
	return NtReadVirtualMemory(GetCurrentProcess(), address_in(address), buffer, size, done);
}

static NTSTATUS write_to(const char *address, uint64_t size, uint64_t *done)
{
	return NtWriteVirtualMemory(GetCurrentProcess(), address_in(address), buffer, size, done);
}

#define assert_copies(call, status, bytes) \
	do { \
		uint64_t done = 77; \
		assert_int_equal(call, status); \
		assert_int_equal(done, bytes); \
	} while (0)

static void test_bytes_arrive(void **state) /* PM-16, G-7 */
{
	const struct place *place = *state;
	char *base = must_commit(4 * PAGE, PAGE_READWRITE);
	for (size_t i = 0; i < sizeof buffer; i++)
		buffer[i] = (uint8_t)(i * 7 + 1);
	assert_copies(write_to(base + 100, 2 * PAGE, &done), STATUS_SUCCESS, 2 * PAGE);
	assert_int_equal(load_at(place, base + 100), 1);
	assert_int_equal(load_at(place, base + 99 + 2 * PAGE), buffer[2 * PAGE - 1]);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	ntmm_machine_write_modified(place->machine, UINT64_MAX);
	memset(buffer, 0xEE, sizeof buffer);
	assert_copies(read_from(base, 4 * PAGE, &done), STATUS_SUCCESS, 4 * PAGE);
	assert_int_equal(buffer[99], 0);
	assert_int_equal(buffer[100], 1);
	assert_int_equal(buffer[101], 8);
	assert_int_equal(buffer[3 * PAGE], 0); /* never touched */
}

static void test_read_stops(void **state) /* PM-4, PM-5 */
{
	static const DWORD closed[] = {PAGE_NOACCESS, PAGE_READWRITE | PAGE_GUARD};
	char *base = must_commit(4 * PAGE, PAGE_READWRITE);
	(void)state;
	for (int i = 0; i < 2; i++) {
		must_protect(base + 2 * PAGE, PAGE, closed[i]);
		assert_copies(read_from(base + 8, 3 * PAGE, &done), STATUS_PARTIAL_COPY,
		              2 * PAGE - 8);
		assert_copies(read_from(base + 2 * PAGE, 1, &done), STATUS_PARTIAL_COPY, 0);
		assert_int_equal(protect_at(base + 2 * PAGE), closed[i]); /* GP-9 */
	}
	assert_succeeds(VirtualFree(base + PAGE, PAGE, MEM_DECOMMIT));
	assert_copies(read_from(base, 2 * PAGE, &done), STATUS_PARTIAL_COPY, PAGE);
	assert_copies(read_from(at(0x70000000), 1, &done), STATUS_PARTIAL_COPY, 0);
	must_protect(base, PAGE, PAGE_EXECUTE);
	assert_copies(read_from(base, PAGE, &done), STATUS_SUCCESS, PAGE); /* PR-10 */
}

static void test_write_obeys_protection(void **state) /* PM-8, SV-47 */
{
	static const DWORD closed[] = {PAGE_NOACCESS, PAGE_READONLY, PAGE_EXECUTE,
	                               PAGE_EXECUTE_READ,
	                               PAGE_READWRITE | PAGE_GUARD};
	char *base = must_commit(3 * PAGE, PAGE_READWRITE);
	(void)state;
	for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
		must_protect(base + PAGE, PAGE, closed[i]);
		assert_copies(write_to(base + PAGE, 1, &done), STATUS_ACCESS_VIOLATION, 0);
		assert_copies(write_to(base, 3 * PAGE, &done), STATUS_PARTIAL_COPY, PAGE);
		assert_int_equal(protect_at(base + PAGE), closed[i]);
	}
	must_protect(base + PAGE, PAGE, PAGE_EXECUTE_READWRITE);
	assert_copies(write_to(base, 3 * PAGE, &done), STATUS_SUCCESS, 3 * PAGE);
}

static void test_ranges(void **state) /* PM-1, PM-2, PM-15 */
{
	char *base = must_commit(PAGE, PAGE_READWRITE);
	(void)state;
	assert_copies(read_from(at(0x80000000), 1, &done), STATUS_ACCESS_VIOLATION, 0);
	assert_copies(read_from(at(0x7FFEFFFF), 2, &done), STATUS_ACCESS_VIOLATION, 0);
	assert_copies(write_to(at(UINT64_MAX), 2, &done), STATUS_ACCESS_VIOLATION, 0);
	assert_copies(read_from(at(0x80000000), 0, &done), STATUS_SUCCESS, 0);
	assert_int_equal(read_from(base, 1, NULL), STATUS_SUCCESS);
}

static void test_between_processes(void **state) /* S3, PM-3 */
{
	const struct place *place = *state;
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_8TB);
	char *base = VirtualAllocEx(other, at(UINT64_C(0x50000000000)), PAGE, RC, PAGE_READWRITE);
	uint64_t done;
	assert_non_null(base);
	buffer[0] = 99;
	NTSTATUS status = NtWriteVirtualMemory(other, address_in(base), buffer, 1, &done);
	assert_int_equal(status, STATUS_SUCCESS);
	buffer[0] = 0;
	assert_int_equal(NtReadVirtualMemory(other, address_in(base), buffer, 1, &done),
	                 STATUS_SUCCESS);
	assert_int_equal(buffer[0], 99);
	assert_int_equal(read_from(base, 1, NULL), STATUS_ACCESS_VIOLATION);
	assert_int_equal(NtReadVirtualMemory(NULL, 0x10000, buffer, 1, &done),
	                 STATUS_INVALID_HANDLE);
	CloseHandle(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_bytes_arrive),
		place_test(test_read_stops),
		place_test(test_write_obeys_protection),
		place_test(test_ranges),
		place_test(test_between_processes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
