/* SPDX-License-Identifier: MIT
 *
 * From files to image sections: which files, which combinations; and the file meanwhile (SC-7, SC-12, the PE column of the SEC_ table, IM-8).
 */
#include <fcntl.h>

#include "image.h"

static NTSTATUS create(HANDLE file, uint32_t protect, uint32_t allocation)
{
	HANDLE section;
	NTSTATUS status = NtCreateSection(&section, SECTION_ALL_ACCESS, NULL, NULL, protect,
	                                  allocation, file);
	if (status >= 0)
		NtClose(section);
	return status;
}

static HANDLE file_of(const void *bytes, size_t size)
{
	char name[] = "/tmp/ntmm-image-XXXXXX";
	HANDLE file;
	int fd = mkstemp(name);
	unlink(name);
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(ntmm_file_from_fd(fd, GENERIC_READ, &file), STATUS_SUCCESS);
	close(fd);
	return file;
}

/* The file by its path; how much it may be written. */
static HANDLE open_again(const struct loaded *l, DWORD access)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", l->fd);
	return CreateFileA(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0,
	                   NULL);
}

/* SC-12: what is no image. */
static void no_images(void **state)
{
	struct loaded *l = *state;
	const struct {
		const void *bytes;
		size_t size;
		NTSTATUS status;
	} files[] = {
		{"", 0, STATUS_INVALID_FILE_FOR_SECTION},
		{"a text, not a program", 21, STATUS_INVALID_IMAGE_NOT_MZ},
		{l->pe->bytes, 0x100, STATUS_INVALID_IMAGE_FORMAT},
		{l->pe->bytes, l->pe->size / 2, STATUS_INVALID_IMAGE_FORMAT},
	};
	for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
		HANDLE file = file_of(files[i].bytes, files[i].size);
		assert_int_equal(create(file, PAGE_READONLY, SEC_IMAGE), files[i].status);
		assert_fails(CreateFileMappingA(file, NULL, PAGE_READONLY | SEC_IMAGE, 0, 0, NULL),
		             ERROR_BAD_EXE_FORMAT);
		CloseHandle(file);
	}
	assert_int_equal(create(NULL, PAGE_READONLY, SEC_IMAGE), STATUS_INVALID_FILE_FOR_SECTION);
}

/* SC-7, SC-12: the protection matters to the file's handle alone. */
static void rights(void **state)
{
	struct loaded *l = *state;
	static const struct {
		DWORD protect, access;
	} needs[] = {
		{PAGE_READONLY, GENERIC_READ},
		{PAGE_WRITECOPY, GENERIC_READ},
		{PAGE_READWRITE, GENERIC_READ | GENERIC_WRITE},
		{PAGE_EXECUTE_READ, GENERIC_READ | GENERIC_EXECUTE},
		{PAGE_EXECUTE_WRITECOPY, GENERIC_READ | GENERIC_EXECUTE},
		{PAGE_EXECUTE_READWRITE, GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE},
	};
	CloseHandle(l->two->section);
	l->two->section = NULL;
	for (unsigned i = 0; i < sizeof needs / sizeof *needs; i++) {
		for (unsigned lacks = 0; lacks < 3; lacks++) {
			static const DWORD rights[] = {0, GENERIC_WRITE, GENERIC_EXECUTE};
			HANDLE file;
			DWORD access = needs[i].access & ~rights[lacks];
			bool fits = access == needs[i].access;
			assert_int_equal(ntmm_file_from_fd(l->fd, access, &file), STATUS_SUCCESS);
			assert_int_equal(create(file, needs[i].protect, SEC_IMAGE),
			                 fits ? STATUS_SUCCESS : STATUS_ACCESS_DENIED);
			CloseHandle(file);
		}
	}
}

/* The PE column of the table below SC-17. */
static void combinations(void **state)
{
	struct loaded *l = *state;
	static const uint32_t refused[] = {
		SEC_IMAGE | SEC_COMMIT,      SEC_IMAGE | SEC_RESERVE,
		SEC_IMAGE | SEC_FILE,        SEC_IMAGE | SEC_LARGE_PAGES,
		SEC_IMAGE | SEC_WRITECOMBINE, SEC_RESERVE | SEC_COMMIT,
		SEC_RESERVE | SEC_LARGE_PAGES, SEC_NOCACHE,
		SEC_LARGE_PAGES,             SEC_WRITECOMBINE,
		SEC_FILE,                    SEC_FILE | SEC_COMMIT,
	};
	for (unsigned i = 0; i < sizeof refused / sizeof *refused; i++)
		assert_int_equal(create(l->file, PAGE_READONLY, refused[i]),
		                 STATUS_INVALID_PARAMETER_6);
	assert_int_equal(create(l->file, PAGE_READONLY, SEC_IMAGE), STATUS_SUCCESS);
	assert_int_equal(create(l->file, PAGE_READONLY, SEC_IMAGE_NO_EXECUTE), STATUS_SUCCESS);
	assert_int_equal(create(l->file, PAGE_READONLY, SEC_COMMIT), STATUS_SUCCESS);
}

static void write_data(const struct loaded *l, HANDLE file, uint64_t offset, uint8_t value)
{
	HANDLE section = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 0, NULL);
	assert_non_null(section);
	char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	assert_non_null(view);
	image_store(l, 0, view + offset, value);
	assert_true(FlushViewOfFile(view, 0));
	assert_true(UnmapViewOfFile(view));
	CloseHandle(section);
}

/* IM-8: a data view does not change what is mapped as an image. */
static void apart(void **state)
{
	struct loaded *l = *state;
	HANDLE file;
	uint64_t offset = pe_get(l->pe, pe_row(l->pe, 0) + PE_ROW_RAW_OFFSET, 4) + 5;
	CloseHandle(l->two->section);
	l->two->section = NULL;
	assert_int_equal(ntmm_file_from_fd(l->fd, GENERIC_READ | GENERIC_WRITE, &file), 0);
	l->two->section = image_section_of(l, PAGE_READONLY);
	char *view = image_map(l, 0);
	assert_int_equal(image_load(l, 0, view + TEXT * PAGE + 5), image_byte(TEXT, 5));
	write_data(l, file, offset, 0x99);
	assert_int_equal(image_load(l, 0, view + TEXT * PAGE + 5), image_byte(TEXT, 5));
	image_unmap(l, 0, view);
	CloseHandle(l->two->section);
	l->two->section = image_section_of(l, PAGE_READONLY); /* a new one reads the file */
	view = image_map(l, 0);
	assert_int_equal(image_load(l, 0, view + TEXT * PAGE + 5), 0x99);
	CloseHandle(file);
}

/* An image is made of what data views have written, though it is not in the file yet. */
static void written_before(void **state)
{
	struct loaded *l = *state;
	HANDLE file;
	uint64_t offset = pe_get(l->pe, pe_row(l->pe, 0) + PE_ROW_RAW_OFFSET, 4) + 5;
	CloseHandle(l->two->section);
	l->two->section = NULL;
	assert_int_equal(ntmm_file_from_fd(l->fd, GENERIC_READ | GENERIC_WRITE, &file), 0);
	HANDLE data = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 0, NULL);
	char *written = MapViewOfFile(data, FILE_MAP_WRITE, 0, 0, 0);
	image_store(l, 0, written + offset, 0x77);
	l->two->section = image_section_of(l, PAGE_READONLY);
	char *view = image_map(l, 0);
	assert_int_equal(image_load(l, 0, view + TEXT * PAGE + 5), 0x77);
	assert_true(UnmapViewOfFile(written));
	CloseHandle(data);
	CloseHandle(file);
}

/* IM-8: as long as there is a section or a view of the image, nobody opens the file to write it. */
static void closed_to_writers(void **state)
{
	struct loaded *l = *state;
	char *view = image_map(l, 0);
	assert_ptr_equal(open_again(l, GENERIC_READ | GENERIC_WRITE), INVALID_HANDLE_VALUE);
	assert_int_equal(GetLastError(), ERROR_SHARING_VIOLATION);
	CloseHandle(l->two->section);
	assert_ptr_equal(open_again(l, GENERIC_WRITE), INVALID_HANDLE_VALUE);
	HANDLE reader = open_again(l, GENERIC_READ);
	assert_ptr_not_equal(reader, INVALID_HANDLE_VALUE);
	CloseHandle(reader);
	image_unmap(l, 0, view);
	HANDLE writer = open_again(l, GENERIC_READ | GENERIC_WRITE);
	assert_ptr_not_equal(writer, INVALID_HANDLE_VALUE);
	l->two->section = image_section_of(l, PAGE_READONLY); /* a writer that was there before */
	assert_fails(SetEndOfFile(writer), ERROR_USER_MAPPED_FILE);
	CloseHandle(writer);
}

/* MV-20: a file that somebody else has cut. */
static void shrunk(void **state)
{
	struct loaded *l = *state;
	char *view = image_map(l, 0);
	uint64_t data = pe_get(l->pe, pe_row(l->pe, 2) + PE_ROW_RAW_OFFSET, 4);
	assert_int_equal(ftruncate(l->fd, (off_t)data + 100), 0);
	assert_int_equal(image_load(l, 0, view + TEXT * PAGE), image_byte(TEXT, 0));
	assert_int_equal(load_raises(&l->two->place[0], view + DATA * PAGE), STATUS_IN_PAGE_ERROR);
	const EXCEPTION_RECORD *record = ntmm_thread_exception(l->two->place[0].thread);
	assert_int_equal(record->ExceptionInformation[2], (DWORD)STATUS_END_OF_FILE);
	assert_int_equal(load_raises(&l->two->place[0], view + RSRC * PAGE), STATUS_IN_PAGE_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		image_test(no_images), image_test(rights), image_test(combinations),
		image_test(apart),  image_test(written_before),
		image_test(closed_to_writers), image_test(shrunk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
