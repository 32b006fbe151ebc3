/* SPDX-License-Identifier: MIT
 *
 * What the library asks of the host.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/os.h"

#define MB ((size_t)1 << 20)

static char directory[] = "/tmp/ntmm-test-XXXXXX";

static int make_directory(void **unused)
{
	(void)unused;
	return mkdtemp(directory) ? 0 : -1;
}

/* Fails when a test left a file. */
static int remove_directory(void **unused)
{
	(void)unused;
	return rmdir(directory);
}

static bool is_zero(const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i])
			return false;
	return true;
}

static void memory_comes_zeroed(void **unused)
{
	unsigned char *memory = os_alloc(5000);

	(void)unused;
	assert_non_null(memory);
	assert_true(is_zero(memory, 5000));
	os_free(memory);
	os_free(NULL);
}

static void mapped_memory_is_zero_at_first_and_when_told(void **unused)
{
	(void)unused;
	for (size_t bytes = 4096; bytes <= 8 * MB; bytes *= 2048) {
		unsigned char *memory = os_map(bytes);
		assert_non_null(memory);
		assert_true(is_zero(memory, bytes));
		memset(memory, 7, bytes);
		os_map_zero(memory, bytes);
		assert_true(is_zero(memory, bytes));
		os_unmap(memory, bytes);
	}
	assert_null(os_map((size_t)1 << 62));
}

static int open_file(const char *where)
{
	int fd = -1;

	assert_int_equal(os_file_create(where, &fd), 0);
	assert_true(fd >= 0);
	return fd;
}

static void files_have_no_name(void **unused)
{
	char path[64];
	struct stat is;

	(void)unused;
	snprintf(path, sizeof path, "%s/paging", directory);
	int in_directory = open_file(directory), at_path = open_file(path);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(fstat(in_directory, &is), 0);
	assert_int_equal(is.st_nlink, 0);
	assert_int_equal(is.st_mode & 07777, 0600);
	assert_true(fcntl(in_directory, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(at_path, &is), 0);
	assert_int_equal(is.st_nlink, 0);
	assert_int_equal(is.st_mode & 07777, 0600);
	assert_true(fcntl(at_path, F_GETFD) & FD_CLOEXEC);
	os_file_close(in_directory);
	os_file_close(at_path);
}

static void files_that_exist_are_left_alone(void **unused)
{
	char path[64];
	int fd = -7;

	(void)unused;
	snprintf(path, sizeof path, "%s/mine", directory);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(os_file_create(path, &fd), EEXIST);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_int_equal(os_file_create(path, &fd), EEXIST);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof path, "%s/no/such", directory);
	assert_int_equal(os_file_create(path, &fd), ENOENT);
	assert_int_equal(fd, -7);
}

static void what_is_written_is_read(void **unused)
{
	char out[] = "sixteen bytes...", in[sizeof out] = "";
	int fd = open_file(directory);

	(void)unused;
	assert_int_equal(os_file_write(fd, out, sizeof out, 12345), 0);
	assert_int_equal(os_file_read(fd, in, sizeof in, 12345), 0);
	assert_memory_equal(in, out, sizeof out);
	assert_int_equal(os_file_read(fd, in, 0, 0), 0);
	os_file_close(fd);
}

static void a_short_transfer_is_an_error(void **unused)
{
	char buffer[100] = "";
	int fd = open_file(directory);

	(void)unused;
	assert_int_equal(os_file_write(fd, buffer, 50, 0), 0);
	assert_int_equal(os_file_read(fd, buffer, 100, 0), EIO);
	assert_int_equal(os_file_read(fd, buffer, 1, 1000), EIO);
	os_file_close(fd);
	assert_int_equal(os_file_read(-1, buffer, 1, 0), EBADF);
	assert_int_equal(os_file_write(-1, buffer, 1, 0), EBADF);
}

static void allocated_files_have_their_blocks(void **unused)
{
	struct stat is;
	int fd = open_file(directory);

	(void)unused;
	assert_int_equal(os_file_extend(fd, 0, 0), 0);
	assert_int_equal(os_file_extend(fd, 0, MB), 0);
	assert_int_equal(fstat(fd, &is), 0);
	assert_int_equal(is.st_size, MB);
	assert_true((size_t)is.st_blocks * 512 >= MB);
	os_file_close(fd);
}

static void a_file_that_cannot_grow_stays_as_it_was(void **unused)
{
	struct rlimit limit, before;
	struct stat is;
	int fd = open_file(directory);

	(void)unused;
	assert_int_equal(os_file_extend(fd, 0, MB), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = (struct rlimit){2 * MB, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	int error = os_file_extend(fd, MB, 4 * MB);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(error, EFBIG);
	assert_int_equal(os_file_extend(fd, MB, UINT64_MAX), EFBIG);
	assert_int_equal(fstat(fd, &is), 0);
	assert_int_equal(is.st_size, MB);
	os_file_close(fd);
}

static void barriers_are_to_be_had(void **unused)
{
	(void)unused;
	assert_true(os_barrier_ready());
	assert_true(os_barrier_ready());
	os_barrier();
	os_yield();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_comes_zeroed),
		cmocka_unit_test(mapped_memory_is_zero_at_first_and_when_told),
		cmocka_unit_test(files_have_no_name),
		cmocka_unit_test(files_that_exist_are_left_alone),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_short_transfer_is_an_error),
		cmocka_unit_test(allocated_files_have_their_blocks),
		cmocka_unit_test(a_file_that_cannot_grow_stays_as_it_was),
		cmocka_unit_test(barriers_are_to_be_had),
	};

	return cmocka_run_group_tests_name("os", tests, make_directory, remove_directory);
}
