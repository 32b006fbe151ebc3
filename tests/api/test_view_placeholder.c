/* SPDX-License-Identifier: MIT
 *
 * Views in place of placeholders (PH-10, PH-20, PH-21, V2-9).
 */
#include "place.h"

#define HALF (3 * GRANULE)

static HANDLE section_of(SIZE_T bytes)
{
	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
	                                    (DWORD)bytes, NULL);
	assert_non_null(section);
	return section;
}

static char *placeholder(SIZE_T bytes)
{
	char *base = VirtualAlloc2(NULL, NULL, bytes, MEM_RESERVE | MEM_RESERVE_PLACEHOLDER,
	                           PAGE_NOACCESS, NULL, 0);
	assert_non_null(base);
	return base;
}

static PVOID replace(HANDLE section, char *base, SIZE_T bytes)
{
	return MapViewOfFile3(section, NULL, base, 0, bytes, MEM_REPLACE_PLACEHOLDER,
	                      PAGE_READWRITE, NULL, 0);
}

/* PH-21: what is written behind the end shows at the beginning. */
static void ring(void **state)
{
	struct place *place = *state;
	HANDLE section = section_of(HALF);
	char *base = placeholder(2 * HALF);
	assert_succeeds(VirtualFree(base, HALF, MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER));
	assert_ptr_equal(replace(section, base, HALF), base);
	assert_ptr_equal(replace(section, base + HALF, HALF), base + HALF);
	uint64_t value = 0, start = address_in(base);
	assert_true(ntmm_store64(place->thread, start + HALF - 4, UINT64_C(0x1122334455667788)));
	assert_true(ntmm_load64(place->thread, start + 2 * HALF - 8, &value));
	assert_int_equal(value >> 32, 0x55667788);
	assert_true(ntmm_load64(place->thread, start, &value));
	assert_int_equal((uint32_t)value, 0x11223344);
	assert_succeeds(UnmapViewOfFileEx(base, MEM_PRESERVE_PLACEHOLDER)); /* PH-20 */
	assert_succeeds(UnmapViewOfFile(base + HALF));
	MEMORY_BASIC_INFORMATION info;
	VirtualQuery(base, &info, sizeof info);
	assert_int_equal(info.State, MEM_RESERVE);
	assert_int_equal(info.Type, MEM_PRIVATE);
	assert_int_equal(info.AllocationProtect, PAGE_NOACCESS);
	assert_int_equal(info.RegionSize, HALF);
	VirtualQuery(base + HALF, &info, sizeof info);
	assert_int_equal(info.State, MEM_FREE);
	assert_ptr_equal(replace(section, base, HALF), base);
	assert_succeeds(UnmapViewOfFile(base));
	CloseHandle(section);
}

/* PH-10: exactly one placeholder; pages suffice for its base; only data. */
static void exact(void **state)
{
	(void)state;
	HANDLE section = section_of(2 * HALF);
	char *base = placeholder(2 * HALF);
	assert_fails(replace(section, base, HALF), ERROR_INVALID_ADDRESS);
	assert_fails(replace(section, base + GRANULE, HALF), ERROR_INVALID_ADDRESS);
	assert_fails(replace(section, NULL, HALF), ERROR_INVALID_PARAMETER);
	assert_fails(replace(section, base + 1, HALF), ERROR_MAPPED_ALIGNMENT);
	assert_fails(UnmapViewOfFileEx(base, MEM_PRESERVE_PLACEHOLDER), ERROR_INVALID_ADDRESS);
	assert_succeeds(VirtualFree(base + PAGE, PAGE, MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER));
	assert_ptr_equal(replace(section, base + PAGE, PAGE), base + PAGE);
	assert_succeeds(UnmapViewOfFile(base + PAGE));
	char *plain = MapViewOfFile3(section, NULL, NULL, 0, 0, 0, PAGE_READONLY, NULL, 0);
	assert_non_null(plain);
	assert_fails(UnmapViewOfFileEx(plain, MEM_PRESERVE_PLACEHOLDER), ERROR_INVALID_ADDRESS);
	assert_succeeds(UnmapViewOfFile(plain));
	CloseHandle(section);
}

/* V2-9. */
static void parameters(void **state)
{
	(void)state;
	HANDLE section = section_of(PAGE);
	MEM_ADDRESS_REQUIREMENTS where = {.LowestStartingAddress = at(0x30000000),
	                                  .HighestEndingAddress = at(0x3FFFFFFF)};
	MEM_EXTENDED_PARAMETER list = {.Pointer = &where};
	list.Type = MemExtendedParameterAddressRequirements;
	char *base = MapViewOfFile3(section, NULL, NULL, 0, 0, 0, PAGE_READWRITE, &list, 1);
	assert_in_range(address_in(base), 0x30000000, 0x3FFFFFFF);
	assert_succeeds(UnmapViewOfFile(base));
	where.Alignment = GRANULE;
	assert_fails(MapViewOfFile3(section, NULL, NULL, 0, 0, 0, PAGE_READWRITE, &list, 1),
	             ERROR_INVALID_PARAMETER);
	assert_fails(MapViewOfFile3(section, NULL, at(0x1000), 0, 0, 0, PAGE_READWRITE, NULL, 0),
	             ERROR_MAPPED_ALIGNMENT);
	CloseHandle(section);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(ring),
		place_test(exact),
		place_test(parameters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
