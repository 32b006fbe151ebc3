/* SPDX-License-Identifier: MIT
 *
 * Images in the host process: what a view of a PE file says and holds, where it is moved, what is copied and
 * what is shared; and the code of a real DLL, run (rules IM, S30 to S32).
 */
#include <fcntl.h>

#include <ntmm/native.h>
#include <ntmm/ntapi.h>

#include "image.h"
#include "support/dll.h"

#define TAKEN (address_in(&section_of) / GRANULE * GRANULE) /* where this program lies */

static HANDLE section_of(int fd);

/* A place for an image that nobody has now. */
static uint64_t free_base(void)
{
	void *place = VirtualAlloc(NULL, IMAGE_PAGES * PAGE, MEM_RESERVE, PAGE_NOACCESS);
	assert_non_null(place);
	assert_succeeds(VirtualFree(place, 0, MEM_RELEASE));
	return address_in(place);
}

/* What a first view answers whose base may be taken by something of the host's, as by a sanitizer. */
static NTSTATUS status_at(uint64_t base, uint64_t bytes)
{
	MEMORY_BASIC_INFORMATION info;
	assert_int_equal(VirtualQuery(at(base), &info, sizeof info), sizeof info);
	return info.State == MEM_FREE && info.RegionSize >= bytes ? STATUS_SUCCESS
	                                                          : STATUS_IMAGE_NOT_AT_BASE;
}

static HANDLE section_of(int fd)
{
	HANDLE file;
	assert_int_equal(ntmm_file_from_fd(fd, GENERIC_READ | GENERIC_EXECUTE, &file),
	                 STATUS_SUCCESS);
	HANDLE section = CreateFileMappingA(file, NULL, PAGE_READONLY | SEC_IMAGE, 0, 0, NULL);
	if (!section)
		fail_msg("CreateFileMapping: error %u", GetLastError());
	CloseHandle(file);
	close(fd);
	return section;
}

static HANDLE built(uint64_t base)
{
	struct pe *pe = image_file(PE_64, base);
	HANDLE section = section_of(pe_open(pe));
	pe_free(pe);
	assert_true(ntmm_native_take_signals());
	return section;
}

static uint8_t *map(HANDLE section, NTSTATUS expected)
{
	uint64_t base = 0, size = 0;
	assert_int_equal(NtMapViewOfSection(section, GetCurrentProcess(), &base, 0, 0, NULL, &size,
	                                    ViewShare, 0, PAGE_READONLY),
	                 expected);
	return at(base);
}

static void test_view(void **state) /* IM-2, IM-6, IM-10, IM-12 */
{
	static const struct {
		unsigned page;
		DWORD state, protect;
	} expected[] = {{0, MEM_COMMIT, PAGE_READONLY},      {TEXT, MEM_COMMIT, PAGE_EXECUTE_READ},
	                {RDATA, MEM_COMMIT, PAGE_READONLY},  {DATA, MEM_COMMIT, PAGE_WRITECOPY},
	                {SHARED, MEM_COMMIT, PAGE_READWRITE}, {GAP, MEM_RESERVE, 0},
	                {RSRC, MEM_COMMIT, PAGE_READONLY}};
	uint64_t base = free_base();
	HANDLE section = built(base);
	(void)state;
	uint8_t *view = map(section, STATUS_SUCCESS);
	assert_int_equal(address_in(view), base);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		MEMORY_BASIC_INFORMATION info;
		assert_int_equal(VirtualQuery(view + expected[i].page * PAGE, &info, sizeof info),
		                 sizeof info);
		assert_int_equal(info.Type, MEM_IMAGE);
		assert_ptr_equal(info.AllocationBase, view);
		assert_int_equal(info.State, expected[i].state);
		assert_int_equal(info.Protect, expected[i].protect);
	}
	assert_int_equal(view[0], 'M');
	assert_int_equal(view[RDATA * PAGE + 5], image_byte(RDATA, 5));
	assert_int_equal(view[DATA * PAGE + DATA_RAW - 1], image_byte(DATA + 1, DATA_RAW - 1 - PAGE));
	assert_int_equal(view[DATA * PAGE + DATA_RAW], 0);
	assert_succeeds(UnmapViewOfFile(view));
	CloseHandle(section);
}

static void test_copies_and_shares(void **state) /* IM-11, CW-3, CW-4 */
{
	HANDLE section = built(free_base());
	(void)state;
	uint8_t *first = map(section, STATUS_SUCCESS), *second = map(section, STATUS_IMAGE_NOT_AT_BASE);
	first[DATA * PAGE] = 0xEE;
	assert_int_equal(second[DATA * PAGE], image_byte(DATA, 0));
	assert_int_equal(protect_at(first + DATA * PAGE), PAGE_READWRITE);
	assert_int_equal(protect_at(first + (DATA + 1) * PAGE), PAGE_WRITECOPY);
	first[SHARED * PAGE + 7] = 0x77;
	assert_int_equal(second[SHARED * PAGE + 7], 0x77);
	assert_succeeds(UnmapViewOfFile(first));
	first = map(section, STATUS_SUCCESS);
	assert_int_equal(first[DATA * PAGE], image_byte(DATA, 0)); /* copies go with the view */
	assert_int_equal(first[SHARED * PAGE + 7], 0x77);
	assert_succeeds(UnmapViewOfFile(first));
	assert_succeeds(UnmapViewOfFile(second));
	CloseHandle(section);
}

/* The host has something at the preferred base that was never allocated here. */
static void test_base_is_taken(void **state) /* IM-2, IM-3 */
{
	HANDLE section = built(TAKEN);
	(void)state;
	uint8_t *view = map(section, STATUS_IMAGE_NOT_AT_BASE);
	uint64_t delta = address_in(view) - (TAKEN);
	uint64_t moved, was = 0;
	for (int i = 0; i < 8; i++)
		was |= (uint64_t)image_byte(TEXT, 8 + i) << 8 * i;
	memcpy(&moved, view + TEXT * PAGE + 8, sizeof moved);
	assert_int_equal(moved, was + delta);
	assert_int_equal(protect_at(view + TEXT * PAGE), PAGE_EXECUTE_READ);
	assert_succeeds(UnmapViewOfFile(view));
	CloseHandle(section);
}

/* ---- a real DLL ------------------------------------------------------------------------------ */

static uint32_t word(const uint8_t *view, uint32_t at)
{
	uint32_t value;
	memcpy(&value, view + at, sizeof value);
	return value;
}

/* The address of an exported function; NULL: there is none of that name. */
static void *exported(const uint8_t *view, const char *name)
{
	uint32_t headers = word(view, 0x3C), table = word(view, headers + 0x88);
	uint32_t functions = word(view, table + 28), names = word(view, table + 32);
	uint32_t ordinals = word(view, table + 36);
	for (uint32_t i = 0; i < word(view, table + 24); i++) {
		if (strcmp((const char *)view + word(view, names + 4 * i), name))
			continue;
		uint16_t ordinal;
		memcpy(&ordinal, view + ordinals + 2 * i, sizeof ordinal);
		return (void *)(uintptr_t)(view + word(view, functions + 4 * ordinal));
	}
	return NULL;
}

typedef uint32_t (*adler32_function)(uint32_t, const char *, uint32_t) __attribute__((ms_abi));

static unsigned ran;

static void run_dll(const struct dll *dll)
{
	if (!dll->wide)
		return;
	HANDLE section = section_of(open(dll->path, O_RDONLY));
	uint8_t *first = map(section, status_at(dll->base, (uint64_t)dll->pages * PAGE));
	uint8_t *moved = map(section, STATUS_IMAGE_NOT_AT_BASE);
	uint8_t *expected = dll_moved(dll, address_in(moved));
	for (uint32_t page = 0; page < dll->pages; page++)
		if (dll->backed[page])
			assert_memory_equal(moved + (size_t)page * PAGE,
			                    expected + (size_t)page * PAGE, PAGE);
	free(expected);
	adler32_function adler32[] = {exported(first, "adler32"), exported(moved, "adler32")};
	for (int i = 0; i < 2 && adler32[i]; i++, ran++)
		assert_int_equal(adler32[i](1, "Wikipedia", 9), 0x11E60398);
	assert_succeeds(UnmapViewOfFile(first));
	assert_succeeds(UnmapViewOfFile(moved));
	CloseHandle(section);
}

static void test_real_dlls(void **state)
{
	(void)state;
	assert_true(ntmm_native_take_signals());
	if (!dll_each(run_dll)) {
		print_message("no DLLs: install mingw-w64-x86-64-dev\n");
		skip();
	}
	if (!ran) {
		print_message("no zlib1.dll to be run: install libz-mingw-w64\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_view),
		cmocka_unit_test(test_copies_and_shares),
		cmocka_unit_test(test_base_is_taken),
		cmocka_unit_test(test_real_dlls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
