/* SPDX-License-Identifier: MIT
 *
 * Files as handles: CreateFile, ntmm_file_from_fd, sizes and positions (for SC-5, SC-7, SC-15).
 */
#include "place.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ntmm/file.h>

#define RW (GENERIC_READ | GENERIC_WRITE)
#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

static char directory[] = "/tmp/ntmm-file-XXXXXX";
static char path[128], missing[128];

static int make_directory(void **unused)
{
	(void)unused;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof path, "%s/file", directory);
	snprintf(missing, sizeof missing, "%s/no/file", directory);
	return 0;
}

static int remove_directory(void **unused)
{
	(void)unused;
	unlink(path);
	return rmdir(directory);
}

static int remove_file(void **unused)
{
	(void)unused;
	unlink(path);
	return 0;
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static long size_on_disk(void)
{
	struct stat is;
	return stat(path, &is) ? -1 : (long)is.st_size;
}

static HANDLE create(DWORD access, DWORD share, DWORD disposition)
{
	return CreateFileA(path, access, share, NULL, disposition, FILE_ATTRIBUTE_NORMAL, NULL);
}

#define assert_refused(call, error) \
	assert_fails((HANDLE)(call) != INVALID_HANDLE_VALUE, error)

/* The last error of the success; the handle is closed. */
static DWORD error_of(DWORD disposition)
{
	SetLastError(UNTOUCHED);
	HANDLE file = create(RW, 0, disposition);
	DWORD error = GetLastError();
	assert_ptr_not_equal(file, INVALID_HANDLE_VALUE);
	assert_true(CloseHandle(file));
	return error;
}

static void test_dispositions(void **state)
{
	(void)state;
	assert_refused(create(RW, 0, OPEN_EXISTING), ERROR_FILE_NOT_FOUND);
	assert_refused(create(RW, 0, TRUNCATE_EXISTING), ERROR_FILE_NOT_FOUND);
	assert_int_equal(size_on_disk(), -1);
	assert_int_equal(error_of(CREATE_NEW), UNTOUCHED);
	assert_int_equal(size_on_disk(), 0);
	assert_refused(create(RW, 0, CREATE_NEW), ERROR_FILE_EXISTS);
	write_file("contents");
	assert_int_equal(error_of(OPEN_EXISTING), UNTOUCHED);
	assert_int_equal(error_of(OPEN_ALWAYS), ERROR_ALREADY_EXISTS);
	assert_int_equal(size_on_disk(), 8);
	assert_int_equal(error_of(CREATE_ALWAYS), ERROR_ALREADY_EXISTS);
	assert_int_equal(size_on_disk(), 0);
	write_file("contents");
	assert_int_equal(error_of(TRUNCATE_EXISTING), UNTOUCHED);
	assert_int_equal(size_on_disk(), 0);
	unlink(path);
	assert_int_equal(error_of(OPEN_ALWAYS), ERROR_SUCCESS);
	assert_int_equal(size_on_disk(), 0);
	unlink(path);
	assert_int_equal(error_of(CREATE_ALWAYS), ERROR_SUCCESS);
	assert_int_equal(size_on_disk(), 0);
}

static void test_arguments(void **state)
{
	(void)state;
	write_file("contents");
	assert_refused(create(RW, 0, 0), ERROR_INVALID_PARAMETER);
	assert_refused(create(RW, 0, 6), ERROR_INVALID_PARAMETER);
	assert_refused(create(GENERIC_READ, 0, TRUNCATE_EXISTING), ERROR_INVALID_PARAMETER);
	assert_refused(CreateFileA(NULL, RW, 0, NULL, OPEN_EXISTING, 0, NULL), ERROR_NOACCESS);
	assert_refused(CreateFileW(NULL, RW, 0, NULL, OPEN_EXISTING, 0, NULL), ERROR_NOACCESS);
	assert_refused(CreateFileA("", RW, 0, NULL, CREATE_ALWAYS, 0, NULL), ERROR_PATH_NOT_FOUND);
	assert_refused(CreateFileA(missing, RW, 0, NULL, OPEN_EXISTING, 0, NULL),
	               ERROR_PATH_NOT_FOUND);
	assert_refused(CreateFileA(missing, RW, 0, NULL, CREATE_ALWAYS, 0, NULL),
	               ERROR_PATH_NOT_FOUND);
	assert_refused(CreateFileA(directory, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL),
	               ERROR_ACCESS_DENIED);
	assert_refused(CreateFileA(directory, RW, 0, NULL, OPEN_EXISTING, 0, NULL),
	               ERROR_ACCESS_DENIED);
	assert_refused(CreateFileA("/dev/null", RW, 0, NULL, OPEN_EXISTING, 0, NULL),
	               ERROR_NOT_SUPPORTED);
	assert_refused(CreateFileA("/proc/self/exe", RW, 0, NULL, OPEN_EXISTING, 0, NULL),
	               ERROR_SHARING_VIOLATION); /* it is running */
	assert_refused(CreateFileA(path, RW, 0, NULL, OPEN_EXISTING, FILE_FLAG_DELETE_ON_CLOSE, NULL),
	               ERROR_NOT_SUPPORTED);
	assert_int_equal(size_on_disk(), 8);
}

static void test_long_names(void **state)
{
	char name[400];
	(void)state;
	memset(name, 'x', sizeof name - 1);
	memcpy(name, "/tmp/", 5);
	name[sizeof name - 1] = 0;
	assert_refused(CreateFileA(name, RW, 0, NULL, CREATE_ALWAYS, 0, NULL), ERROR_INVALID_NAME);
}

/* A pipe that nobody reads is not waited for. */
static void test_pipes(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(create(GENERIC_READ, 0, OPEN_EXISTING), ERROR_NOT_SUPPORTED);
	assert_refused(create(GENERIC_WRITE, 0, OPEN_EXISTING), ERROR_NOT_SUPPORTED);
}

static void test_wide_names(void **state)
{
	WCHAR wide[160];
	char narrow[160];
	size_t units = 0;
	(void)state;
	for (const char *c = directory; *c; c++)
		wide[units++] = (WCHAR)*c;
	memcpy(wide + units, u"/\u00E4\u20AC\U0001F600", sizeof u"/\u00E4\u20AC\U0001F600");
	snprintf(narrow, sizeof narrow, "%s/\u00E4\u20AC\U0001F600", directory);
	HANDLE file = CreateFileW(wide, RW, 0, NULL, CREATE_NEW, 0, NULL);
	assert_ptr_not_equal(file, INVALID_HANDLE_VALUE);
	assert_int_equal(access(narrow, F_OK), 0);
	assert_succeeds(CloseHandle(file));
	assert_int_equal(unlink(narrow), 0);
	static const WCHAR halves[][3] = {{0xD83D, 'x'}, {0xDE00, 'x'}, {'x', 0xD83D}, {0xD83D, 0xD83D}};
	for (unsigned i = 0; i < sizeof halves / sizeof *halves; i++)
		assert_refused(CreateFileW(halves[i], RW, 0, NULL, CREATE_NEW, 0, NULL),
		               ERROR_INVALID_NAME);
}

static void test_sharing(void **state)
{
	static const DWORD accesses[] = {GENERIC_READ, GENERIC_WRITE, RW, DELETE, GENERIC_EXECUTE, 0};
	static const DWORD wants[] = {FILE_SHARE_READ, FILE_SHARE_WRITE,
	                              FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_SHARE_DELETE,
	                              FILE_SHARE_READ, 0};
	(void)state;
	write_file("contents");
	for (unsigned i = 0; i < 6 * 6 * 8 * 8; i++) {
		unsigned a = i % 6, b = i / 6 % 6;
		DWORD share_a = i / 36 % 8, share_b = i / 288;
		bool is_free = !wants[a] || !wants[b];
		bool agree = !(wants[a] & ~share_b) && !(wants[b] & ~share_a);
		HANDLE first = create(accesses[a], share_a, OPEN_EXISTING);
		assert_ptr_not_equal(first, INVALID_HANDLE_VALUE);
		if (is_free || agree) {
			HANDLE second = create(accesses[b], share_b, OPEN_EXISTING);
			assert_ptr_not_equal(second, INVALID_HANDLE_VALUE);
			assert_true(CloseHandle(second));
		} else {
			assert_refused(create(accesses[b], share_b, OPEN_EXISTING),
			               ERROR_SHARING_VIOLATION);
		}
		assert_true(CloseHandle(first));
	}
}

/* A refusal cuts nothing. */
static void test_sharing_before_cutting(void **state)
{
	(void)state;
	write_file("contents");
	HANDLE file = create(GENERIC_READ, 0, OPEN_EXISTING);
	assert_refused(create(RW, SHARE_ALL, CREATE_ALWAYS), ERROR_SHARING_VIOLATION);
	assert_refused(create(RW, SHARE_ALL, TRUNCATE_EXISTING), ERROR_SHARING_VIOLATION);
	assert_int_equal(size_on_disk(), 8);
	assert_succeeds(CloseHandle(file));
	file = create(GENERIC_READ, 0, CREATE_ALWAYS); /* cuts what it may not write */
	assert_int_equal(size_on_disk(), 0);
	assert_fails(SetEndOfFile(file), ERROR_ACCESS_DENIED);
	assert_succeeds(CloseHandle(file));
}

static LARGE_INTEGER large(int64_t value)
{
	return (LARGE_INTEGER){.QuadPart = value};
}

static int64_t size_of(HANDLE file)
{
	LARGE_INTEGER bytes = large(-1);
	assert_succeeds(GetFileSizeEx(file, &bytes));
	return bytes.QuadPart;
}

static int64_t seek(HANDLE file, int64_t distance, DWORD origin)
{
	LARGE_INTEGER position = large(-1);
	assert_succeeds(SetFilePointerEx(file, large(distance), &position, origin));
	return position.QuadPart;
}

static void test_positions_and_sizes(void **state)
{
	LARGE_INTEGER position = large(77);
	(void)state;
	write_file("contents");
	HANDLE file = create(RW, SHARE_ALL, OPEN_EXISTING);
	HANDLE other = create(RW, SHARE_ALL, OPEN_EXISTING);
	assert_int_equal(size_of(file), 8);
	assert_int_equal(seek(file, 5, FILE_BEGIN), 5);
	assert_int_equal(seek(file, -2, FILE_CURRENT), 3);
	assert_int_equal(seek(file, -1, FILE_END), 7);
	assert_int_equal(seek(other, 0, FILE_CURRENT), 0); /* each its own */
	assert_fails(SetFilePointerEx(file, large(-9), &position, FILE_END), ERROR_NEGATIVE_SEEK);
	assert_fails(SetFilePointerEx(file, large(-8), &position, FILE_CURRENT), ERROR_NEGATIVE_SEEK);
	assert_fails(SetFilePointerEx(file, large(-1), &position, FILE_BEGIN), ERROR_NEGATIVE_SEEK);
	assert_fails(SetFilePointerEx(file, large(INT64_MAX), &position, FILE_CURRENT),
	             ERROR_INVALID_PARAMETER);
	assert_fails(SetFilePointerEx(file, large(0), &position, 3), ERROR_INVALID_PARAMETER);
	assert_int_equal(position.QuadPart, 77);
	assert_int_equal(seek(file, 0, FILE_CURRENT), 7);
	assert_succeeds(SetFilePointerEx(file, large(4), NULL, FILE_BEGIN));
	assert_succeeds(SetEndOfFile(file));
	assert_int_equal(size_on_disk(), 4);
	assert_int_equal(size_of(other), 4);
	assert_int_equal(seek(file, INT64_C(5) << 30, FILE_BEGIN), INT64_C(5) << 30);
	assert_int_equal(size_of(file), 4); /* beyond the end, and nothing happens yet */
	assert_succeeds(SetEndOfFile(file));
	assert_int_equal(size_of(other), INT64_C(5) << 30);
	seek(file, INT64_MAX, FILE_BEGIN);
	assert_fails(SetEndOfFile(file), ERROR_DISK_FULL);
	assert_int_equal(size_of(other), INT64_C(5) << 30);
	assert_succeeds(CloseHandle(file));
	assert_succeeds(CloseHandle(other));
}

static void test_flush(void **state)
{
	(void)state;
	write_file("contents");
	HANDLE reader = create(GENERIC_READ, SHARE_ALL, OPEN_EXISTING);
	HANDLE writer = create(GENERIC_WRITE, SHARE_ALL, OPEN_EXISTING);
	assert_fails(FlushFileBuffers(reader), ERROR_ACCESS_DENIED);
	assert_succeeds(FlushFileBuffers(writer));
	assert_succeeds(CloseHandle(reader));
	assert_succeeds(CloseHandle(writer));
}

static void test_wrong_handles(void **state)
{
	LARGE_INTEGER bytes;
	ntmm_machine *machine = place_machine(1 << 20, 0);
	HANDLE process = ntmm_process_create(machine, NTMM_LAYOUT_NT32_2GB);
	HANDLE file = create(RW, 0, CREATE_ALWAYS);
	(void)state;
	assert_fails(GetFileSizeEx(process, &bytes), ERROR_INVALID_HANDLE);
	assert_fails(SetEndOfFile(process), ERROR_INVALID_HANDLE);
	assert_fails(FlushFileBuffers(process), ERROR_INVALID_HANDLE);
	assert_fails(SetFilePointerEx(process, large(0), NULL, 0), ERROR_INVALID_HANDLE);
	assert_fails(TerminateProcess(file, 1), ERROR_INVALID_HANDLE);
	assert_fails(GetFileSizeEx(file, NULL), ERROR_NOACCESS);
	assert_fails(SetFilePointerEx(file, large(0), (void *)8, 0), ERROR_NOACCESS);
	assert_succeeds(CloseHandle(file));
	assert_fails(CloseHandle(file), ERROR_INVALID_HANDLE);
	assert_fails(GetFileSizeEx(file, &bytes), ERROR_INVALID_HANDLE);
	assert_fails(SetEndOfFile(INVALID_HANDLE_VALUE), ERROR_INVALID_HANDLE);
	assert_succeeds(CloseHandle(process));
	ntmm_machine_destroy(machine);
}

static unsigned count_descriptors(void)
{
	unsigned count = 0;
	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_from_descriptor(void **state)
{
	HANDLE file, unchanged = (HANDLE)(intptr_t)44;
	(void)state;
	write_file("contents");
	unsigned before = count_descriptors();
	int fd = open(path, O_RDONLY);
	assert_int_equal(ntmm_file_from_fd(fd, GENERIC_READ | GENERIC_EXECUTE, &file), STATUS_SUCCESS);
	file = (CloseHandle(file), unchanged);
	assert_int_equal(ntmm_file_from_fd(fd, RW, &file), STATUS_ACCESS_DENIED);
	assert_int_equal(ntmm_file_from_fd(fd, FILE_APPEND_DATA, &file), STATUS_ACCESS_DENIED);
	assert_ptr_equal(file, unchanged);
	close(fd);
	assert_int_equal(ntmm_file_from_fd(fd, GENERIC_READ, &file), STATUS_INVALID_HANDLE);
	assert_int_equal(ntmm_file_from_fd(-1, GENERIC_READ, &file), STATUS_INVALID_HANDLE);
	fd = open(path, O_RDWR | O_APPEND);
	assert_int_equal(ntmm_file_from_fd(fd, RW, &file), STATUS_ACCESS_DENIED);
	assert_int_equal(ntmm_file_from_fd(fd, RW, NULL), STATUS_INVALID_PARAMETER);
	close(fd);
	fd = open(path, O_PATH);
	assert_int_equal(ntmm_file_from_fd(fd, GENERIC_READ, &file), STATUS_ACCESS_DENIED);
	assert_int_equal(ntmm_file_from_fd(fd, 0, &file), STATUS_ACCESS_DENIED);
	close(fd);
	fd = open(directory, O_RDONLY);
	assert_int_equal(ntmm_file_from_fd(fd, GENERIC_READ, &file), STATUS_ACCESS_DENIED);
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(ntmm_file_from_fd(fd, RW, &file), STATUS_NOT_SUPPORTED);
	close(fd);
	assert_int_equal(count_descriptors(), before);
}

/* The handle has a descriptor of its own; and by whatever way, it is one file. */
static void test_descriptors_are_duplicates(void **state)
{
	HANDLE file;
	(void)state;
	unsigned before = count_descriptors();
	write_file("contents");
	int fd = open(path, O_RDWR);
	assert_int_equal(ntmm_file_from_fd(fd, RW, &file), STATUS_SUCCESS);
	close(fd);
	assert_refused(create(GENERIC_READ, FILE_SHARE_READ, OPEN_EXISTING),
	               ERROR_SHARING_VIOLATION);
	HANDLE other = create(GENERIC_READ, SHARE_ALL, OPEN_EXISTING);
	assert_ptr_not_equal(other, INVALID_HANDLE_VALUE);
	unlink(path);
	assert_int_equal(seek(file, 3, FILE_BEGIN), 3);
	assert_succeeds(SetEndOfFile(file));
	assert_int_equal(size_of(other), 3);
	assert_succeeds(CloseHandle(file));
	assert_int_equal(size_of(other), 3);
	assert_succeeds(CloseHandle(other));
	assert_int_equal(count_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_dispositions, remove_file),
		cmocka_unit_test_teardown(test_arguments, remove_file),
		cmocka_unit_test_teardown(test_long_names, remove_file),
		cmocka_unit_test_teardown(test_pipes, remove_file),
		cmocka_unit_test_teardown(test_wide_names, remove_file),
		cmocka_unit_test_teardown(test_sharing, remove_file),
		cmocka_unit_test_teardown(test_sharing_before_cutting, remove_file),
		cmocka_unit_test_teardown(test_positions_and_sizes, remove_file),
		cmocka_unit_test_teardown(test_flush, remove_file),
		cmocka_unit_test_teardown(test_wrong_handles, remove_file),
		cmocka_unit_test_teardown(test_from_descriptor, remove_file),
		cmocka_unit_test_teardown(test_descriptors_are_duplicates, remove_file),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
