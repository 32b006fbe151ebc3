/* SPDX-License-Identifier: MIT
 *
 * Windows 9x: files and images as all processes see them, or one (S8c, S8d, W9-11, W9-12, W9-18).
 */
#include <stdio.h>
#include <unistd.h>

#include <ntmm/file.h>

#include "nines.h"
#include "support/pe.h"

#define KERNEL 0xBFF70000u /* where a DLL of the system lies */

static HANDLE file_of(int fd, DWORD access)
{
	HANDLE file;
	assert_int_equal(ntmm_file_from_fd(fd, access, &file), STATUS_SUCCESS);
	return file;
}

/* A file of two pages, without a name. */
static int data_file(void)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	int fd = dup(fileno(file));
	fclose(file);
	assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
	assert_int_equal(pwrite(fd, "data", 4, PAGE), 4);
	return fd;
}

/* W9-11, W9-14: one view for all, coherent, and written to the file. */
static void data(void **state)
{
	struct nines *nines = *state;
	char found[8] = "";
	int fd = data_file();
	HANDLE file = file_of(fd, GENERIC_READ | GENERIC_WRITE);
	HANDLE section = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 0, NULL);
	assert_non_null(section);
	char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	assert_in_range(address_in(view), SHARED, SYSTEM - 1);
	assert_int_equal(load_at(&nines->place[1], view + PAGE), 'd');
	store_at(&nines->place[1], view + PAGE, 'D');
	assert_true(FlushViewOfFile(view, 0));
	assert_int_equal(pread(fd, found, 4, PAGE), 4);
	assert_string_equal(found, "Data");
	assert_true(UnmapViewOfFile(view));
	CloseHandle(section);
	CloseHandle(file);
	close(fd);
}

/* W9-12: 87 where NT says 5; what is copied goes to no file. */
static void rights(void **state)
{
	struct nines *nines = *state;
	char found[8] = "";
	int fd = data_file();
	HANDLE file = file_of(fd, GENERIC_READ);
	assert_fails(CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 0, NULL),
	             ERROR_INVALID_PARAMETER);
	HANDLE section = CreateFileMappingA(file, NULL, PAGE_WRITECOPY, 0, 0, NULL);
	assert_non_null(section);
	char *view = MapViewOfFile(section, FILE_MAP_COPY, 0, 0, 0);
	assert_non_null(view);
	store_at(&nines->place[0], view + PAGE, 'X');
	assert_int_equal(load_at(&nines->place[1], view + PAGE), 'X');
	assert_int_equal(pread(fd, found, 4, PAGE), 4);
	assert_string_equal(found, "data");
	assert_true(UnmapViewOfFile(view));
	CloseHandle(section);
	CloseHandle(file);
	close(fd);
}

/* ---- images --------------------------------------------------------------------------------- */

struct image {
	int fd;
	HANDLE file, section;
};

/* Two sections: code on page 1, data on page 2; a fixup in the code. */
static void image_begin(struct image *image, uint64_t base)
{
	uint8_t bytes[PAGE] = {1, 2, 3};
	struct pe *pe = pe_new(PE_32, base);
	uint32_t text = pe_section(pe, ".text", bytes, PAGE, PAGE, PE_CODE);
	pe_section(pe, ".data", bytes, PAGE, PAGE, PE_DATA);
	pe_relocations(pe, (struct pe_fixup[]){{text + 8, PE_HIGHLOW, 0}}, 1);
	image->fd = pe_open(pe);
	pe_free(pe);
	image->file = file_of(image->fd, GENERIC_READ | GENERIC_EXECUTE);
	image->section = CreateFileMappingA(image->file, NULL, PAGE_READONLY | SEC_IMAGE, 0, 0, NULL);
	if (!image->section)
		fail_msg("CreateFileMapping: error %u", GetLastError());
}

static void image_end(const struct image *image)
{
	CloseHandle(image->section);
	CloseHandle(image->file);
	close(image->fd);
}

static NTSTATUS map_image(const struct image *image, const struct place *place, uint64_t *base)
{
	uint64_t size = 0;
	return NtMapViewOfSection(image->section, place->process, base, 0, 0, NULL, &size,
	                          ViewShare, 0, PAGE_READONLY);
}

/* W9-18, S8c: a program lies where programs do, each its own; code is run and read, not written. */
static void program(void **state)
{
	struct nines *nines = *state;
	struct image image;
	uint64_t base[NINES] = {0};
	uint8_t value;
	image_begin(&image, PRIVATE);
	for (int i = 0; i < NINES; i++) {
		assert_int_equal(map_image(&image, &nines->place[i], &base[i]), STATUS_SUCCESS);
		assert_int_equal(base[i], PRIVATE);
	}
	assert_true(ntmm_fetch8(nines->place->thread, PRIVATE + PAGE + 1, &value));
	assert_int_equal(value, 2);
	assert_int_equal(store_raises(nines->place, at(PRIVATE + PAGE)), STATUS_ACCESS_VIOLATION);
	assert_int_equal(query_at(PRIVATE + PAGE).Protect, PAGE_READONLY); /* W9-4 */
	store_at(&nines->place[0], at(PRIVATE + 2 * PAGE), 9);
	assert_int_equal(load_at(&nines->place[1], at(PRIVATE + 2 * PAGE)), 1);
	assert_fails(UnmapViewOfFile(at(PRIVATE + PAGE)), ERROR_INVALID_ADDRESS); /* W9-13 */
	for (int i = 0; i < NINES; i++)
		assert_int_equal(NtUnmapViewOfSection(nines->place[i].process, PRIVATE),
		                 STATUS_SUCCESS);
	image_end(&image);
}

/* S8d: a DLL of the system lies in the shared arena, with its data, once for all. */
static void system_dll(void **state)
{
	struct nines *nines = *state;
	struct image image;
	uint64_t base[NINES] = {0}, other = SHARED;
	image_begin(&image, KERNEL);
	assert_int_equal(map_image(&image, &nines->place[0], &other),
	                 STATUS_CONFLICTING_ADDRESSES); /* it is not moved there */
	for (int i = 0; i < NINES; i++) {
		assert_int_equal(map_image(&image, &nines->place[i], &base[i]), STATUS_SUCCESS);
		assert_int_equal(base[i], KERNEL);
	}
	assert_int_equal(load_at(&nines->place[1], at(KERNEL + PAGE)), 1);
	store_at(&nines->place[0], at(KERNEL + 2 * PAGE), 9);
	assert_int_equal(load_at(&nines->place[1], at(KERNEL + 2 * PAGE)), 9);
	assert_int_equal(query_at(KERNEL).Type, MEM_IMAGE);
	assert_int_equal(NtUnmapViewOfSection(nines->place[0].process, KERNEL), STATUS_SUCCESS);
	assert_int_equal(load_at(&nines->place[0], at(KERNEL + 2 * PAGE)), 9);
	assert_int_equal(NtUnmapViewOfSection(nines->place[1].process, KERNEL), STATUS_SUCCESS);
	assert_int_equal(load_raises(&nines->place[0], at(KERNEL)), STATUS_ACCESS_VIOLATION);
	image_end(&image);
}

/* An image is moved within the private arena, where its place is taken. */
static void moved(void **state)
{
	struct nines *nines = *state;
	struct image image;
	uint64_t base = 0;
	assert_ptr_equal(must_commit(PAGE, PAGE_READWRITE), at(PRIVATE));
	image_begin(&image, PRIVATE);
	assert_int_equal(map_image(&image, &nines->place[0], &base), STATUS_IMAGE_NOT_AT_BASE);
	assert_in_range(base, PRIVATE + GRANULE, SHARED - 1);
	assert_int_equal(load64(nines->place, base + PAGE + 8) & UINT32_MAX, base - PRIVATE);
	assert_int_equal(NtUnmapViewOfSection(nines->place[0].process, base), STATUS_SUCCESS);
	image_end(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		nines_test(data),       nines_test(rights), nines_test(program),
		nines_test(system_dll), nines_test(moved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
