/* SPDX-License-Identifier: MIT
 *
 * Names and handles of sections (SC-10, SC-11, MV-2): who finds them, and what a handle may do.
 */
#include "two.h"

#define BYTES (4 * PAGE)

static HANDLE named(const char *name, DWORD protect, DWORD bytes, DWORD error)
{
	SetLastError(UNTOUCHED);
	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, protect, 0, bytes, name);
	assert_int_equal(GetLastError(), error);
	return section;
}

/* SC-10: the one that is there wins, with its size and protection. */
static void same_name(void **state)
{
	struct two *two = *state;
	SECTION_BASIC_INFORMATION info;
	two->section = named("one", PAGE_READONLY, BYTES, ERROR_SUCCESS);
	uint64_t before = two_commit(two);
	HANDLE second = named("one", PAGE_READWRITE, 9 * BYTES, ERROR_ALREADY_EXISTS);
	assert_non_null(second);
	assert_int_equal(two_commit(two), before); /* what was made in vain is gone */
	NtQuerySection(second, SectionBasicInformation, &info, sizeof info, NULL);
	assert_int_equal(info.Size, BYTES);
	assert_fails(MapViewOfFile(second, FILE_MAP_WRITE, 0, 0, 0), ERROR_INVALID_PARAMETER);
	char *a = MapViewOfFile(second, FILE_MAP_READ, 0, 0, 0);
	assert_non_null(a);
	assert_true(CloseHandle(second));
	assert_true(UnmapViewOfFile(a));
}

/* SC-10: case counts; an empty name is none; names may be long. */
static void spelling(void **state)
{
	char longest[200];
	(void)state;
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = 0;
	HANDLE a = named("Name", PAGE_READWRITE, PAGE, ERROR_SUCCESS);
	HANDLE b = named("name", PAGE_READWRITE, PAGE, ERROR_SUCCESS);
	HANDLE c = named("", PAGE_READWRITE, PAGE, ERROR_SUCCESS);
	HANDLE d = named("", PAGE_READWRITE, PAGE, ERROR_SUCCESS);
	HANDLE e = named(longest, PAGE_READWRITE, PAGE, ERROR_SUCCESS);
	HANDLE f = named(longest, PAGE_READWRITE, PAGE, ERROR_ALREADY_EXISTS);
	longest[198] = 'y';
	assert_fails(OpenFileMappingA(FILE_MAP_READ, FALSE, longest), ERROR_FILE_NOT_FOUND);
	assert_fails(OpenFileMappingA(FILE_MAP_READ, FALSE, "NAME"), ERROR_FILE_NOT_FOUND);
	assert_fails(OpenFileMappingA(FILE_MAP_READ, FALSE, NULL), ERROR_INVALID_PARAMETER);
	assert_fails(OpenFileMappingA(FILE_MAP_READ, FALSE, ""), ERROR_FILE_NOT_FOUND);
	HANDLE all[] = {a, b, c, d, e, f};
	for (unsigned i = 0; i < 6; i++)
		assert_true(CloseHandle(all[i]));
}

/* SC-10: the name goes with the last handle, though a view keeps the pages (MV-11). */
static void name_ends(void **state)
{
	struct two *two = *state;
	HANDLE first = named("gone", PAGE_READWRITE, BYTES, ERROR_SUCCESS);
	HANDLE second = OpenFileMappingA(FILE_MAP_ALL_ACCESS, FALSE, "gone");
	char *view = MapViewOfFile(second, FILE_MAP_WRITE, 0, 0, 0);
	assert_non_null(view);
	two_store(two, 0, view, 77);
	assert_true(CloseHandle(first));
	first = OpenFileMappingA(FILE_MAP_READ, FALSE, "gone");
	assert_non_null(first);
	assert_true(CloseHandle(first));
	assert_true(CloseHandle(second));
	assert_fails(OpenFileMappingA(FILE_MAP_READ, FALSE, "gone"), ERROR_FILE_NOT_FOUND);
	HANDLE other = named("gone", PAGE_READWRITE, BYTES, ERROR_SUCCESS);
	char *fresh = MapViewOfFile(other, FILE_MAP_READ, 0, 0, 0);
	assert_int_equal(two_load(two, 0, fresh), 0);
	assert_int_equal(two_load(two, 0, view), 77);
	assert_true(CloseHandle(other));
	assert_true(UnmapViewOfFile(fresh));
	assert_true(UnmapViewOfFile(view));
}

/* Names are those of a machine, not of the host process. */
static void other_machine(void **state)
{
	struct two *two = *state;
	struct place other = {.machine = place_machine(1 << 20, 1 << 20)};
	two->section = named("here", PAGE_READWRITE, BYTES, ERROR_SUCCESS);
	ntmm_thread_detach();
	place_enter(&other, NTMM_LAYOUT_NT32_2GB);
	assert_fails(OpenFileMappingA(FILE_MAP_READ, FALSE, "here"), ERROR_FILE_NOT_FOUND);
	assert_fails(MapViewOfFile(two->section, FILE_MAP_READ, 0, 0, 0), ERROR_NOT_SAME_DEVICE);
	HANDLE there = named("here", PAGE_READWRITE, BYTES, ERROR_SUCCESS);
	assert_non_null(there);
	place_leave(&other);
	ntmm_machine_destroy(other.machine);
	SECTION_BASIC_INFORMATION info;
	assert_int_equal(NtQuerySection(there, SectionBasicInformation, &info, sizeof info, NULL),
	                 STATUS_PROCESS_IS_TERMINATING);
	assert_true(CloseHandle(there));
	assert_true(ntmm_thread_attach(two->place[0].thread));
	assert_true(CloseHandle(OpenFileMappingA(FILE_MAP_READ, FALSE, "here")));
}

/* Natively a name that is there is in the way, unless OBJ_OPENIF says otherwise. */
static void native_names(void **state)
{
	static const WCHAR text[] = {'n', 't'};
	struct two *two = *state;
	UNICODE_STRING name = {sizeof text, sizeof text, (WCHAR *)(uintptr_t)text};
	OBJECT_ATTRIBUTES attributes = {.Length = sizeof attributes, .ObjectName = &name};
	uint64_t bytes = BYTES;
	HANDLE second = NULL;
	assert_int_equal(NtOpenSection(&second, SECTION_QUERY, &attributes),
	                 STATUS_OBJECT_NAME_NOT_FOUND);
	assert_int_equal(NtCreateSection(&two->section, SECTION_ALL_ACCESS, &attributes, &bytes,
	                                 PAGE_READWRITE, SEC_COMMIT, NULL),
	                 STATUS_SUCCESS);
	assert_int_equal(NtCreateSection(&second, SECTION_ALL_ACCESS, &attributes, &bytes,
	                                 PAGE_READWRITE, SEC_COMMIT, NULL),
	                 STATUS_OBJECT_NAME_COLLISION);
	assert_null(second);
	attributes.Attributes = OBJ_OPENIF;
	assert_int_equal(NtCreateSection(&second, SECTION_ALL_ACCESS, &attributes, &bytes,
	                                 PAGE_READWRITE, SEC_COMMIT, NULL),
	                 STATUS_OBJECT_NAME_EXISTS);
	assert_int_equal(NtClose(second), STATUS_SUCCESS);
	assert_int_equal(NtOpenSection(&second, SECTION_QUERY, &attributes), STATUS_SUCCESS);
	assert_int_equal(NtClose(second), STATUS_SUCCESS);
}

/* Which FILE_MAP_ accesses a handle allows: bit 0 read, 1 write, 2 copy, 3 execute, 4 all three. */
static unsigned allowed(HANDLE section)
{
	static const DWORD accesses[] = {FILE_MAP_READ, FILE_MAP_WRITE, FILE_MAP_COPY,
	                                 FILE_MAP_READ | FILE_MAP_EXECUTE,
	                                 FILE_MAP_WRITE | FILE_MAP_EXECUTE};
	unsigned set = 0;
	for (unsigned i = 0; i < 5; i++) {
		SetLastError(UNTOUCHED);
		char *view = MapViewOfFile(section, accesses[i], 0, 0, 0);
		set |= view ? 1u << i : 0;
		assert_int_equal(GetLastError(), view ? UNTOUCHED : ERROR_ACCESS_DENIED);
		if (view)
			assert_true(UnmapViewOfFile(view));
	}
	return set;
}

/* SC-11, MV-3: the handle that CreateFileMapping gives. */
static void rights_of_creator(void **state)
{
	static const struct {
		DWORD protect;
		unsigned allowed;
	} cases[] = {
		{PAGE_READONLY, 0x05},
		{PAGE_READWRITE, 0x07},
		{PAGE_WRITECOPY, 0x05},
		{PAGE_EXECUTE_READ, 0x0D},
		{PAGE_EXECUTE_READWRITE, 0x1F},
		{PAGE_EXECUTE_WRITECOPY, 0x0D},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		SECTION_BASIC_INFORMATION info;
		HANDLE section = named(NULL, cases[i].protect, PAGE, ERROR_SUCCESS);
		assert_int_equal(NtQuerySection(section, SectionBasicInformation, &info, sizeof info,
		                                NULL),
		                 STATUS_SUCCESS);
		unsigned set = allowed(section);
		if (set != cases[i].allowed)
			fail_msg("protection %#x: %#x", cases[i].protect, set);
		CloseHandle(section);
	}
}

/* MV-2: what a handle that was opened for less may do. */
static void rights_of_opener(void **state)
{
	static const struct {
		DWORD access;
		unsigned allowed;
	} cases[] = {
		{FILE_MAP_READ, 0x05},
		{FILE_MAP_WRITE, 0x02},
		{FILE_MAP_COPY, 0x05},
		{FILE_MAP_READ | FILE_MAP_WRITE, 0x07},
		{FILE_MAP_EXECUTE, 0x08},
		{FILE_MAP_ALL_ACCESS, 0x1F},
		{SECTION_QUERY | SECTION_EXTEND_SIZE, 0x00},
	};
	struct two *two = *state;
	two->section = named("all", PAGE_EXECUTE_READWRITE, PAGE, ERROR_SUCCESS);
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		HANDLE section = OpenFileMappingA(cases[i].access, FALSE, "all");
		assert_non_null(section);
		unsigned set = allowed(section);
		if (set != cases[i].allowed)
			fail_msg("access %#x: %#x", cases[i].access, set);
		assert_true(CloseHandle(section));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		two_test(same_name),
		two_test(spelling),
		two_test(name_ends),
		two_test(other_machine),
		two_test(native_names),
		two_test(rights_of_creator),
		two_test(rights_of_opener),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
