/* SPDX-License-Identifier: MIT
 *
 * NtReadVirtualMemory and NtWriteVirtualMemory: what is checked, and what an engine's answer
 * becomes (rules PM).
 */
#include "null_engine.h"

#define HIGHEST UINT64_C(0x7FFFFFFEFFFF)

static char buffer[0x3000];

static NTSTATUS read_it(HANDLE handle, uint64_t address, void *host, uint64_t size, uint64_t *done)
{
	return NtReadVirtualMemory(handle, address, host, size, done);
}

static NTSTATUS write_it(HANDLE handle, uint64_t address, void *host, uint64_t size, uint64_t *done)
{
	return NtWriteVirtualMemory(handle, address, host, size, done);
}

typedef NTSTATUS copy_function(HANDLE, uint64_t, void *, uint64_t, uint64_t *);
static copy_function *const both[] = {read_it, write_it};

static void nothing_is_a_success(void **state) /* PM-1, SV-46 */
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		uint64_t done = 77;
		assert_ok(both[i](NULL, UINT64_MAX, NULL, 0, &done));
		assert_int_equal(done, 0);
		assert_ok(both[i](NULL, UINT64_MAX, NULL, 0, NULL));
		assert_status(both[i](process, PLACE, buffer, 0, (uint64_t *)8),
		              STATUS_ACCESS_VIOLATION);
	}
	assert_int_equal(null_calls(OP_COPY), 0);
}

static void ranges_are_checked(void **state) /* PM-2, PM-3, PM-6, PM-7, PM-15 */
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		uint64_t done = 77;
		assert_status(both[i](NULL, HIGHEST + 1, buffer, 1, &done),
		              STATUS_ACCESS_VIOLATION);
		assert_int_equal(done, 0);
		assert_status(both[i](process, HIGHEST, buffer, 2, NULL), STATUS_ACCESS_VIOLATION);
		assert_status(both[i](process, UINT64_MAX, buffer, 2, NULL),
		              STATUS_ACCESS_VIOLATION);
		assert_status(both[i](process, PLACE, NULL, 1, NULL), STATUS_ACCESS_VIOLATION);
		assert_status(both[i](process, PLACE, (void *)0xFFFF, 2, NULL),
		              STATUS_ACCESS_VIOLATION);
		assert_status(both[i](process, PLACE, (void *)UINT64_C(0x7FFFFFFFFFFF), 2, NULL),
		              STATUS_ACCESS_VIOLATION);
		assert_status(both[i](NULL, PLACE, buffer, 1, NULL), STATUS_INVALID_HANDLE);
	}
	assert_int_equal(null_calls(OP_COPY), 0);
}

static void rights(void **state) /* G-4 */
{
	HANDLE reads, writes;
	(void)state;
	assert_ok(NtOpenProcess(&reads, PROCESS_VM_READ, GetProcessId(process)));
	assert_ok(NtOpenProcess(&writes, PROCESS_VM_WRITE, GetProcessId(process)));
	assert_ok(read_it(reads, PLACE, buffer, 1, NULL));
	assert_ok(write_it(writes, PLACE, buffer, 1, NULL));
	assert_status(read_it(writes, PLACE, buffer, 1, NULL), STATUS_ACCESS_DENIED);
	assert_status(write_it(reads, PLACE, buffer, 1, NULL), STATUS_ACCESS_DENIED);
	assert_int_equal(null_call(OP_COPY, 0)->number, COPY_READ);
	assert_int_equal(null_call(OP_COPY, 1)->number, COPY_WRITE);
	assert_ok(NtClose(reads));
	assert_ok(NtClose(writes));
}

static void whole_copies(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		uint64_t done = 0;
		assert_ok(both[i](process, PLACE + 1, buffer, sizeof buffer, &done));
		assert_int_equal(done, sizeof buffer);
	}
}

static void stopped_copies(void **state) /* PM-4, PM-5, PM-8, GP-10 */
{
	uint64_t done = 77;
	(void)state;
	null->answer = STATUS_ACCESS_VIOLATION;
	assert_status(read_it(process, PLACE, buffer, sizeof buffer, &done), STATUS_PARTIAL_COPY);
	assert_int_equal(done, 0);
	assert_status(write_it(process, PLACE, buffer, sizeof buffer, &done),
	              STATUS_ACCESS_VIOLATION);
	assert_int_equal(done, 0);
	null->copied = 0x1000;
	assert_status(read_it(process, PLACE, buffer, sizeof buffer, &done), STATUS_PARTIAL_COPY);
	assert_int_equal(done, 0x1000);
	assert_status(write_it(process, PLACE, buffer, sizeof buffer, &done), STATUS_PARTIAL_COPY);
	assert_int_equal(done, 0x1000);
	null->answer = STATUS_IN_PAGE_ERROR;
	assert_status(read_it(process, PLACE, buffer, sizeof buffer, &done), STATUS_PARTIAL_COPY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NULL_TEST(nothing_is_a_success),
		NULL_TEST(ranges_are_checked),
		NULL_TEST(rights),
		NULL_TEST(whole_copies),
		NULL_TEST(stopped_copies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
