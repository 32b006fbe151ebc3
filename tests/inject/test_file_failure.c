/* SPDX-License-Identifier: MIT
 *
 * File handles, each time with another request to the host that fails: the error is the documented
 * one, no descriptor and no memory is kept, and the disk is as it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <ntmm/file.h>
#include <ntmm/windows.h>

#include "wrapped.h"

#define RW (GENERIC_READ | GENERIC_WRITE)

static char directory[] = "/tmp/ntmm-inject-XXXXXX";
static char path[128];

static int make_directory(void **unused)
{
	(void)unused;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof path, "%s/file", directory);
	order = (struct order){.off = true};
	/* The first handle of all makes the table, which stays. */
	CloseHandle(CreateFileA(path, RW, 0, NULL, CREATE_NEW, 0, NULL));
	unlink(path);
	return 0;
}

static int remove_directory(void **unused)
{
	(void)unused;
	unlink(path);
	return rmdir(directory);
}

static long size_on_disk(void)
{
	struct stat is;
	return stat(path, &is) ? -1 : (long)is.st_size;
}

static void write_file(void)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, "contents", 8), 8);
	close(fd);
}

static DWORD create_with(unsigned kind, int error, unsigned number, DWORD disposition)
{
	order = (struct order){.kinds = kind, .first = number, .last = number, .error = error};
	SetLastError(ERROR_SUCCESS);
	HANDLE file = CreateFileA(path, RW, 0, NULL, disposition, 0, NULL);
	uint64_t failures = order.failures;
	order.off = true;
	if (file == INVALID_HANDLE_VALUE)
		return GetLastError();
	assert_int_equal(failures, 0);
	assert_true(CloseHandle(file));
	return ERROR_SUCCESS;
}

static void creating(void **unused)
{
	static const struct {
		unsigned kind;
		int error;
		DWORD expected;
	} cases[] = {
		{ALLOC, 0, ERROR_NO_SYSTEM_RESOURCES},      {FILE_OPEN, EMFILE, ERROR_TOO_MANY_OPEN_FILES},
		{FILE_OPEN, ENOSPC, ERROR_DISK_FULL},       {FILE_OPEN, EACCES, ERROR_ACCESS_DENIED},
		{FILE_OPEN, EROFS, ERROR_ACCESS_DENIED},    {FILE_OPEN, EIO, ERROR_IO_DEVICE},
		{FILE_FACTS, EIO, ERROR_IO_DEVICE},         {FILE_SIZE, EIO, ERROR_IO_DEVICE},
	};
	(void)unused;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		unsigned failed = 0;
		for (unsigned existing = 0; existing < 2; existing++) {
			for (unsigned number = 1;; number++) {
				struct holdings before = holdings;
				existing ? write_file() : (void)unlink(path);
				long size = size_on_disk();
				DWORD error = create_with(cases[i].kind, cases[i].error, number,
				                          CREATE_ALWAYS);
				assert_memory_equal(&holdings, &before, sizeof before);
				if (error == ERROR_SUCCESS)
					break;
				assert_int_equal(error, cases[i].expected);
				assert_int_equal(size_on_disk(), size);
				failed++;
			}
		}
		assert_true(failed);
	}
}

/* Cutting and flushing that fail tell why. */
static void sizes(void **unused)
{
	static const struct {
		int error;
		DWORD expected;
	} cases[] = {
		{ENOSPC, ERROR_DISK_FULL}, {EDQUOT, ERROR_DISK_FULL}, {EFBIG, ERROR_DISK_FULL},
		{EIO, ERROR_IO_DEVICE},    {EPERM, ERROR_ACCESS_DENIED},
	};
	LARGE_INTEGER bytes;
	(void)unused;
	write_file();
	HANDLE file = CreateFileA(path, RW, 0, NULL, OPEN_EXISTING, 0, NULL);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		order = (struct order){.kinds = FILE_SIZE | FILE_SYNC | FILE_FACTS,
		                       .first = 1,
		                       .last = UINT64_MAX,
		                       .error = cases[i].error};
		assert_false(SetEndOfFile(file));
		assert_int_equal(GetLastError(), cases[i].expected);
		assert_false(FlushFileBuffers(file));
		assert_int_equal(GetLastError(), cases[i].expected);
		assert_false(GetFileSizeEx(file, &bytes));
		assert_int_equal(GetLastError(), cases[i].expected);
		order.kinds = FILE_SIZE;
		assert_false(SetEndOfFile(file));
		assert_int_equal(GetLastError(), cases[i].expected);
		order.off = true;
		assert_int_equal(size_on_disk(), 8);
	}
	assert_true(CloseHandle(file));
}

static void from_descriptors(void **unused)
{
	static const unsigned kinds[] = {ALLOC, FILE_OPEN, FILE_FACTS};
	static const NTSTATUS expected[] = {STATUS_INSUFFICIENT_RESOURCES,
	                                    STATUS_TOO_MANY_OPENED_FILES,
	                                    STATUS_TOO_MANY_OPENED_FILES};
	HANDLE file;
	(void)unused;
	write_file();
	int fd = open(path, O_RDWR);
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned number = 1;; number++) {
			struct holdings before = holdings;
			order = (struct order){
				.kinds = kinds[i], .first = number, .last = number, .error = EMFILE};
			NTSTATUS status = ntmm_file_from_fd(fd, RW, &file);
			order.off = true;
			if (!status)
				assert_true(CloseHandle(file));
			assert_memory_equal(&holdings, &before, sizeof before);
			if (!status) {
				assert_true(number > 1);
				break;
			}
			assert_int_equal(status, expected[i]);
		}
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(creating),
		cmocka_unit_test(sizes),
		cmocka_unit_test(from_descriptors),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
