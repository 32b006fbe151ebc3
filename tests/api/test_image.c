/* SPDX-License-Identifier: MIT
 *
 * What Windows says of an image's view: its size and place, the protection of its parts, and what may
 * be done to them (IM-1, IM-2, IM-5, IM-6, IM-7, IM-9, IM-10, IM-12, IM-15, SC-12, VQ-10, VQ-16, S18).
 */
#include "image.h"

/* IM-5, IM-10, VQ-10, VQ-16: every run, in order. */
static void parts(void **state)
{
	struct loaded *l = *state;
	static const struct {
		unsigned page, pages;
		DWORD state, protect;
	} runs[] = {
		{0, 1, MEM_COMMIT, PAGE_READONLY},       {TEXT, 2, MEM_COMMIT, PAGE_EXECUTE_READ},
		{RDATA, 2, MEM_COMMIT, PAGE_READONLY},   {DATA, 3, MEM_COMMIT, PAGE_WRITECOPY},
		{SHARED, 2, MEM_COMMIT, PAGE_READWRITE}, {GAP, 2, MEM_RESERVE, 0},
		{RSRC, 2, MEM_COMMIT, PAGE_READONLY},
	};
	char *view = image_map(l, 0);
	for (unsigned i = 0; i < sizeof runs / sizeof *runs; i++) {
		MEMORY_BASIC_INFORMATION info = two_query(l->two, 0, view + runs[i].page * PAGE);
		assert_ptr_equal(info.AllocationBase, view);
		assert_int_equal(info.AllocationProtect, PAGE_EXECUTE_WRITECOPY); /* IM-1 */
		assert_int_equal(info.Type, MEM_IMAGE);
		assert_int_equal(info.RegionSize, runs[i].pages * PAGE);
		assert_int_equal(info.State, runs[i].state);
		assert_int_equal(info.Protect, runs[i].protect);
	}
	assert_int_equal(two_query(l->two, 0, view + IMAGE_PAGES * PAGE).State, MEM_FREE);
	image_unmap(l, 0, view + GAP * PAGE); /* UV-1: any address in it */
	assert_int_equal(two_query(l->two, 0, view).State, MEM_FREE);
}

/* IM-6: the file's bytes, then zeros. */
static void contents(void **state)
{
	struct loaded *l = *state;
	char *view = image_map(l, 0);
	static const unsigned pages[] = {TEXT, TEXT + 1, RDATA, RDATA + 1, DATA, SHARED};
	assert_int_equal(image_load(l, 0, view), 'M');
	assert_int_equal(image_load(l, 0, view + 0x600), 0); /* behind the headers */
	for (unsigned i = 0; i < sizeof pages / sizeof *pages; i++)
		for (unsigned at = 0x10; at < PAGE; at += 0x11)
			if (at < 0x800 || at >= 0x810)
				assert_int_equal(image_load(l, 0, view + pages[i] * PAGE + at),
				                 image_byte(pages[i], at));
	assert_int_equal(image_load(l, 0, view + DATA * PAGE + DATA_RAW - 1),
	                 image_byte(DATA + 1, PAGE / 2 - 1));
	assert_int_equal(image_load(l, 0, view + DATA * PAGE + DATA_RAW), 0);
	assert_int_equal(image_load(l, 0, view + (DATA + 2) * PAGE), 0);
	assert_int_equal(image_load(l, 0, view + (SHARED + 1) * PAGE + 5), 0);
	assert_int_equal(image_load(l, 0, view + RSRC * PAGE + 99), image_byte(RSRC, 99));
	assert_int_equal(image_load(l, 0, view + RSRC * PAGE + 200), 0);
}

/* S18, EX: what may not be done raises an access violation. */
static void violations(void **state)
{
	struct loaded *l = *state;
	struct place *place = &l->two->place[0];
	char *view = image_map(l, 0);
	static const unsigned readonly[] = {0, TEXT, RDATA, RSRC};
	for (unsigned i = 0; i < sizeof readonly / sizeof *readonly; i++)
		assert_int_equal(store_raises(place, view + readonly[i] * PAGE),
		                 STATUS_ACCESS_VIOLATION);
	assert_int_equal(load_raises(place, view + GAP * PAGE), STATUS_ACCESS_VIOLATION);
	uint8_t code;
	assert_true(ntmm_fetch8(place->thread, address_in(view + TEXT * PAGE + 1), &code));
	assert_int_equal(code, image_byte(TEXT, 1));
	assert_false(ntmm_fetch8(place->thread, address_in(view + DATA * PAGE), &code));
	assert_int_equal(ntmm_thread_exception(place->thread)->ExceptionCode,
	                 (DWORD)STATUS_ACCESS_VIOLATION);
}

/* IM-2: the preferred base, then another; a base that the caller chooses. */
static void bases(void **state)
{
	struct loaded *l = *state;
	char *first, *second, *third;
	assert_int_equal(image_map_at(l, 0, 0, &first), STATUS_SUCCESS);
	assert_ptr_equal(first, at(IMAGE_BASE));
	assert_int_equal(image_map_at(l, 0, 0, &second), STATUS_IMAGE_NOT_AT_BASE);
	assert_int_equal(address_in(second) % GRANULE, 0);
	assert_int_equal(image_map_at(l, 0, 0x30000000, &third), STATUS_IMAGE_NOT_AT_BASE);
	assert_ptr_equal(third, at(0x30000000));
	char *none;
	assert_int_equal(image_map_at(l, 0, 0x30000000, &none), STATUS_CONFLICTING_ADDRESSES);
	assert_int_equal(image_map_at(l, 0, 0x30001000, &none), STATUS_MAPPED_ALIGNMENT);
	image_unmap(l, 0, first);
	assert_int_equal(image_map_at(l, 0, 0, &first), STATUS_SUCCESS);
}

/* IM-9: a success that tells; the image is there. */
static void other_machine(void **state)
{
	struct loaded *l = *state;
	char *view;
	assert_int_equal(image_map_at(l, 1, 0, &view), STATUS_IMAGE_MACHINE_TYPE_MISMATCH);
	assert_ptr_equal(view, at(IMAGE_BASE));
	assert_int_equal(image_load(l, 1, view), 'M');
}

/* IM-1: the access asked for does not matter, a part of the image cannot be had. */
static void ways(void **state)
{
	struct loaded *l = *state;
	static const DWORD access[] = {FILE_MAP_READ, FILE_MAP_COPY, 0};
	for (unsigned i = 0; i < sizeof access / sizeof *access; i++) {
		char *view = MapViewOfFile(l->two->section, access[i], 0, 0, 0);
		assert_non_null(view);
		assert_int_equal(two_protect_at(l->two, 0, view + DATA * PAGE), PAGE_WRITECOPY);
		assert_true(UnmapViewOfFile(view));
	}
	assert_fails(MapViewOfFile(l->two->section, FILE_MAP_WRITE, 0, 0, 0), ERROR_ACCESS_DENIED);
	assert_fails(MapViewOfFile(l->two->section, FILE_MAP_READ, 0, GRANULE, 0),
	             ERROR_ACCESS_DENIED);
	assert_fails(MapViewOfFile(l->two->section, FILE_MAP_READ, 0, 0, IMAGE_PAGES * PAGE + 1),
	             ERROR_ACCESS_DENIED);
}

/* IM-12, VA-49, MV-44, MV-45, VA-66: an image's pages are neither committed, freed nor reset. */
static void other_calls(void **state)
{
	struct loaded *l = *state;
	char *view = image_map(l, 0), *data = view + DATA * PAGE;
	assert_fails(VirtualAlloc(data, PAGE, MEM_COMMIT, PAGE_READONLY), ERROR_ACCESS_DENIED);
	assert_fails(VirtualFree(data, PAGE, MEM_DECOMMIT), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFree(view, 0, MEM_RELEASE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(view, PAGE, MEM_RESERVE, PAGE_READONLY), ERROR_INVALID_ADDRESS);
	SetLastError(0);
	assert_null(VirtualAlloc(data, PAGE, MEM_RESET, PAGE_READONLY)); /* S46 */
	assert_int_not_equal(GetLastError(), 0);
	assert_succeeds(FlushViewOfFile(view, 0)); /* FV-2 */
}

/* IM-15: nothing of it can be executed. */
static void no_execute(void **state)
{
	struct loaded *l = *state;
	HANDLE section = CreateFileMappingA(l->file, NULL, PAGE_READONLY | SEC_IMAGE_NO_EXECUTE, 0,
	                                    0, NULL);
	assert_non_null(section);
	char *view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
	MEMORY_BASIC_INFORMATION info = two_query(l->two, 0, view + TEXT * PAGE);
	uint8_t code;
	assert_int_equal(info.AllocationProtect, PAGE_WRITECOPY);
	assert_int_equal(info.Protect, PAGE_READONLY);
	assert_false(ntmm_fetch8(l->two->place[0].thread, address_in(view + TEXT * PAGE), &code));
	DWORD old;
	assert_fails(VirtualProtect(view + TEXT * PAGE, PAGE, PAGE_EXECUTE_READ, &old),
	             ERROR_INVALID_PARAMETER);
	assert_true(UnmapViewOfFile(view));
	CloseHandle(section);
}

/* IM-7: alignment below a page: the file as it lies there, all of it copied where it is written. */
static void flat(void **state)
{
	struct loaded *l = *state;
	struct pe *pe = pe_new(PE_32, 0x20000000);
	uint8_t bytes[0x800];
	memset(bytes, 0x61, sizeof bytes);
	pe_section(pe, ".text", bytes, sizeof bytes, sizeof bytes, PE_CODE);
	pe_set(pe, PE_SECTION_ALIGNMENT, 4, 0x200);
	pe_set(pe, pe_row(pe, 0) + PE_ROW_RVA, 4, 0x600); /* where it is in the file */
	pe_set(pe, PE_IMAGE_BYTES, 4, 0xE00);
	CloseHandle(l->two->section);
	CloseHandle(l->file);
	close(l->fd);
	pe_free(l->pe);
	image_open(l, pe);
	uint64_t usage = two_usage(l->two, 0);
	char *view = image_map(l, 0);
	MEMORY_BASIC_INFORMATION info = two_query(l->two, 0, view);
	assert_int_equal(info.RegionSize, PAGE);
	assert_int_equal(info.Protect, PAGE_EXECUTE_WRITECOPY);
	assert_int_equal(two_usage(l->two, 0) - usage, 1);
	assert_int_equal(image_load(l, 0, view + 0x600), 0x61);
	assert_int_equal(image_load(l, 0, view + 0xE00), 0);
	image_store(l, 0, view, 'N');
	assert_int_equal(two_protect_at(l->two, 0, view), PAGE_EXECUTE_READWRITE);
	assert_int_equal(image_load(l, 1, image_map(l, 1)), 'M');
	SECTION_IMAGE_INFORMATION told;
	assert_int_equal(NtQuerySection(l->two->section, SectionImageInformation, &told,
	                                sizeof told, NULL),
	                 STATUS_SUCCESS);
	assert_int_equal(told.ImageFlags, SECTION_IMAGE_MAPPED_FLAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		image_test(parts),         image_test(contents), image_test(violations),
		image_test(bases),         image_test(other_machine), image_test(ways),
		image_test(other_calls),   image_test(no_execute), image_test(flat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
