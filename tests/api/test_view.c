/* SPDX-License-Identifier: MIT
 *
 * What mapping a section gives (MV-1, MV-3, MV-4, MV-10, MV-11, MV-15, PR-9, VQ-13, VQ-14) and how it
 * goes again (UV).
 */
#include "two.h"

#define BYTES (0x20000)

static DWORD win32_protection(DWORD access)
{
	DWORD rights = access & 0xF;
	bool execute = access & FILE_MAP_EXECUTE;
	if (rights == FILE_MAP_COPY)
		return execute ? PAGE_EXECUTE_WRITECOPY : PAGE_WRITECOPY;
	if (rights & FILE_MAP_WRITE)
		return execute ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE;
	if (rights & FILE_MAP_READ)
		return execute ? PAGE_EXECUTE_READ : PAGE_READONLY;
	return PAGE_NOACCESS;
}

static void expect_view(const struct two *two, const char *view, DWORD protect)
{
	MEMORY_BASIC_INFORMATION info = two_query(two, 0, view);
	assert_ptr_equal(info.BaseAddress, view);
	assert_ptr_equal(info.AllocationBase, view);
	assert_int_equal(info.AllocationProtect, protect);
	assert_int_equal(info.Protect, protect);
	assert_int_equal(info.RegionSize, BYTES);
	assert_int_equal(info.State, MEM_COMMIT);
	assert_int_equal(info.Type, MEM_MAPPED);
}

/* MV-1, MV-4, MV-10: every combination of accesses. */
static void accesses(void **state)
{
	static const DWORD bits[] = {FILE_MAP_COPY, FILE_MAP_WRITE, FILE_MAP_READ,
	                             SECTION_MAP_EXECUTE, FILE_MAP_EXECUTE, SECTION_EXTEND_SIZE};
	struct two *two = *state;
	two_section(two, BYTES, PAGE_EXECUTE_READWRITE);
	for (unsigned set = 0; set < 64; set++) {
		DWORD access = 0;
		for (unsigned i = 0; i < 6; i++)
			access |= set >> i & 1 ? bits[i] : 0;
		char *view = MapViewOfFile(two->section, access, 0, 0, 0);
		if (!view)
			fail_msg("access %#x: error %u", access, GetLastError());
		expect_view(two, view, win32_protection(access));
		assert_succeeds(UnmapViewOfFile(view));
	}
	char *view = MapViewOfFile(two->section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
	expect_view(two, view, PAGE_READWRITE);
	assert_succeeds(UnmapViewOfFile(view));
}

/* MV-21, MV-13: a reserved view is of a file; large pages are not known. */
static void other_access_bits(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_EXECUTE_READWRITE);
	assert_fails(MapViewOfFile(two->section, FILE_MAP_READ | FILE_MAP_TARGETS_INVALID, 0, 0, 0),
	             ERROR_INVALID_PARAMETER);
	char *view = MapViewOfFile(two->section,
	                           FILE_MAP_READ | FILE_MAP_EXECUTE | FILE_MAP_TARGETS_INVALID, 0, 0,
	                           0);
	expect_view(two, view, PAGE_EXECUTE_READ); /* PR-6 */
	assert_succeeds(UnmapViewOfFile(view));
	assert_fails(MapViewOfFile(two->section, FILE_MAP_WRITE | FILE_MAP_RESERVE, 0, 0, 0),
	             ERROR_INVALID_PARAMETER);
	assert_fails(MapViewOfFile(two->section, FILE_MAP_WRITE | FILE_MAP_LARGE_PAGES, 0, 0, 0),
	             ERROR_NOT_SUPPORTED);
}

static NTSTATUS map_native(HANDLE section, uint32_t protect)
{
	uint64_t base = 0, size = 0;
	NTSTATUS status = NtMapViewOfSection(section, GetCurrentProcess(), &base, 0, 0, NULL, &size,
	                                     ViewShare, 0, protect);
	if (!status)
		assert_int_equal(NtUnmapViewOfSection(GetCurrentProcess(), base), STATUS_SUCCESS);
	return status;
}

enum { R = 1,
       W = 2,
       X = 4 };

/* MV-3, MV-15: every protection of a view over every protection of a section, with all rights. */
static void protections(void **state)
{
	static const struct {
		uint32_t protect;
		unsigned set;
	} all[] = {
		{PAGE_NOACCESS, 0},
		{PAGE_READONLY, R},
		{PAGE_WRITECOPY, R},
		{PAGE_READWRITE, R | W},
		{PAGE_EXECUTE, R | X},
		{PAGE_EXECUTE_READ, R | X},
		{PAGE_EXECUTE_WRITECOPY, R | X},
		{PAGE_EXECUTE_READWRITE, R | W | X},
	};
	uint64_t bytes = BYTES;
	(void)state;
	for (unsigned s = 0; s < 8; s++) {
		HANDLE section;
		if (NtCreateSection(&section, SECTION_ALL_ACCESS, NULL, &bytes, all[s].protect,
		                    SEC_COMMIT, NULL))
			continue; /* SC-2 */
		for (unsigned v = 0; v < 8; v++) {
			bool fits = !(all[v].set & ~all[s].set);
			NTSTATUS status = map_native(section, all[v].protect);
			if (status != (fits ? STATUS_SUCCESS : STATUS_SECTION_PROTECTION))
				fail_msg("view %#x of section %#x: %#x", all[v].protect,
				         all[s].protect, (unsigned)status);
		}
		NtClose(section);
	}
}

/* MV-15. */
static void no_protections(void **state)
{
	static const uint32_t wrong[] = {
		0,
		PAGE_READONLY | PAGE_READWRITE,
		PAGE_GUARD,
		PAGE_READWRITE | PAGE_GUARD,
		PAGE_READONLY | PAGE_NOCACHE,
		PAGE_READONLY | PAGE_WRITECOMBINE,
		PAGE_NOACCESS | PAGE_GUARD,
		PAGE_READWRITE | 0x800,
		0x80000000 | PAGE_READONLY,
		PAGE_EXECUTE_READ | PAGE_TARGETS_INVALID,
	};
	struct two *two = *state;
	two_section(two, BYTES, PAGE_EXECUTE_READWRITE);
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(map_native(two->section, wrong[i]), STATUS_INVALID_PAGE_PROTECTION);
}

/* PR-9, VQ-13: the section's cache attribute shows in its views; in those that cannot be touched not. */
static void cache_attributes(void **state)
{
	static const struct {
		DWORD section, page;
	} kinds[] = {{SEC_COMMIT | SEC_NOCACHE, PAGE_NOCACHE},
	             {SEC_COMMIT | SEC_WRITECOMBINE, PAGE_WRITECOMBINE},
	             {SEC_RESERVE | SEC_NOCACHE, PAGE_NOCACHE}};
	struct two *two = *state;
	for (unsigned i = 0; i < 3; i++) {
		DWORD page = kinds[i].page;
		two_section(two, BYTES, PAGE_READWRITE | kinds[i].section);
		char *view = two_view(two, 0, PAGE_READWRITE);
		if (kinds[i].section & SEC_RESERVE)
			assert_non_null(VirtualAlloc(view, BYTES, MEM_COMMIT, PAGE_READWRITE));
		expect_view(two, view, PAGE_READWRITE | page);
		assert_int_equal(two_protect(two, 0, view, BYTES, PAGE_READONLY),
		                 PAGE_READWRITE | page);
		assert_int_equal(two_protect(two, 0, view, BYTES, PAGE_NOACCESS),
		                 PAGE_READONLY | page);
		assert_int_equal(two_protect(two, 0, view, BYTES, PAGE_READWRITE), PAGE_NOACCESS);
		expect_view(two, view, PAGE_READWRITE | page);
		assert_succeeds(UnmapViewOfFile(view));
		view = two_view(two, 0, PAGE_NOACCESS);
		assert_int_equal(two_query(two, 0, view).AllocationProtect, PAGE_NOACCESS);
		assert_succeeds(UnmapViewOfFile(view));
		assert_true(CloseHandle(two->section));
		two->section = NULL;
	}
}

/* PR-9: the caller cannot choose it. */
static void no_cache_attribute(void **state)
{
	struct two *two = *state;
	DWORD old;
	two_section(two, BYTES, PAGE_READWRITE | SEC_RESERVE | SEC_NOCACHE);
	char *view = two_view(two, 0, PAGE_READWRITE);
	assert_fails(VirtualAlloc(view, PAGE, MEM_COMMIT, PAGE_READWRITE | PAGE_NOCACHE),
	             ERROR_INVALID_PARAMETER);
	assert_int_equal(state_at(view), MEM_RESERVE);
	assert_non_null(VirtualAlloc(view, PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_fails(VirtualProtect(view, PAGE, PAGE_READONLY | PAGE_NOCACHE, &old),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualProtect(view, PAGE, PAGE_READONLY | PAGE_WRITECOMBINE, &old),
	             ERROR_INVALID_PARAMETER);
	assert_int_equal(protect_at(view), PAGE_READWRITE | PAGE_NOCACHE);
}

/* MV-11: the handle may go; CM-7: the pages go with the last view. */
static void view_keeps_section(void **state)
{
	struct two *two = *state;
	uint64_t empty = two_commit(two);
	two_section(two, BYTES, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 1, PAGE_READWRITE);
	assert_true(CloseHandle(two->section));
	two->section = NULL;
	two_store(two, 0, a + PAGE, 5);
	assert_true(UnmapViewOfFile(a));
	assert_int_equal(two_load(two, 1, b + PAGE), 5);
	assert_true(two_commit(two) > empty + BYTES / PAGE);
	assert_true(UnmapViewOfFile2(two->place[1].process, b, 0));
	assert_int_equal(two_commit(two), empty);
}

/* UV-1, UV-2, UV-5. */
static void unmapping(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE);
	char *private = must_commit(PAGE, PAGE_READWRITE);
	for (unsigned offset = 0; offset < BYTES; offset += 0x3FFF) {
		char *view = two_view(two, 0, PAGE_READWRITE);
		assert_succeeds(UnmapViewOfFile(view + offset));
		assert_int_equal(state_at(view), MEM_FREE);
		assert_int_equal(load_raises(&two->place[0], view), STATUS_ACCESS_VIOLATION);
		assert_fails(UnmapViewOfFile(view), ERROR_INVALID_ADDRESS);
	}
	void *const none[] = {private, private + PAGE, NULL, at(0x7FFE0000), at(0x7FFF0000),
	                      at(0xFFFFFFFF), at(UINT64_C(0xFFFFF80000000000)), at(UINT64_MAX)};
	for (unsigned i = 0; i < sizeof none / sizeof none[0]; i++) {
		assert_fails(UnmapViewOfFile(none[i]), ERROR_INVALID_ADDRESS);
		assert_int_equal(NtUnmapViewOfSection(GetCurrentProcess(), address_in(none[i])),
		                 STATUS_NOT_MAPPED_VIEW);
	}
	char *view = two_view(two, 0, PAGE_READWRITE);
	for (ULONG flags = 4; flags; flags *= 2)
		assert_fails(UnmapViewOfFileEx(view, flags), ERROR_INVALID_PARAMETER);
	assert_fails(UnmapViewOfFile2(NULL, view, 0), ERROR_INVALID_HANDLE);
	assert_succeeds(UnmapViewOfFileEx(view, MEM_UNMAP_WITH_TRANSIENT_BOOST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		two_test(accesses),
		two_test(other_access_bits),
		two_test(protections),
		two_test(no_protections),
		two_test(cache_attributes),
		two_test(no_cache_attribute),
		two_test(view_keeps_section),
		two_test(unmapping),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
