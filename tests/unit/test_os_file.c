/* SPDX-License-Identifier: MIT
 *
 * What the library asks of the host about files of others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/os.h"
#include "base/os_file.h"

static char directory[] = "/tmp/ntmm-os-XXXXXX";
static char path[128];

static int make_directory(void **unused)
{
	(void)unused;
	if (!mkdtemp(directory) || chdir(directory))
		return -1;
	snprintf(path, sizeof path, "%s/file", directory);
	return 0;
}

static int remove_directory(void **unused)
{
	(void)unused;
	return chdir("/") || rmdir(directory);
}

static int open_status(const char *name, unsigned how)
{
	int fd = -7, error = os_file_open(name, how, &fd);
	if (error)
		assert_int_equal(fd, -7);
	else
		os_file_close(fd);
	return error;
}

static void opening(void **unused)
{
	static const char *const names[] = {"file", "./file", path};
	char beneath[160];
	(void)unused;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(open_status(names[i], OS_READ), ENOENT);
		assert_int_equal(open_status(names[i], OS_READ | OS_WRITE | OS_CREATE), 0);
		assert_int_equal(open_status(names[i], OS_READ | OS_WRITE | OS_CREATE), EEXIST);
		assert_int_equal(open_status(names[i], OS_WRITE), 0);
		snprintf(beneath, sizeof beneath, "%s/below", names[i]);
		assert_int_equal(open_status(beneath, OS_READ), ENOTDIR); /* not a directory */
		os_file_remove(names[i]);
		assert_int_equal(open_status(beneath, OS_READ), ENOTDIR); /* not there */
	}
	assert_int_equal(open_status("", OS_READ), ENOTDIR);
	assert_int_equal(open_status("/ntmm-no-such-file", OS_READ), ENOENT);
	assert_int_equal(open_status(directory, OS_READ | OS_WRITE), EISDIR);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(open_status(path, OS_WRITE), ENXIO);
	assert_int_equal(open_status(path, OS_READ), 0); /* without waiting */
	os_file_remove(path);
}

static struct os_file_facts facts_of(int fd)
{
	struct os_file_facts facts;
	assert_int_equal(os_file_get_facts(fd, &facts), 0);
	return facts;
}

static void facts(void **unused)
{
	static const struct {
		int flags;
		bool can_read, can_write;
	} cases[] = {
		{O_RDONLY, true, false},           {O_WRONLY, false, true},
		{O_RDWR, true, true},              {O_RDWR | O_APPEND, true, false},
		{O_WRONLY | O_APPEND, false, false}, {O_PATH, false, false},
	};
	struct os_file_facts first = {0};
	(void)unused;
	assert_int_equal(open_status(path, OS_READ | OS_WRITE | OS_CREATE), 0);
	assert_int_equal(truncate(path, 12345), 0);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		int fd = open(path, cases[i].flags | O_CLOEXEC);
		struct os_file_facts is = facts_of(fd);
		assert_int_equal(is.can_read, cases[i].can_read);
		assert_int_equal(is.can_write, cases[i].can_write);
		assert_true(is.is_regular && !is.is_directory && is.bytes == 12345);
		first = i ? first : is;
		assert_true(first.inode == is.inode && first.device == is.device);
		close(fd);
	}
	int fd = open(directory, O_RDONLY);
	assert_true(facts_of(fd).is_directory && !facts_of(fd).is_regular);
	assert_true(facts_of(fd).inode != first.inode);
	close(fd);
	assert_int_equal(os_file_get_facts(fd, &first), EBADF);
	os_file_remove(path);
}

static void copies(void **unused)
{
	int fd, copy = -7;
	(void)unused;
	assert_int_equal(os_file_open(path, OS_READ | OS_WRITE | OS_CREATE, &fd), 0);
	assert_int_equal(os_file_duplicate(fd, &copy), 0);
	assert_int_equal(fcntl(copy, F_GETFD), FD_CLOEXEC);
	assert_true(facts_of(fd).inode == facts_of(copy).inode && fd != copy);
	os_file_close(fd);
	assert_int_equal(os_file_write(copy, "x", 1, 0), 0);
	os_file_close(copy);
	copy = -7;
	assert_int_equal(os_file_duplicate(fd, &copy), EBADF);
	assert_int_equal(copy, -7);
	os_file_remove(path);
}

static void sizes(void **unused)
{
	char bytes[8];
	int fd;
	(void)unused;
	assert_int_equal(os_file_open(path, OS_READ | OS_WRITE | OS_CREATE, &fd), 0);
	assert_int_equal(os_file_write(fd, "contents", 8, 0), 0);
	assert_int_equal(os_file_set_size(fd, 3), 0);
	assert_int_equal(os_file_set_size(fd, 8), 0);
	assert_int_equal(os_file_read(fd, bytes, 8, 0), 0);
	assert_memory_equal(bytes, "con\0\0\0\0", 8); /* what was cut does not come back */
	assert_int_equal(os_file_set_size(fd, UINT64_MAX), EFBIG);
	assert_true(facts_of(fd).bytes == 8);
	assert_int_equal(os_file_sync(fd), 0);
	os_file_close(fd);
	assert_int_equal(os_file_set_size(fd, 0), EBADF);
	assert_int_equal(os_file_sync(fd), EBADF);
	os_file_remove(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opening),
		cmocka_unit_test(facts),
		cmocka_unit_test(copies),
		cmocka_unit_test(sizes),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
