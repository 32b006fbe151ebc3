/* SPDX-License-Identifier: MIT
 *
 * ntmm/status.h, win32/error.c: every status, its value and its Win32 error (section 2, E-1 to
 * E-3).
 * The table is Windows', written down once more by hand.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "win32/error.h"

static const struct row {
	const char *name;
	int64_t here;
	uint32_t value, error;
} rows[] = {
#define ROW(name, value, error) {#name, name, value, error}
	ROW(STATUS_SUCCESS, 0x00000000, 0),
	ROW(STATUS_WORKING_SET_LIMIT_RANGE, 0x40000002, 0),
	ROW(STATUS_IMAGE_NOT_AT_BASE, 0x40000003, 0),
	ROW(STATUS_IMAGE_MACHINE_TYPE_MISMATCH, 0x4000000E, 0),
	ROW(STATUS_OBJECT_NAME_EXISTS, 0x40000000, 0),
	ROW(STATUS_WAS_UNLOCKED, 0x40000017, 0),
	ROW(STATUS_WAS_LOCKED, 0x40000019, 0),
	ROW(STATUS_NOT_ALL_ASSIGNED, 0x00000106, 1300),
	ROW(STATUS_GUARD_PAGE_VIOLATION, 0x80000001, 0x80000001),
	ROW(STATUS_DATATYPE_MISALIGNMENT, 0x80000002, 998),
	ROW(STATUS_PARTIAL_COPY, 0x8000000D, 299),
	ROW(STATUS_NOT_IMPLEMENTED, 0xC0000002, 1),
	ROW(STATUS_INVALID_INFO_CLASS, 0xC0000003, 87),
	ROW(STATUS_INFO_LENGTH_MISMATCH, 0xC0000004, 24),
	ROW(STATUS_ACCESS_VIOLATION, 0xC0000005, 998),
	ROW(STATUS_IN_PAGE_ERROR, 0xC0000006, 999),
	ROW(STATUS_PAGEFILE_QUOTA, 0xC0000007, 1454),
	ROW(STATUS_INVALID_HANDLE, 0xC0000008, 6),
	ROW(STATUS_INVALID_CID, 0xC000000B, 87),
	ROW(STATUS_INVALID_PARAMETER, 0xC000000D, 87),
	ROW(STATUS_END_OF_FILE, 0xC0000011, 38),
	ROW(STATUS_NO_MEMORY, 0xC0000017, 8),
	ROW(STATUS_CONFLICTING_ADDRESSES, 0xC0000018, 487),
	ROW(STATUS_NOT_MAPPED_VIEW, 0xC0000019, 487),
	ROW(STATUS_UNABLE_TO_FREE_VM, 0xC000001A, 87),
	ROW(STATUS_UNABLE_TO_DELETE_SECTION, 0xC000001B, 87),
	ROW(STATUS_INVALID_FILE_FOR_SECTION, 0xC0000020, 193),
	ROW(STATUS_INVALID_VIEW_SIZE, 0xC000001F, 5),
	ROW(STATUS_ALREADY_COMMITTED, 0xC0000021, 5),
	ROW(STATUS_ACCESS_DENIED, 0xC0000022, 5),
	ROW(STATUS_BUFFER_TOO_SMALL, 0xC0000023, 122),
	ROW(STATUS_OBJECT_TYPE_MISMATCH, 0xC0000024, 6),
	ROW(STATUS_NOT_LOCKED, 0xC000002A, 158),
	ROW(STATUS_UNABLE_TO_DECOMMIT_VM, 0xC000002C, 487),
	ROW(STATUS_NOT_COMMITTED, 0xC000002D, 487),
	ROW(STATUS_OBJECT_NAME_INVALID, 0xC0000033, 123),
	ROW(STATUS_OBJECT_NAME_NOT_FOUND, 0xC0000034, 2),
	ROW(STATUS_OBJECT_NAME_COLLISION, 0xC0000035, 183),
	ROW(STATUS_OBJECT_PATH_NOT_FOUND, 0xC000003A, 3),
	ROW(STATUS_SHARING_VIOLATION, 0xC0000043, 32),
	ROW(STATUS_SECTION_TOO_BIG, 0xC0000040, 8),
	ROW(STATUS_QUOTA_EXCEEDED, 0xC0000044, 1816),
	ROW(STATUS_INVALID_PAGE_PROTECTION, 0xC0000045, 87),
	ROW(STATUS_SECTION_NOT_IMAGE, 0xC0000049, 87),
	ROW(STATUS_BAD_WORKING_SET_LIMIT, 0xC000004C, 87),
	ROW(STATUS_INCOMPATIBLE_FILE_MAP, 0xC000004D, 87),
	ROW(STATUS_SECTION_PROTECTION, 0xC000004E, 87),
	ROW(STATUS_NO_SUCH_PRIVILEGE, 0xC0000060, 1313),
	ROW(STATUS_PRIVILEGE_NOT_HELD, 0xC0000061, 1314),
	ROW(STATUS_INVALID_IMAGE_FORMAT, 0xC000007B, 193),
	ROW(STATUS_SECTION_NOT_EXTENDED, 0xC0000087, 14),
	ROW(STATUS_DISK_FULL, 0xC000007F, 112),
	ROW(STATUS_TOO_MANY_PAGING_FILES, 0xC0000097, 8),
	ROW(STATUS_NOT_MAPPED_DATA, 0xC0000088, 487),
	ROW(STATUS_INSUFFICIENT_RESOURCES, 0xC000009A, 1450),
	ROW(STATUS_FREE_VM_NOT_AT_BASE, 0xC000009F, 487),
	ROW(STATUS_MEMORY_NOT_ALLOCATED, 0xC00000A0, 487),
	ROW(STATUS_WORKING_SET_QUOTA, 0xC00000A1, 1453),
	ROW(STATUS_NOT_SUPPORTED, 0xC00000BB, 50),
	ROW(STATUS_NOT_SAME_DEVICE, 0xC00000D4, 17),
	ROW(STATUS_INVALID_USER_BUFFER, 0xC00000E8, 1784),
	ROW(STATUS_INVALID_PARAMETER_1, 0xC00000EF, 87),
	ROW(STATUS_INVALID_PARAMETER_2, 0xC00000F0, 87),
	ROW(STATUS_INVALID_PARAMETER_3, 0xC00000F1, 87),
	ROW(STATUS_INVALID_PARAMETER_4, 0xC00000F2, 87),
	ROW(STATUS_INVALID_PARAMETER_5, 0xC00000F3, 87),
	ROW(STATUS_INVALID_PARAMETER_6, 0xC00000F4, 87),
	ROW(STATUS_INVALID_PARAMETER_7, 0xC00000F5, 87),
	ROW(STATUS_INVALID_PARAMETER_8, 0xC00000F6, 87),
	ROW(STATUS_INVALID_PARAMETER_9, 0xC00000F7, 87),
	ROW(STATUS_STACK_OVERFLOW, 0xC00000FD, 1001),
	ROW(STATUS_PROCESS_IS_TERMINATING, 0xC000010A, 5),
	ROW(STATUS_INVALID_IMAGE_NE_FORMAT, 0xC000011B, 193),
	ROW(STATUS_MAPPED_FILE_SIZE_ZERO, 0xC000011E, 1006),
	ROW(STATUS_TOO_MANY_OPENED_FILES, 0xC000011F, 4),
	ROW(STATUS_PAGEFILE_QUOTA_EXCEEDED, 0xC000012C, 1454),
	ROW(STATUS_COMMITMENT_LIMIT, 0xC000012D, 1455),
	ROW(STATUS_INVALID_IMAGE_LE_FORMAT, 0xC000012E, 193),
	ROW(STATUS_INVALID_IMAGE_NOT_MZ, 0xC000012F, 193),
	ROW(STATUS_INVALID_IMAGE_PROTECT, 0xC0000130, 193),
	ROW(STATUS_INVALID_IMAGE_WIN_16, 0xC0000131, 193),
	ROW(STATUS_IO_DEVICE_ERROR, 0xC0000185, 1117),
	ROW(STATUS_MAPPED_ALIGNMENT, 0xC0000220, 1132),
	ROW(STATUS_USER_MAPPED_FILE, 0xC0000243, 1224),
	ROW(STATUS_COMMITMENT_MINIMUM, 0xC00002C8, 635),
#undef ROW
};
#define ROWS (sizeof rows / sizeof rows[0])

static void test_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		if ((uint32_t)rows[i].here != rows[i].value ||
		    RtlNtStatusToDosError((NTSTATUS)rows[i].value) != rows[i].error)
			fail_msg("%s is 0x%08X, error %u", rows[i].name, (uint32_t)rows[i].here,
			         RtlNtStatusToDosError((NTSTATUS)rows[i].value));
	}
}

static const struct row *row_of(uint32_t value)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].value == value)
			return &rows[i];
	return NULL;
}

/* None that the library has is missing above. */
static void test_no_other_row(void **state)
{
	(void)state;
	size_t count = 0;
#define NTMM_ROW(name, value, error) \
	count++; \
	if (!row_of(value)) \
		fail_msg(#name " is not in the table of this test");
	NTMM_STATUS_MAP(NTMM_ROW)
#undef NTMM_ROW
	assert_int_equal(count, ROWS);
}

static void test_error_values(void **state)
{
	(void)state;
	assert_int_equal(ERROR_CALL_NOT_IMPLEMENTED, 120);
	assert_int_equal(ERROR_BUSY, 170);
	assert_int_equal(ERROR_MR_MID_NOT_FOUND, 317);
}

/* Values next to known ones, and of no family. */
static void test_unknown(void **state)
{
	(void)state;
	const uint32_t unknown[] = {1,          0x40000001, 0x80000000, 0xC0000000,
	                            0xC0000001, 0xC0000FFF, 0xFFFFFFFF};
	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
		assert_int_equal(RtlNtStatusToDosError((NTSTATUS)unknown[i]), 317);
}

/* Every status >= 0 is success, and success leaves the last error alone. */
static void test_last_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		bool success = rows[i].value < 0x80000000;
		SetLastError(12345);
		assert_int_equal(win32_ok((NTSTATUS)rows[i].value), success);
		assert_int_equal(GetLastError(), success ? 12345 : rows[i].error);
	}
	assert_false(win32_fail(87));
	assert_int_equal(GetLastError(), 87);
}

static void test_guard(void **state)
{
	(void)state;
	assert_false(win32_ok(STATUS_GUARD_PAGE_VIOLATION));
	assert_int_equal(GetLastError(), 0x80000001u); /* E-3 */
}

static void *other_thread(void *argument)
{
	DWORD *begins_with = argument;
	*begins_with = GetLastError();
	SetLastError(99);
	return NULL;
}

static void test_last_error_is_the_threads(void **state)
{
	(void)state;
	pthread_t thread;
	DWORD begins_with = 1;
	SetLastError(7);
	assert_int_equal(pthread_create(&thread, NULL, other_thread, &begins_with), 0);
	pthread_join(thread, NULL);
	assert_int_equal(begins_with, 0);
	assert_int_equal(GetLastError(), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_no_other_row),
		cmocka_unit_test(test_error_values),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_last_error),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_last_error_is_the_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
