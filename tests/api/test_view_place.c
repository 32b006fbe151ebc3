/* SPDX-License-Identifier: MIT
 *
 * Where a view lies and how large it is (MV-5 to MV-9, MV-13 to MV-18), and in which order the arguments
 * are complained of.
 */
#include "two.h"

#define BYTES (0x30000)
#define FREE_PLACE UINT64_C(0x20000000)
#define GB (UINT64_C(1) << 30)

struct args {
	uint64_t base, zero_bits, commit, offset, size;
	SECTION_INHERIT inherit;
	uint32_t type, protect;
};
#define USUAL .inherit = ViewShare, .protect = PAGE_READWRITE

static NTSTATUS map(HANDLE section, struct args *a)
{
	struct args before = *a;
	NTSTATUS status = NtMapViewOfSection(section, GetCurrentProcess(), &a->base, a->zero_bits,
	                                     a->commit, &a->offset, &a->size, a->inherit, a->type,
	                                     a->protect);
	if (status)
		assert_memory_equal(a, &before, sizeof before); /* G-8 */
	return status;
}

static NTSTATUS map_and_unmap(HANDLE section, struct args a)
{
	NTSTATUS status = map(section, &a);
	if (!status)
		assert_int_equal(NtUnmapViewOfSection(GetCurrentProcess(), a.base), STATUS_SUCCESS);
	return status;
}

static void expect(HANDLE section, struct args a, NTSTATUS expected)
{
	NTSTATUS status = map_and_unmap(section, a);
	if (status != expected)
		fail_msg("base %#llx, offset %#llx, size %#llx, type %#x: %#x, not %#x",
		         (unsigned long long)a.base, (unsigned long long)a.offset,
		         (unsigned long long)a.size, a.type, (unsigned)status, (unsigned)expected);
}

static void expect_win32(HANDLE section, uint64_t offset, uint64_t size, uint64_t base, DWORD error)
{
	SetLastError(UNTOUCHED);
	char *view = MapViewOfFileEx(section, FILE_MAP_WRITE, (DWORD)(offset >> 32), (DWORD)offset,
	                             size, at(base));
	assert_int_equal(GetLastError(), error ? error : UNTOUCHED);
	assert_int_equal(view == NULL, error != 0);
	if (view)
		assert_true(UnmapViewOfFile(view));
}

/* MV-5, MV-6: offset and base are multiples of 64 KB. */
static void alignment(void **state)
{
	HANDLE section = two_section(*state, BYTES, PAGE_READWRITE);
	static const uint64_t odd[] = {1, 0x800, PAGE, 0x8000, 0xF000, 0xFFFF, 0x11000};
	for (unsigned i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		expect(section, (struct args){.offset = odd[i], USUAL}, STATUS_MAPPED_ALIGNMENT);
		expect(section, (struct args){.base = FREE_PLACE + odd[i], USUAL},
		       STATUS_MAPPED_ALIGNMENT);
		expect_win32(section, odd[i], 0, 0, ERROR_MAPPED_ALIGNMENT);
		expect_win32(section, 0, 0, odd[i], ERROR_MAPPED_ALIGNMENT);
	}
	for (uint64_t offset = 0; offset < BYTES; offset += GRANULE)
		expect(section, (struct args){.base = FREE_PLACE + offset, .offset = offset, USUAL},
		       STATUS_SUCCESS);
}

/* MV-6: the place must be free for all of the view; and below the end of user space. */
static void place_taken(void **state)
{
	struct two *two = *state;
	HANDLE section = two_section(two, BYTES, PAGE_READWRITE);
	char *other = VirtualAlloc(at(FREE_PLACE), PAGE, MEM_RESERVE, PAGE_READWRITE);
	assert_ptr_equal(other, at(FREE_PLACE));
	for (uint64_t before = 0; before <= 0x40000; before += GRANULE)
		expect(section, (struct args){.base = FREE_PLACE - before, USUAL},
		       before < BYTES ? STATUS_CONFLICTING_ADDRESSES : STATUS_SUCCESS);
	expect(section, (struct args){.base = FREE_PLACE + GRANULE, USUAL}, STATUS_SUCCESS);
	expect_win32(section, 0, 0, FREE_PLACE, ERROR_INVALID_ADDRESS);
	expect_win32(section, 0, 0, 0x7FFE0000, ERROR_INVALID_PARAMETER);
	static const uint64_t above[] = {0x7FFF0000, 0x80000000, 0xFFFF0000,
	                                 UINT64_C(0xFFFFF80000000000)};
	for (unsigned i = 0; i < 4; i++) {
		expect(section, (struct args){.base = above[i], USUAL}, STATUS_INVALID_PARAMETER_3);
		expect_win32(section, 0, 0, above[i], ERROR_INVALID_PARAMETER);
	}
}

/* MV-7, MV-8, SV-39: sizes are rounded up to pages; so is the section's (SC-6). */
static void sizes(void **state)
{
	struct two *two = *state;
	HANDLE section = two_section(two, BYTES - 0x123, PAGE_READWRITE);
	static const struct {
		uint64_t offset, size, pages; /* 0 pages: refused */
	} cases[] = {
		{0, 0, 0x30},
		{0, 1, 1},
		{0, PAGE, 1},
		{0, PAGE + 1, 2},
		{0, BYTES, 0x30},
		{0, BYTES + 1, 0},
		{GRANULE, 0, 0x20},
		{GRANULE, 0x20000, 0x20},
		{GRANULE, 0x20001, 0},
		{2 * GRANULE, 1, 1},
		{BYTES, 0, 0},
		{BYTES, 1, 0},
		{8 * BYTES, 0, 0},
		{UINT64_C(0x7FFFFFFFFFFF0000), 0, 0},
		{UINT64_C(0xFFFFFFFFFFFF0000), GRANULE, 0},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct args a = {.offset = cases[i].offset, .size = cases[i].size, USUAL};
		NTSTATUS status = map(section, &a);
		if (status != (cases[i].pages ? STATUS_SUCCESS : STATUS_INVALID_VIEW_SIZE))
			fail_msg("case %u: %#x", i, (unsigned)status);
		expect_win32(section, cases[i].offset, cases[i].size, 0,
		             status ? ERROR_ACCESS_DENIED : 0);
		if (status)
			continue;
		assert_int_equal(a.size, cases[i].pages * PAGE);
		assert_int_equal(two_query(two, 0, at(a.base)).RegionSize, cases[i].pages * PAGE);
		assert_true(UnmapViewOfFile(at(a.base)));
	}
}

/* MV-8, VA-25: what is left of the last granule belongs to no one else. */
static void rest_of_granule(void **state)
{
	HANDLE section = two_section(*state, PAGE, PAGE_READWRITE);
	struct args a = {.base = FREE_PLACE, USUAL};
	assert_int_equal(map(section, &a), STATUS_SUCCESS);
	assert_fails(VirtualAlloc(at(FREE_PLACE + PAGE), PAGE, MEM_RESERVE, PAGE_READWRITE),
	             ERROR_INVALID_ADDRESS);
	assert_int_equal(state_at(at(FREE_PLACE + PAGE)), MEM_FREE);
}

/* MV-9: larger than the address space. */
static void too_large(void **state)
{
	HANDLE section = two_section(*state, 8 * GB, PAGE_READWRITE | SEC_RESERVE);
	expect(section, (struct args){USUAL}, STATUS_NO_MEMORY);
	expect(section, (struct args){.size = 4 * GB, USUAL}, STATUS_NO_MEMORY);
	expect(section, (struct args){.base = FREE_PLACE, USUAL}, STATUS_INVALID_PARAMETER_3);
	expect(section, (struct args){.base = FREE_PLACE, .size = 4 * GB, USUAL},
	       STATUS_INVALID_PARAMETER_3);
	expect(section, (struct args){.base = FREE_PLACE, .size = UINT64_MAX - PAGE, USUAL},
	       STATUS_INVALID_PARAMETER_3); /* it wraps */
	expect_win32(section, 0, 0, 0, ERROR_NOT_ENOUGH_MEMORY);
	expect(section, (struct args){.size = GB, USUAL}, STATUS_SUCCESS);
	expect(section, (struct args){.offset = 7 * GB, .size = GB, USUAL}, STATUS_SUCCESS);
	expect(section, (struct args){.offset = 7 * GB, .size = GB + 1, USUAL},
	       STATUS_INVALID_VIEW_SIZE);
}

/* MV-13. MEM_TOP_DOWN is as for VirtualAlloc. */
static void allocation_types(void **state)
{
	HANDLE section = two_section(*state, BYTES, PAGE_READWRITE);
	static const uint32_t wrong[] = {MEM_COMMIT, MEM_RESERVE, MEM_COMMIT | MEM_RESERVE, 0x40000000,
	                                 MEM_TOP_DOWN | MEM_RESERVE, MEM_RESET, 1, MEM_PHYSICAL};
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		expect(section, (struct args){.type = wrong[i], USUAL}, STATUS_INVALID_PARAMETER_9);
	expect(section, (struct args){.type = MEM_LARGE_PAGES, USUAL}, STATUS_NOT_SUPPORTED);
	struct args low = {USUAL}, high = {.type = MEM_TOP_DOWN, USUAL};
	assert_int_equal(map(section, &low), STATUS_SUCCESS);
	assert_int_equal(map(section, &high), STATUS_SUCCESS);
	assert_true(high.base > 0x7F000000 && low.base < 0x01000000);
}

/* MV-14: as VA-70, with another status. */
static void zero_bits(void **state)
{
	HANDLE section = two_section(*state, BYTES, PAGE_READWRITE);
	expect(section, (struct args){.zero_bits = 22, USUAL}, STATUS_INVALID_PARAMETER_4);
	expect(section, (struct args){.zero_bits = 31, USUAL}, STATUS_INVALID_PARAMETER_4);
	expect(section, (struct args){.base = 0x10000000, .zero_bits = 4, USUAL},
	       STATUS_INVALID_PARAMETER_4);
	expect(section, (struct args){.base = 0x08000000, .zero_bits = 4, USUAL}, STATUS_SUCCESS);
	struct args a = {.zero_bits = 6, .type = MEM_TOP_DOWN, USUAL};
	assert_int_equal(map(section, &a), STATUS_SUCCESS);
	assert_true(a.base + BYTES <= 0x04000000);
}

/* MV-16, MV-17. */
static void inherit_and_commit(void **state)
{
	struct two *two = *state;
	HANDLE section = two_section(two, BYTES, PAGE_READWRITE | SEC_RESERVE);
	for (unsigned inherit = 0; inherit < 5; inherit++)
		expect(section,
		       (struct args){.inherit = (SECTION_INHERIT)inherit, .protect = PAGE_READWRITE},
		       inherit == ViewShare || inherit == ViewUnmap ? STATUS_SUCCESS
		                                                    : STATUS_INVALID_PARAMETER_8);
	expect(section, (struct args){.commit = BYTES + 1, USUAL}, STATUS_INVALID_PARAMETER_5);
	expect(section, (struct args){.commit = PAGE + 1, .size = PAGE, USUAL},
	       STATUS_INVALID_PARAMETER_5);
	struct args a = {.commit = PAGE + 1, .offset = GRANULE, USUAL};
	assert_int_equal(map(section, &a), STATUS_SUCCESS);
	assert_int_equal(two_query(two, 0, at(a.base)).State, MEM_COMMIT);
	assert_int_equal(two_query(two, 0, at(a.base)).RegionSize, 2 * PAGE);
	char *all = two_view(two, 1, PAGE_READONLY); /* VQ-15 */
	assert_int_equal(two_query(two, 1, all).RegionSize, GRANULE);
	assert_int_equal(two_query(two, 1, all).State, MEM_RESERVE);
	assert_int_equal(two_query(two, 1, all + GRANULE).State, MEM_COMMIT);
	assert_int_equal(two_query(two, 1, all + GRANULE).RegionSize, 2 * PAGE);
}

/* MV-18: ZeroBits, alignment, handle, protection, size, the place. */
static void order_of_checks(void **state)
{
	struct two *two = *state;
	HANDLE section = two_section(two, BYTES, PAGE_READONLY), none = at(0x123456);
	struct args a = {.base = 0x10001000, .zero_bits = 4, .offset = 1, .size = BYTES + 1, USUAL};
	char *taken = two_view(two, 0, PAGE_READONLY);
	assert_int_equal(map(none, &a), STATUS_INVALID_PARAMETER_4);
	a.zero_bits = 0;
	assert_int_equal(map(none, &a), STATUS_MAPPED_ALIGNMENT);
	a.base = address_in(taken);
	assert_int_equal(map(section, &a), STATUS_MAPPED_ALIGNMENT);
	a.offset = 0;
	assert_int_equal(map(none, &a), STATUS_INVALID_HANDLE);
	assert_int_equal(map(two->place[0].process, &a), STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(map(section, &a), STATUS_ACCESS_DENIED);
	a.protect = PAGE_EXECUTE_READ;
	assert_int_equal(map(section, &a), STATUS_ACCESS_DENIED);
	a.protect = PAGE_READONLY;
	assert_int_equal(map(section, &a), STATUS_INVALID_VIEW_SIZE);
	a.size = BYTES;
	assert_int_equal(map(section, &a), STATUS_CONFLICTING_ADDRESSES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		two_test(alignment),
		two_test(place_taken),
		two_test(sizes),
		two_test(rest_of_granule),
		two_test(too_large),
		two_test(allocation_types),
		two_test(zero_bits),
		two_test(inherit_and_commit),
		two_test(order_of_checks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
