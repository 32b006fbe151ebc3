/* SPDX-License-Identifier: MIT
 *
 * Sections with a base (SC-17), and those whose views keep their protection (SEC_NO_CHANGE).
 */
#include <ntmm/ntapi.h>

#include "two.h"

static HANDLE section_with(uint64_t bytes, uint32_t allocation)
{
	HANDLE section = NULL;
	assert_int_equal(NtCreateSection(&section, SECTION_ALL_ACCESS, NULL, &bytes,
	                                 PAGE_READWRITE, allocation, NULL),
	                 STATUS_SUCCESS);
	return section;
}

static uint64_t base_of(HANDLE section)
{
	SECTION_BASIC_INFORMATION info;
	assert_int_equal(NtQuerySection(section, SectionBasicInformation, &info, sizeof info, NULL),
	                 STATUS_SUCCESS);
	return address_in(info.BaseAddress);
}

static NTSTATUS map(HANDLE section, HANDLE process, uint64_t *base, uint64_t offset)
{
	uint64_t size = 0;
	return NtMapViewOfSection(section, process, base, 0, 0, &offset, &size, ViewShare, 0,
	                          PAGE_READWRITE);
}

/* SC-17: the same address in every process; the next section lies below. */
static void based(void **state)
{
	struct two *two = *state;
	HANDLE first = section_with(GRANULE + 1, SEC_COMMIT | SEC_BASED);
	HANDLE second = section_with(PAGE, SEC_COMMIT | SEC_BASED);
	uint64_t high = base_of(first), low = base_of(second), base = 0;
	assert_int_equal(high % GRANULE, 0);
	assert_int_equal(low, high - GRANULE);
	for (int who = 0; who < 2; who++) {
		base = 0;
		assert_int_equal(map(first, two->place[who].process, &base, 0), STATUS_SUCCESS);
		assert_int_equal(base, high);
		base = 0;
		assert_int_equal(map(first, two->place[who].process, &base, 0),
		                 STATUS_CONFLICTING_ADDRESSES);
	}
	base = low - GRANULE;
	assert_int_equal(map(second, two->place[0].process, &base, 0),
	                 STATUS_CONFLICTING_ADDRESSES);
	base = low;
	assert_int_equal(map(second, two->place[0].process, &base, 0), STATUS_SUCCESS);
	assert_true(UnmapViewOfFile2(two->place[0].process, at(low), 0));
	assert_true(UnmapViewOfFile2(two->place[0].process, at(high), 0));
	assert_true(UnmapViewOfFile2(two->place[1].process, at(high), 0));
	CloseHandle(first);
	CloseHandle(second);
}

static void unchanging(void **state)
{
	struct two *two = *state;
	HANDLE section = section_with(2 * PAGE, SEC_COMMIT | SEC_NO_CHANGE), none;
	HANDLE process = two->place[0].process;
	uint64_t base = 0, bytes = PAGE;
	DWORD old;
	assert_int_equal(map(section, process, &base, 0), STATUS_SUCCESS);
	assert_fails(VirtualProtectEx(process, at(base), PAGE, PAGE_READONLY, &old),
	             ERROR_INVALID_PARAMETER);
	assert_succeeds(VirtualProtectEx(process, at(base), PAGE, PAGE_READWRITE, &old));
	assert_true(UnmapViewOfFile2(process, at(base), 0));
	CloseHandle(section);
	assert_int_equal(NtCreateSection(&none, SECTION_ALL_ACCESS, NULL, &bytes, PAGE_READONLY,
	                                 SEC_IMAGE | SEC_BASED, NULL),
	                 STATUS_INVALID_PARAMETER_6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		two_test(based),
		two_test(unchanging),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
