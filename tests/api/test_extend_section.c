/* SPDX-License-Identifier: MIT
 *
 * NtExtendSection: sections of data files become longer, and their files with them.
 */
#include <unistd.h>

#include <ntmm/file.h>
#include <ntmm/ntapi.h>

#include "place.h"

#define BYTES (2 * PAGE + 10)

struct extended {
	struct place *place;
	int fd;
	HANDLE file, section;
};

static int setup(void **state)
{
	struct extended *e = calloc(1, sizeof *e);
	char name[] = "/tmp/ntmm-extend-XXXXXX";
	place_setup((void **)&e->place);
	e->fd = mkstemp(name);
	unlink(name);
	assert_int_equal(ftruncate(e->fd, BYTES), 0);
	assert_int_equal(ntmm_file_from_fd(e->fd, GENERIC_READ | GENERIC_WRITE, &e->file), 0);
	assert_int_equal(NtCreateSection(&e->section, SECTION_ALL_ACCESS, NULL, NULL,
	                                 PAGE_READWRITE, SEC_COMMIT, e->file),
	                 STATUS_SUCCESS);
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct extended *e = *state;
	void *place = e->place;
	CloseHandle(e->section);
	CloseHandle(e->file);
	close(e->fd);
	free(e);
	return place_teardown(&place);
}

static uint64_t size_of(HANDLE section)
{
	SECTION_BASIC_INFORMATION info;
	assert_int_equal(NtQuerySection(section, SectionBasicInformation, &info, sizeof info, NULL),
	                 STATUS_SUCCESS);
	return (uint64_t)info.Size;
}

/* SC-5, SC-6, MV-7: exact bytes, zeros at first; the old view stays as it is. */
static void longer(void **state)
{
	struct extended *e = *state;
	uint64_t size = 5 * PAGE + 3;
	char *old = MapViewOfFile(e->section, FILE_MAP_WRITE, 0, 0, 0);
	store_at(e->place, old, 1);
	assert_int_equal(NtExtendSection(e->section, &size), STATUS_SUCCESS);
	assert_int_equal(size, 5 * PAGE + 3);
	assert_int_equal(size_of(e->section), size);
	assert_int_equal(lseek(e->fd, 0, SEEK_END), size);
	char *view = MapViewOfFile(e->section, FILE_MAP_WRITE, 0, 0, 0);
	assert_int_equal(load_at(e->place, view), 1);
	assert_int_equal(load_at(e->place, view + 5 * PAGE), 0);
	store_at(e->place, view + 5 * PAGE + 2, 9);
	assert_int_equal(load_raises(e->place, old + 3 * PAGE), STATUS_ACCESS_VIOLATION);
	assert_true(FlushViewOfFile(view, 0));
	char byte = 0;
	assert_int_equal(pread(e->fd, &byte, 1, 5 * PAGE + 2), 1);
	assert_int_equal(byte, 9);
	assert_true(UnmapViewOfFile(view));
	assert_true(UnmapViewOfFile(old));
}

/* It never becomes shorter; what the file has already costs nothing. */
static void not_shorter(void **state)
{
	struct extended *e = *state;
	uint64_t size = 5;
	assert_int_equal(NtExtendSection(e->section, &size), STATUS_SUCCESS);
	assert_int_equal(size, BYTES);
	assert_int_equal(ftruncate(e->fd, 9 * PAGE), 0);
	size = 4 * PAGE;
	assert_int_equal(NtExtendSection(e->section, &size), STATUS_SUCCESS);
	assert_int_equal(size_of(e->section), 4 * PAGE);
	assert_int_equal(lseek(e->fd, 0, SEEK_END), 9 * PAGE);
}

/* A section that may not be written can be extended over what the file has, and no further. */
static void read_only(void **state)
{
	struct extended *e = *state;
	HANDLE section;
	uint64_t bytes = PAGE, size = BYTES;
	assert_int_equal(NtCreateSection(&section, SECTION_ALL_ACCESS, NULL, &bytes, PAGE_WRITECOPY,
	                                 SEC_COMMIT, e->file),
	                 STATUS_SUCCESS);
	assert_int_equal(NtExtendSection(section, &size), STATUS_SUCCESS);
	size = BYTES + 1;
	assert_int_equal(NtExtendSection(section, &size), STATUS_SECTION_NOT_EXTENDED);
	assert_int_equal(size, BYTES + 1);
	assert_int_equal(size_of(section), BYTES);
	CloseHandle(section);
}

static void refused(void **state)
{
	struct extended *e = *state;
	HANDLE section;
	uint64_t size = 9 * PAGE, huge = UINT64_MAX;
	assert_int_equal(NtExtendSection(e->section, NULL), STATUS_ACCESS_VIOLATION);
	assert_int_equal(NtExtendSection(NULL, &size), STATUS_INVALID_HANDLE);
	assert_int_equal(NtExtendSection(e->file, &size), STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(NtExtendSection(e->section, &huge), STATUS_SECTION_TOO_BIG);
	section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, PAGE, NULL);
	assert_int_equal(NtExtendSection(section, &size), STATUS_ACCESS_DENIED); /* SC-11 */
	CloseHandle(section);
	uint64_t bytes = PAGE;
	assert_int_equal(NtCreateSection(&section, SECTION_ALL_ACCESS, NULL, &bytes, PAGE_READWRITE,
	                                 SEC_COMMIT, NULL),
	                 STATUS_SUCCESS);
	assert_int_equal(NtExtendSection(section, &size), STATUS_SECTION_NOT_EXTENDED);
	CloseHandle(section);
	assert_int_equal(size_of(e->section), BYTES);
}

#define extend_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		extend_test(longer), extend_test(not_shorter), extend_test(read_only),
		extend_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
