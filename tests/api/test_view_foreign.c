/* SPDX-License-Identifier: MIT
 *
 * ReadProcessMemory, WriteProcessMemory and system services on views (PM-4, PM-8, PM-11 to PM-13), write
 * watch (WW-26), and other calls that views refuse.
 */
#include "two.h"

#define PAGES 6
#define BYTES (PAGES * PAGE)

static const uint64_t word = UINT64_C(0x0123456789ABCDEF);

/* Writes a word by WriteProcessMemory; 0 or the error. */
static DWORD write_as(const struct two *two, int who, char *address)
{
	SIZE_T copied = 99;
	SetLastError(UNTOUCHED);
	BOOL done = WriteProcessMemory(two->place[who].process, address, &word, sizeof word, &copied);
	assert_int_equal(copied, done ? sizeof word : 0);
	return done ? 0 : GetLastError();
}

/* PM-8, PM-10, CW-7: into a copy-on-write page it writes a copy. */
static void write_copies(void **state)
{
	static const DWORD protect[] = {PAGE_WRITECOPY, PAGE_EXECUTE_WRITECOPY};
	struct two *two = *state;
	two_section(two, BYTES, PAGE_EXECUTE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE);
	for (int i = 0; i < 2; i++) {
		char *b = two_view(two, 1, protect[i]);
		two_store(two, 0, a + 8, 7);
		assert_int_equal(write_as(two, 1, b), 0);
		assert_int_equal(two_load(two, 1, b), word);
		assert_int_equal(two_load(two, 1, b + 8), 7);
		assert_int_equal(two_load(two, 0, a), 0);
		assert_int_equal(two_protect_at(two, 1, b),
		                 i ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE);
		assert_int_equal(two_protect_at(two, 1, b + PAGE), protect[i]);
		uint64_t copied;
		assert_int_equal(NtWriteVirtualMemory(two->place[1].process, address_in(b + PAGE),
		                                      &word, sizeof word, &copied),
		                 STATUS_SUCCESS);
		assert_int_equal(two_load(two, 1, b + PAGE), word);
		assert_int_equal(two_load(two, 0, a + PAGE), 0);
		assert_true(UnmapViewOfFile2(two->place[1].process, b, 0));
	}
}

/* Into a shared page it writes for all. */
static void write_shared(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_EXECUTE_READWRITE);
	char *a = two_view(two, 0, PAGE_EXECUTE_READWRITE), *b = two_view(two, 1, PAGE_READWRITE);
	char *across = b + PAGE - 4, *seen = a + PAGE - 4;
	assert_int_equal(write_as(two, 1, across), 0);
	uint64_t value;
	assert_true(ReadProcessMemory(two->place[0].process, seen, &value, sizeof value, NULL));
	assert_int_equal(value, word);
	assert_int_equal(ntmm_copy_out(two->place[0].thread, address_in(a + 3 * PAGE), &word,
	                               sizeof word, NULL),
	                 STATUS_SUCCESS);
	assert_int_equal(two_load(two, 1, b + 3 * PAGE), word);
}

/* PM-11 to PM-13: code of a view can be patched only when the view may become writable; data never. */
static void write_refused(void **state)
{
	static const struct {
		DWORD view, page, error;
	} cases[] = {
		{PAGE_READONLY, PAGE_READONLY, ERROR_NOACCESS},
		{PAGE_READWRITE, PAGE_READONLY, ERROR_NOACCESS},
		{PAGE_READWRITE, PAGE_NOACCESS, ERROR_NOACCESS},
		{PAGE_NOACCESS, PAGE_NOACCESS, ERROR_NOACCESS},
		{PAGE_EXECUTE_READ, PAGE_EXECUTE_READ, ERROR_INVALID_PARAMETER},
		{PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_READ, 0},
		{PAGE_EXECUTE_READWRITE, PAGE_EXECUTE, 0},
		{PAGE_READWRITE, PAGE_READWRITE | PAGE_GUARD, ERROR_NOACCESS},
	};
	struct two *two = *state;
	two_section(two, BYTES, PAGE_EXECUTE_READWRITE);
	char *other = two_view(two, 0, PAGE_READWRITE);
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *b = two_view(two, 1, cases[i].view);
		two_protect(two, 1, b, PAGE, cases[i].page);
		two_store(two, 0, other, 3);
		DWORD error = write_as(two, 1, b);
		if (error != cases[i].error)
			fail_msg("view %#x, page %#x: error %u", cases[i].view, cases[i].page, error);
		assert_int_equal(two_protect_at(two, 1, b), cases[i].page);
		assert_int_equal(two_load(two, 0, other), error ? 3 : word);
		assert_true(UnmapViewOfFile2(two->place[1].process, b, 0));
	}
}

/* PM-13: 487 when it is not all of one view; PM-4, PM-5: what can be read of it. */
static void across_views(void **state)
{
	struct two *two = *state;
	two_section(two, GRANULE, PAGE_READWRITE);
	char *a = MapViewOfFile2(two->section, two->place[1].process, 0, at(0x40000000), 0, 0,
	                         PAGE_READWRITE);
	char *b = MapViewOfFile2(two->section, two->place[1].process, 0, at(0x40010000), 0, 0,
	                         PAGE_WRITECOPY);
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(write_as(two, 1, b - 4), ERROR_INVALID_ADDRESS);
	uint64_t value[2];
	SIZE_T copied;
	two_store(two, 1, a, 4);
	assert_succeeds(ReadProcessMemory(two->place[1].process, b - 8, value, 16, &copied));
	assert_int_equal(value[1], 4);
	two_protect(two, 1, b, PAGE, PAGE_NOACCESS);
	assert_fails(ReadProcessMemory(two->place[1].process, b - 8, value, 16, &copied),
	             ERROR_PARTIAL_COPY);
	assert_int_equal(copied, 8);
}

/* WW-26: views are not watched. */
static void not_watched(void **state)
{
	struct two *two = *state;
	two_section(two, BYTES, PAGE_READWRITE);
	char *a = two_view(two, 0, PAGE_READWRITE);
	PVOID pages[4];
	ULONG_PTR count = 4;
	DWORD granularity;
	assert_int_equal(GetWriteWatch(0, a, PAGE, pages, &count, &granularity), UINT32_MAX);
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
	assert_int_equal(ResetWriteWatch(a, PAGE), UINT32_MAX);
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
}

/* G-3, G-4: the rights that mapping into another process needs. */
static void rights(void **state)
{
	struct two *two = *state;
	DWORD pid = GetProcessId(two->place[1].process);
	HANDLE weak = OpenProcess(PROCESS_ALL_ACCESS & ~PROCESS_VM_OPERATION, FALSE, pid);
	HANDLE enough = OpenProcess(PROCESS_VM_OPERATION, FALSE, pid);
	two_section(two, BYTES, PAGE_READWRITE);
	assert_fails(MapViewOfFile2(two->section, weak, 0, NULL, 0, 0, PAGE_READWRITE),
	             ERROR_ACCESS_DENIED);
	assert_fails(MapViewOfFile2(two->section, NULL, 0, NULL, 0, 0, PAGE_READWRITE),
	             ERROR_INVALID_HANDLE);
	assert_fails(MapViewOfFile2(two->section, two->section, 0, NULL, 0, 0, PAGE_READWRITE),
	             ERROR_INVALID_HANDLE);
	assert_fails(MapViewOfFile2(enough, enough, 0, NULL, 0, 0, PAGE_READWRITE),
	             ERROR_INVALID_HANDLE);
	char *b = MapViewOfFile2(two->section, enough, 0, NULL, 0, 0, PAGE_READWRITE);
	assert_non_null(b);
	assert_fails(UnmapViewOfFile2(weak, b, 0), ERROR_ACCESS_DENIED);
	assert_true(TerminateProcess(two->place[1].process, 0));
	assert_fails(UnmapViewOfFile2(enough, b, 0), ERROR_ACCESS_DENIED); /* G-5 */
	assert_fails(MapViewOfFile2(two->section, enough, 0, NULL, 0, 0, PAGE_READWRITE),
	             ERROR_ACCESS_DENIED);
	CloseHandle(weak);
	CloseHandle(enough);
}

/* VQ-20: the region is the view, committed as the section is. */
static void region(void **state)
{
	struct two *two = *state;
	MEMORY_REGION_INFORMATION info;
	two_section(two, BYTES, PAGE_READWRITE | SEC_RESERVE);
	char *a = two_view(two, 0, PAGE_READWRITE), *b = two_view(two, 0, PAGE_READONLY);
	for (unsigned committed = 0; committed <= PAGES; committed += 2) {
		if (committed)
			assert_non_null(VirtualAlloc(a, committed * PAGE, MEM_COMMIT,
			                             PAGE_READWRITE));
		assert_int_equal(NtQueryVirtualMemory(GetCurrentProcess(), address_in(b + 3 * PAGE),
		                                      MemoryRegionInformation, &info, sizeof info,
		                                      NULL),
		                 STATUS_SUCCESS);
		assert_int_equal(info.AllocationBase, address_in(b));
		assert_int_equal(info.AllocationProtect, PAGE_READONLY);
		assert_int_equal(info.RegionType, 0);
		assert_int_equal(info.RegionSize, BYTES);
		assert_int_equal(info.CommitSize, committed * PAGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		two_test(write_copies),
		two_test(write_shared),
		two_test(write_refused),
		two_test(across_views),
		two_test(not_watched),
		two_test(rights),
		two_test(region),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
