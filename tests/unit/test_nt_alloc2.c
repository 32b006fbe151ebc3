/* SPDX-License-Identifier: MIT
 *
 * nt/alloc2.c, nt/extended.c: lists of parameters, and the order of their checks (rules V2).
 */
#include "null_engine.h"

typedef MEM_EXTENDED_PARAMETER parameter;

#define HIGHEST UINT64_C(0x7FFFFFFEFFFF)

static NTSTATUS alloc_by(uint64_t *base, uint32_t type, parameter *list, uint32_t count)
{
	uint64_t size = 0x1000;
	return NtAllocateVirtualMemoryEx(process, base, &size, type, PAGE_READWRITE, list, count);
}

static NTSTATUS alloc_with(parameter one)
{
	uint64_t base = 0;
	return alloc_by(&base, MEM_RESERVE, &one, 1);
}

static MEM_ADDRESS_REQUIREMENTS require(uint64_t lowest, uint64_t highest, uint64_t align)
{
	return (MEM_ADDRESS_REQUIREMENTS){(void *)(uintptr_t)lowest, (void *)(uintptr_t)highest,
	                                  align};
}

static parameter requiring(MEM_ADDRESS_REQUIREMENTS *requirements)
{
	return (parameter){.Type = MemExtendedParameterAddressRequirements,
	                   .Pointer = requirements};
}

static NTSTATUS place_by(uint64_t lowest, uint64_t highest, uint64_t align, uint64_t *base)
{
	MEM_ADDRESS_REQUIREMENTS requirements = require(lowest, highest, align);
	parameter one = requiring(&requirements);
	*base = 0;
	return alloc_by(base, MEM_RESERVE, &one, 1);
}

static void layout_is_windows(void **state)
{
	(void)state;
	assert_int_equal(sizeof(parameter), 16);
	assert_int_equal(offsetof(parameter, Pointer), 8);
	assert_int_equal(sizeof(MEM_ADDRESS_REQUIREMENTS), 24);
	assert_int_equal(MemExtendedParameterMax, 7);
}

static void list_is_checked(void **state) /* V2-2, V2-3 */
{
	MEM_ADDRESS_REQUIREMENTS requirements = require(0, 0, 0);
	uint64_t base = 0;
	parameter list[2] = {requiring(&requirements), requiring(&requirements)};
	(void)state;
	assert_status(alloc_by(&base, MEM_RESERVE, NULL, 1), STATUS_INVALID_PARAMETER);
	assert_status(alloc_by(&base, MEM_RESERVE, list, 2), STATUS_INVALID_PARAMETER);
	assert_status(alloc_by(&base, MEM_RESERVE, (parameter *)16, 1), STATUS_ACCESS_VIOLATION);
	assert_status(alloc_with((parameter){.Type = MemExtendedParameterInvalidType}),
	              STATUS_INVALID_PARAMETER);
	for (unsigned type = MemExtendedParameterMax; type < 256; type++)
		assert_status(alloc_with((parameter){.Type = type}), STATUS_INVALID_PARAMETER);
	assert_status(alloc_with(requiring(NULL)), STATUS_ACCESS_VIOLATION);
	assert_ok(alloc_by(&base, MEM_RESERVE, list, 1));
	list[1] = (parameter){.Type = MemExtendedParameterNumaNode};
	base = 0;
	assert_ok(alloc_by(&base, MEM_RESERVE, list, 2));
}

static void other_parameters(void **state) /* V2-3, V2-8, V2-9, VA-81 */
{
	static const struct {
		unsigned type;
		uint64_t value;
		NTSTATUS status;
	} rows[] = {
		{MemExtendedParameterNumaNode, 0, STATUS_SUCCESS},
		{MemExtendedParameterNumaNode, 0xFFFFFFFF, STATUS_SUCCESS},
		{MemExtendedParameterNumaNode, 1, STATUS_INVALID_PARAMETER},
		{MemExtendedParameterAttributeFlags, 0, STATUS_SUCCESS},
		{MemExtendedParameterAttributeFlags, MEM_EXTENDED_PARAMETER_ZERO_PAGES_OPTIONAL,
		 STATUS_SUCCESS},
		{MemExtendedParameterAttributeFlags, MEM_EXTENDED_PARAMETER_EC_CODE,
		 STATUS_INVALID_PARAMETER},
		{MemExtendedParameterAttributeFlags, UINT64_C(1) << 32, STATUS_INVALID_PARAMETER},
		{MemExtendedParameterAttributeFlags, MEM_EXTENDED_PARAMETER_NONPAGED,
		 STATUS_NOT_SUPPORTED},
		{MemExtendedParameterPartitionHandle, 0, STATUS_NOT_SUPPORTED},
		{MemExtendedParameterUserPhysicalHandle, 0, STATUS_NOT_SUPPORTED},
		{MemExtendedParameterImageMachine, 0x8664, STATUS_INVALID_PARAMETER},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_status(alloc_with((parameter){.Type = rows[i].type,
		                                     .ULong64 = rows[i].value}),
		              rows[i].status);
}

static void requirements_are_checked(void **state) /* V2-5, V2-6 */
{
	static const struct {
		uint64_t lowest, highest, align;
		NTSTATUS status;
	} rows[] = {
		{0, 0, 1, STATUS_INVALID_PARAMETER},
		{0, 0, 0x8000, STATUS_INVALID_PARAMETER},
		{0, 0, 0x30000, STATUS_INVALID_PARAMETER},
		{0, 0, 0x10000, STATUS_SUCCESS},
		{0, 0, UINT64_C(1) << 40, STATUS_SUCCESS},
		{0, 0, UINT64_C(1) << 63, STATUS_NO_MEMORY},
		{0, 0x20001001, 0, STATUS_INVALID_PARAMETER},
		{0, 0x20000FFE, 0, STATUS_INVALID_PARAMETER},
		{0, 0x200007FF, 0, STATUS_INVALID_PARAMETER},
		{0, 0x20000FFF, 0, STATUS_SUCCESS},
		{0, HIGHEST, 0, STATUS_SUCCESS},
		{0, HIGHEST + 0x1000, 0, STATUS_INVALID_PARAMETER},
		{0, UINT64_MAX, 0, STATUS_INVALID_PARAMETER},
		{0x20001000, 0, 0, STATUS_INVALID_PARAMETER},
		{0x20000000, 0, 0, STATUS_SUCCESS},
		{HIGHEST + 1, 0, 0, STATUS_INVALID_PARAMETER},
		{0x20000000, 0x1FFFFFFF, 0, STATUS_INVALID_PARAMETER},
		{0x20000000, 0x20000FFF, 0, STATUS_NO_MEMORY}, /* taken by the row before last */
		{0x30000000, 0x30000FFF, 0, STATUS_SUCCESS},
		{0, 0xFFFF, 0, STATUS_NO_MEMORY}, /* AS-1 */
	};
	uint64_t base;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		NTSTATUS status =
			place_by(rows[i].lowest, rows[i].highest, rows[i].align, &base);
		if (status != rows[i].status)
			fail_msg("row %zu: %#x", i, (unsigned)status);
	}
}

static void granule_of_shared_page_is_kept(void **state) /* V2-6, AS-5 */
{
	uint64_t base;
	(void)state;
	assert_ok(place_by(0, 0x7FFEFFFF, 0, &base)); /* the highest application address */
	assert_status(place_by(0x7FFE0000, 0x7FFEFFFF, 0, &base), STATUS_NO_MEMORY);
	assert_status(place_by(0, 0x7FFFFFFF, 0, &base), STATUS_INVALID_PARAMETER);
}

static void requirements_bind_the_choice(void **state) /* V2-6, V2-7 */
{
	MEM_ADDRESS_REQUIREMENTS requirements = require(0, 0x2FFFFFFF, 0x10000000);
	parameter one = requiring(&requirements);
	uint64_t base = 0;
	(void)state;
	assert_ok(alloc_by(&base, MEM_RESERVE | MEM_TOP_DOWN, &one, 1));
	assert_int_equal(base, 0x20000000);
	assert_ok(place_by(0, 0x2FFFFFFF, 0x10000000, &base));
	assert_int_equal(base, 0x10000000);
	assert_status(place_by(0, 0x2FFFFFFF, 0x10000000, &base), STATUS_NO_MEMORY);
	assert_ok(place_by(UINT64_C(0x123450000), 0, 0, &base));
	assert_int_equal(base, UINT64_C(0x123450000));
	assert_ok(place_by(UINT64_C(0x123450000), 0, 0x20000, &base));
	assert_int_equal(base, UINT64_C(0x123460000));
}

static void requirements_exclude_a_base(void **state) /* V2-4 */
{
	MEM_ADDRESS_REQUIREMENTS requirements = require(0, 0, 0);
	parameter one = requiring(&requirements);
	uint64_t base = PLACE;
	(void)state;
	assert_ok(alloc_by(&base, MEM_RESERVE, &one, 1));
	assert_status(alloc_by(&base, MEM_RESERVE, &one, 1), STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc_by(&base, MEM_COMMIT, &one, 1), STATUS_INVALID_PARAMETER);
	requirements = require(0, 0, 0x10000);
	assert_status(alloc_by(&base, MEM_RESERVE, &one, 1), STATUS_INVALID_PARAMETER);
	requirements = require(0, 0x20000FFF, 0);
	assert_status(alloc_by(&base, MEM_RESERVE, &one, 1), STATUS_INVALID_PARAMETER);
	base = 0;
	assert_status(alloc_by(&base, MEM_COMMIT, &one, 1), STATUS_INVALID_PARAMETER);
	assert_ok(alloc_by(&base, RC, &one, 1));
}

static void checks_come_in_order(void **state) /* G-6, V2-1 */
{
	uint64_t base = 0, size = 0;
	parameter one = {.Type = MemExtendedParameterNumaNode};
	(void)state;
	assert_status(NtAllocateVirtualMemoryEx(NULL, NULL, NULL, 0, 0, NULL, 1),
	              STATUS_INVALID_PARAMETER);
	assert_status(NtAllocateVirtualMemoryEx(NULL, NULL, NULL, 0, 0, NULL, 0),
	              STATUS_INVALID_PARAMETER_5);
	assert_status(NtAllocateVirtualMemoryEx(NULL, NULL, NULL, RC, 0, &one, 1),
	              STATUS_INVALID_PAGE_PROTECTION);
	assert_status(NtAllocateVirtualMemoryEx(NULL, NULL, &size, RC, PAGE_READWRITE, &one, 1),
	              STATUS_ACCESS_VIOLATION);
	assert_status(NtAllocateVirtualMemoryEx(NULL, &base, &size, RC, PAGE_READWRITE, &one, 1),
	              STATUS_INVALID_PARAMETER_4);
	size = 1;
	assert_status(NtAllocateVirtualMemoryEx(NULL, &base, &size, RC, PAGE_READWRITE, &one, 1),
	              STATUS_INVALID_HANDLE);
	assert_ok(NtAllocateVirtualMemoryEx(process, &base, &size, RC, PAGE_READWRITE, &one, 1));
	assert_int_equal(size, 0x1000);
	assert_region(base, MEM_COMMIT, PAGE_READWRITE, 0x1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NULL_TEST(layout_is_windows),
		NULL_TEST(list_is_checked),
		NULL_TEST(other_parameters),
		NULL_TEST(requirements_are_checked),
		NULL_TEST_2GB(granule_of_shared_page_is_kept),
		NULL_TEST(requirements_bind_the_choice),
		NULL_TEST(requirements_exclude_a_base),
		NULL_TEST(checks_come_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
