/* SPDX-License-Identifier: MIT
 *
 * nt/placeholder.c, space/placeholder.c: statuses, charges and what the engine hears (rules PH).
 */
#include "null_engine.h"

#define PRESERVE (MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER)
#define COALESCE (MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS)
#define KEEP (MEM_RESERVE | MEM_RESERVE_PLACEHOLDER)
#define REPLACE (MEM_RESERVE | MEM_REPLACE_PLACEHOLDER)

static NTSTATUS alloc2(uint64_t base, uint64_t size, uint32_t type, uint32_t prot)
{
	return NtAllocateVirtualMemoryEx(process, &base, &size, type, prot, NULL, 0);
}

static NTSTATUS free_as(uint64_t base, uint64_t size, uint32_t type)
{
	return NtFreeVirtualMemory(process, &base, &size, type);
}

/* VQ-18: one placeholder from `base` on, of `size` bytes. */
static void assert_placeholder(uint64_t base, uint64_t size)
{
	MEMORY_BASIC_INFORMATION info = query(base);
	assert_int_equal((uintptr_t)info.AllocationBase, base);
	assert_int_equal(info.AllocationProtect, PAGE_NOACCESS);
	assert_int_equal(info.State, MEM_RESERVE);
	assert_int_equal(info.Protect, 0);
	assert_int_equal(info.Type, MEM_PRIVATE);
	assert_int_equal(info.RegionSize, size);
	assert_true(space_check(&null->space));
}

static void types_are_checked(void **state) /* V2-1, PH-1, PH-5, WW-27 */
{
	static const struct {
		uint32_t type, protect;
		NTSTATUS status;
	} rows[] = {
		{KEEP, PAGE_READWRITE, STATUS_INVALID_PAGE_PROTECTION},
		{KEEP, PAGE_NOACCESS | PAGE_GUARD, STATUS_INVALID_PAGE_PROTECTION},
		{KEEP | MEM_COMMIT, PAGE_NOACCESS, STATUS_INVALID_PARAMETER},
		{KEEP | MEM_WRITE_WATCH, PAGE_NOACCESS, STATUS_INVALID_PARAMETER},
		{KEEP | MEM_PHYSICAL, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{KEEP | MEM_REPLACE_PLACEHOLDER, PAGE_NOACCESS, STATUS_INVALID_PARAMETER},
		{MEM_RESERVE_PLACEHOLDER, PAGE_NOACCESS, STATUS_INVALID_PARAMETER_5},
		{MEM_COMMIT | MEM_RESERVE_PLACEHOLDER, PAGE_NOACCESS, STATUS_INVALID_PARAMETER},
		{MEM_REPLACE_PLACEHOLDER, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{MEM_COMMIT | MEM_REPLACE_PLACEHOLDER, PAGE_READWRITE, STATUS_INVALID_PARAMETER},
		{REPLACE | MEM_PHYSICAL, PAGE_READWRITE, STATUS_INVALID_PARAMETER_5},
		{REPLACE | RC | MEM_LARGE_PAGES, PAGE_READWRITE, STATUS_INVALID_PARAMETER},
		{REPLACE, PAGE_WRITECOPY, STATUS_INVALID_PAGE_PROTECTION},
	};
	(void)state;
	assert_ok(alloc2(PLACE, K64, KEEP | MEM_TOP_DOWN, PAGE_NOACCESS));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_status(alloc2(PLACE, K64, rows[i].type, rows[i].protect), rows[i].status);
	assert_status(alloc(PLACE, K64, KEEP, PAGE_NOACCESS), STATUS_INVALID_PARAMETER);
	assert_status(alloc(PLACE, K64, REPLACE, PAGE_NOACCESS), STATUS_INVALID_PARAMETER);
	assert_placeholder(PLACE, K64);
}

static void is_a_bare_reservation(void **state) /* PH-1, PH-9, PH-22, VA-50, VQ-18 */
{
	uint64_t base = PLACE + 0x1234, size = 0x1000, total = null_ledger.total;
	(void)state;
	assert_ok(NtAllocateVirtualMemoryEx(process, &base, &size, KEEP, PAGE_NOACCESS, NULL, 0));
	assert_int_equal(base, PLACE);
	assert_int_equal(size, 0x3000);
	assert_int_equal(null_ledger.total, total);
	assert_placeholder(PLACE, 0x3000);
	assert_status(alloc(PLACE, 1, MEM_COMMIT, PAGE_READWRITE), STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc2(PLACE, 1, MEM_COMMIT, PAGE_READWRITE), STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc(PLACE, 1, MEM_COMMIT, PAGE_WRITECOPY), STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc(PLACE, 1, MEM_RESERVE, PAGE_READWRITE), STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc2(PLACE, 1, KEEP, PAGE_NOACCESS), STATUS_CONFLICTING_ADDRESSES);
	assert_status(protect(PLACE, 1, PAGE_READWRITE), STATUS_NOT_COMMITTED);
	assert_ok(decommit(PLACE, 0)); /* VF-12 */
	assert_ok(alloc(PLACE, 0x1000, MEM_RESET, PAGE_NOACCESS)); /* VA-63 */
	assert_placeholder(PLACE, 0x3000);
	assert_int_equal(null_calls(OP_PROTECT) + null_calls(OP_DECOMMIT), 0);
	assert_ok(release(PLACE, 0)); /* PH-8 */
	assert_int_equal(query(PLACE).State, MEM_FREE);
}

static void split_in_three(void **state) /* PH-2, SV-48 */
{
	uint64_t base = PLACE + 0x1FFF, size = 2;
	(void)state;
	assert_ok(alloc2(PLACE, K64, KEEP, PAGE_NOACCESS));
	null_forget();
	assert_ok(NtFreeVirtualMemory(process, &base, &size, PRESERVE));
	assert_int_equal(base, PLACE + 0x1000);
	assert_int_equal(size, 0x2000);
	assert_placeholder(PLACE, 0x1000);
	assert_placeholder(PLACE + 0x1000, 0x2000);
	assert_placeholder(PLACE + 0x3000, 0xD000);
	assert_int_equal(null->count, 0); /* nothing goes, so nobody hears */
}

static void split_in_two(void **state) /* PH-2 */
{
	(void)state;
	assert_ok(alloc2(PLACE, K64, KEEP, PAGE_NOACCESS));
	assert_ok(free_as(PLACE, 0x1000, PRESERVE)); /* the front */
	assert_placeholder(PLACE, 0x1000);
	assert_placeholder(PLACE + 0x1000, 0xF000);
	assert_ok(free_as(PLACE + 0xF000, 0x1000, PRESERVE)); /* the back */
	assert_placeholder(PLACE + 0x1000, 0xE000);
	assert_placeholder(PLACE + 0xF000, 0x1000);
}

static void split_is_refused(void **state) /* PH-3, VF-4, VF-5 */
{
	(void)state;
	assert_ok(alloc2(PLACE, K64, KEEP, PAGE_NOACCESS));
	assert_ok(alloc2(PLACE + K64, K64, KEEP, PAGE_NOACCESS));
	assert_ok(alloc(PLACE + 2 * K64, K64, MEM_RESERVE, PAGE_READWRITE));
	assert_status(free_as(PLACE, K64, PRESERVE), STATUS_CONFLICTING_ADDRESSES);
	assert_status(free_as(PLACE, 0, PRESERVE), STATUS_INVALID_PARAMETER_3);
	assert_status(free_as(PLACE, K64 + 1, PRESERVE), STATUS_UNABLE_TO_FREE_VM);
	assert_status(free_as(PLACE + 3 * K64, 1, PRESERVE), STATUS_MEMORY_NOT_ALLOCATED);
	assert_status(free_as(PLACE + 2 * K64, 0x1000, PRESERVE), STATUS_CONFLICTING_ADDRESSES);
	assert_status(free_as(PLACE + 2 * K64, K64, PRESERVE), STATUS_CONFLICTING_ADDRESSES);
	assert_status(free_as(0x7FFE0000, 1, PRESERVE), STATUS_INVALID_PAGE_PROTECTION); /* AS-4 */
	assert_placeholder(PLACE, K64);
	assert_placeholder(PLACE + K64, K64);
	assert_region(PLACE + 2 * K64, MEM_RESERVE, 0, K64);
}

static void coalesce_joins(void **state) /* PH-4, SV-48 */
{
	uint64_t base = PLACE + 0x800, size = K64 + 0x800;
	(void)state;
	assert_ok(alloc2(PLACE, K64, KEEP, PAGE_NOACCESS));
	assert_ok(alloc2(PLACE + K64, 0x1000, KEEP, PAGE_NOACCESS));
	assert_ok(free_as(PLACE + 0x1000, 0x1000, PRESERVE));
	null_forget();
	assert_ok(NtFreeVirtualMemory(process, &base, &size, COALESCE));
	assert_int_equal(base, PLACE);
	assert_int_equal(size, K64 + 0x1000);
	assert_placeholder(PLACE, K64 + 0x1000);
	assert_int_equal(null->count, 0);
	assert_ok(free_as(PLACE + 0x5000, 0x1000, PRESERVE)); /* and again */
	assert_ok(free_as(PLACE, 0x6000, COALESCE));
	assert_placeholder(PLACE, 0x6000);
	assert_placeholder(PLACE + 0x6000, 0xB000);
}

static void coalesce_is_refused(void **state) /* PH-4, VF-2 */
{
	(void)state;
	assert_ok(alloc2(PLACE, K64, KEEP, PAGE_NOACCESS));
	assert_status(free_as(PLACE, K64, COALESCE), STATUS_CONFLICTING_ADDRESSES);
	assert_ok(free_as(PLACE, 0x8000, PRESERVE));
	assert_ok(alloc2(PLACE + 2 * K64, K64, KEEP, PAGE_NOACCESS));
	assert_status(free_as(PLACE, 0, COALESCE), STATUS_INVALID_PARAMETER_3);
	assert_status(free_as(PLACE, K64, MEM_COALESCE_PLACEHOLDERS), STATUS_INVALID_PARAMETER_4);
	assert_status(free_as(PLACE, 0x9000, COALESCE), STATUS_CONFLICTING_ADDRESSES);
	assert_status(free_as(PLACE + 0x1000, 0xF000, COALESCE), STATUS_CONFLICTING_ADDRESSES);
	assert_status(free_as(PLACE, 3 * K64, COALESCE), STATUS_CONFLICTING_ADDRESSES); /* a gap */
	assert_status(free_as(PLACE + K64, 2 * K64, COALESCE), STATUS_CONFLICTING_ADDRESSES);
	assert_ok(alloc2(PLACE + 0x8000, 0x8000, REPLACE, PAGE_READWRITE));
	assert_status(free_as(PLACE, K64, COALESCE), STATUS_CONFLICTING_ADDRESSES);
	assert_status(free_as(UINT64_C(0x7FFFFFFEF000), 0x1000, COALESCE),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_placeholder(PLACE, 0x8000);
}

static void replaced_by_private_memory(void **state) /* PH-5, PH-6, PH-22 */
{
	uint64_t total = null_ledger.total;
	(void)state;
	assert_ok(alloc2(PLACE, K64, KEEP, PAGE_NOACCESS));
	assert_ok(free_as(PLACE + 0x1000, 0x2000, PRESERVE));
	assert_status(alloc2(PLACE, K64, REPLACE, PAGE_READWRITE), STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc2(PLACE + 0x1000, 0x1000, REPLACE, PAGE_READWRITE),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc2(PLACE + 0x2000, 0x1000, REPLACE, PAGE_READWRITE),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc2(0, 0x2000, REPLACE, PAGE_READWRITE), STATUS_CONFLICTING_ADDRESSES);
	assert_status(alloc2(PLACE + K64, K64, REPLACE, PAGE_READWRITE),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_ok(alloc2(PLACE + 0x1000, 0x2000, REPLACE | RC, PAGE_READONLY));
	assert_int_equal(null_call(OP_PROTECT, 0)->range.start, page_of(PLACE + 0x1000));
	assert_int_equal(range_pages(null_call(OP_PROTECT, 0)->range), 2);
	assert_true(null_ledger.total >= total + 2);
	assert_region(PLACE + 0x1000, MEM_COMMIT, PAGE_READONLY, 0x2000);
	assert_int_equal(query(PLACE + 0x1000).AllocationProtect, PAGE_READONLY);
	assert_status(alloc2(PLACE + 0x1000, 0x2000, REPLACE, PAGE_READONLY),
	              STATUS_CONFLICTING_ADDRESSES); /* it is none any more */
	assert_placeholder(PLACE, 0x1000);
	assert_placeholder(PLACE + 0x3000, 0xD000);
	assert_ok(decommit(PLACE + 0x1000, 0)); /* otherwise normal */
	assert_ok(alloc(PLACE + 0x2000, 1, MEM_COMMIT, PAGE_READWRITE));
	assert_ok(release(PLACE + 0x1000, 0)); /* PH-8 */
	assert_int_equal(null_ledger.total, total);
	assert_int_equal(query(PLACE + 0x1000).State, MEM_FREE);
	assert_int_equal(query(PLACE + 0x1000).RegionSize, 0x2000);
}

static void replacing_beyond_the_limit(void **state) /* VA-31, G-2 */
{
	(void)state;
	assert_ok(alloc2(PLACE, (NULL_LIMIT + 1) << 12, KEEP, PAGE_NOACCESS));
	assert_status(alloc2(PLACE, (NULL_LIMIT + 1) << 12, REPLACE | RC, PAGE_READWRITE),
	              STATUS_COMMITMENT_LIMIT);
	assert_placeholder(PLACE, (NULL_LIMIT + 1) << 12);
	assert_ok(alloc2(PLACE, (NULL_LIMIT + 1) << 12, REPLACE, PAGE_READWRITE));
}

static void back_to_placeholder(void **state) /* PH-7 */
{
	uint64_t total = null_ledger.total;
	(void)state;
	assert_ok(alloc2(PLACE, K64, KEEP, PAGE_NOACCESS));
	assert_ok(free_as(PLACE, 0x3000, PRESERVE));
	assert_ok(alloc2(PLACE, 0x3000, REPLACE, PAGE_READWRITE));
	assert_ok(alloc(PLACE + 0x1000, 0x1000, MEM_COMMIT, PAGE_READWRITE));
	assert_status(free_as(PLACE, 0x2000, PRESERVE), STATUS_CONFLICTING_ADDRESSES);
	assert_region(PLACE + 0x1000, MEM_COMMIT, PAGE_READWRITE, 0x1000);
	null_forget();
	assert_ok(free_as(PLACE, 0x3000, PRESERVE));
	assert_int_equal(range_pages(null_call(OP_DECOMMIT, 0)->range), 3);
	assert_int_equal(null_call(OP_NOTE, 0)->number, NOTE_FREE);
	assert_int_equal(null_ledger.total, total);
	assert_placeholder(PLACE, 0x3000);
	assert_ok(free_as(PLACE, K64, COALESCE));
	assert_placeholder(PLACE, K64);
}

static void native_release(void **state) /* PH-8, VF-33 */
{
	(void)state;
	assert_ok(alloc2(PLACE, K64, KEEP, PAGE_NOACCESS));
	assert_ok(free_as(PLACE, 0x8000, PRESERVE));
	assert_status(release(PLACE, K64), STATUS_UNABLE_TO_FREE_VM);
	assert_ok(release(PLACE + 0x9000, 0x1000));
	assert_placeholder(PLACE + 0x8000, 0x1000);
	assert_placeholder(PLACE + 0xA000, 0x6000);
	assert_ok(alloc2(PLACE + 0xA000, 0x6000, REPLACE, PAGE_READWRITE));
	assert_ok(release(PLACE + 0xC000, 0x1000)); /* each part can be put back */
	assert_ok(free_as(PLACE + 0xA000, 0x2000, PRESERVE));
	assert_ok(free_as(PLACE + 0xD000, 0x3000, PRESERVE));
	assert_placeholder(PLACE + 0xA000, 0x2000);
	assert_placeholder(PLACE + 0xD000, 0x3000);
}

/* Hundreds of pieces cross the leaves of the tree of runs. */
static void many_pieces(void **state) /* PH-2, PH-4 */
{
	(void)state;
	assert_ok(alloc2(PLACE, 1000 * 0x1000, KEEP, PAGE_NOACCESS));
	for (uint64_t i = 0; i < 998; i += 2)
		assert_ok(free_as(PLACE + i * 0x1000, 0x1000, PRESERVE));
	assert_placeholder(PLACE + 997 * 0x1000, 0x1000 * 3);
	for (uint64_t i = 0; i < 998; i += 10)
		assert_ok(alloc2(PLACE + i * 0x1000, 0x1000, REPLACE | RC, PAGE_READWRITE));
	assert_status(free_as(PLACE, 1000 * 0x1000, COALESCE), STATUS_CONFLICTING_ADDRESSES);
	for (uint64_t i = 0; i < 998; i += 10)
		assert_ok(free_as(PLACE + i * 0x1000, 0x1000, PRESERVE));
	assert_ok(free_as(PLACE, 1000 * 0x1000, COALESCE));
	assert_placeholder(PLACE, 1000 * 0x1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NULL_TEST(types_are_checked),
		NULL_TEST(is_a_bare_reservation),
		NULL_TEST(split_in_three),
		NULL_TEST(split_in_two),
		NULL_TEST(split_is_refused),
		NULL_TEST(coalesce_joins),
		NULL_TEST(coalesce_is_refused),
		NULL_TEST(replaced_by_private_memory),
		NULL_TEST(replacing_beyond_the_limit),
		NULL_TEST(back_to_placeholder),
		NULL_TEST(native_release),
		NULL_TEST(many_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
