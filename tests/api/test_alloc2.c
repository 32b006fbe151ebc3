/* SPDX-License-Identifier: MIT
 *
 * VirtualAlloc2's parameters, VirtualAllocExNuma, VirtualAllocFromApp (rules V2, VA-81, VA-82).
 */
#include "place.h"

#define RC (MEM_RESERVE | MEM_COMMIT)

static char *alloc_within(const void *lowest, const void *highest, SIZE_T align, DWORD type)
{
	MEM_ADDRESS_REQUIREMENTS requirements = {(void *)lowest, (void *)highest, align};
	MEM_EXTENDED_PARAMETER parameter = {.Type = MemExtendedParameterAddressRequirements,
	                                    .Pointer = &requirements};
	return VirtualAlloc2(NULL, NULL, 2 * PAGE, type, PAGE_READWRITE, &parameter, 1);
}

static void test_without_parameters(void **state) /* V2-1 */
{
	const struct place *place = *state;
	char *base = VirtualAlloc2(NULL, NULL, PAGE, RC, PAGE_READWRITE, NULL, 0);
	assert_non_null(base);
	store_at(place, base, 7);
	assert_int_equal(load_at(place, base), 7);
	assert_fails(VirtualAlloc2(NULL, NULL, 0, RC, PAGE_READWRITE, NULL, 0),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc2(NULL, at(0x8000), PAGE, MEM_COMMIT, PAGE_READWRITE, NULL, 0),
	             ERROR_INVALID_PARAMETER); /* VA-1 */
	assert_fails(VirtualAlloc2(NULL, NULL, PAGE, RC, PAGE_READWRITE, NULL, 1),
	             ERROR_INVALID_PARAMETER); /* V2-2 */
}

static void test_address_requirements(void **state) /* V2-4 to V2-7 */
{
	(void)state;
	assert_ptr_equal(alloc_within(at(0x30000000), NULL, 0, RC), at(0x30000000));
	assert_ptr_equal(alloc_within(at(0x30000000), NULL, 0x100000, RC), at(0x30100000));
	assert_ptr_equal(alloc_within(NULL, at(0x3FFFFFFF), 0, RC | MEM_TOP_DOWN), at(0x3FFF0000));
	assert_ptr_equal(alloc_within(at(0x40000000), at(0x40001FFF), 0, RC), at(0x40000000));
	assert_fails(alloc_within(at(0x40000000), at(0x40001FFF), 0, RC), ERROR_NOT_ENOUGH_MEMORY);
	assert_fails(alloc_within(at(0x50000000), at(0x50000FFF), 0, RC), ERROR_NOT_ENOUGH_MEMORY);
	assert_fails(alloc_within(NULL, NULL, 0x8000, RC), ERROR_INVALID_PARAMETER);
	assert_fails(alloc_within(NULL, at(0x7FFFFFFF), 0, RC), ERROR_INVALID_PARAMETER);
	assert_fails(alloc_within(NULL, NULL, 0, MEM_COMMIT), ERROR_INVALID_PARAMETER);
}

static void test_numa(void **state) /* VA-81 */
{
	HANDLE self = GetCurrentProcess();
	(void)state;
	assert_succeeds(VirtualAllocExNuma(self, NULL, PAGE, RC, PAGE_READWRITE, 0));
	assert_succeeds(VirtualAllocExNuma(self, NULL, PAGE, RC, PAGE_READWRITE,
	                                   NUMA_NO_PREFERRED_NODE));
	assert_fails(VirtualAllocExNuma(self, NULL, PAGE, RC, PAGE_READWRITE, 1),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAllocExNuma(NULL, NULL, PAGE, RC, PAGE_READWRITE, 0),
	             ERROR_INVALID_HANDLE);
}

static void test_from_app(void **state) /* VA-82 */
{
	(void)state;
	assert_succeeds(VirtualAllocFromApp(NULL, PAGE, RC, PAGE_READWRITE));
	assert_fails(VirtualAllocFromApp(NULL, PAGE, RC, PAGE_EXECUTE_READWRITE),
	             ERROR_ACCESS_DENIED);
	assert_fails(VirtualAllocFromApp(NULL, PAGE, RC, 0), ERROR_INVALID_PARAMETER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_without_parameters),
		place_test(test_address_requirements),
		place_test(test_numa),
		place_test(test_from_app),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
