/* SPDX-License-Identifier: MIT
 *
 * NtQueryVirtualMemory (rules VQ, AS-3, AS-4, WS-9, WS-10).
 */
#include "null_engine.h"

#define HIGHEST UINT64_C(0x7FFFFFFEFFFF)
#define SHARED_PAGE UINT64_C(0x7FFE0000)

static NTSTATUS ask(HANDLE handle, uint64_t address, int info_class, void *buffer, uint64_t length)
{
	uint64_t returned = 0;
	return NtQueryVirtualMemory(handle, address, (MEMORY_INFORMATION_CLASS)info_class, buffer,
	                            length, &returned);
}

static void checks_come_in_order(void **state) /* VQ-2 to VQ-5, VQ-21 */
{
	MEMORY_BASIC_INFORMATION info = {.State = 77};
	(void)state;
	assert_status(ask(NULL, UINT64_MAX, 1, NULL, 0), STATUS_INVALID_INFO_CLASS);
	assert_status(ask(NULL, UINT64_MAX, 99, NULL, 0), STATUS_INVALID_INFO_CLASS);
	assert_status(ask(NULL, UINT64_MAX, -1, NULL, 0), STATUS_INVALID_INFO_CLASS);
	assert_status(ask(NULL, HIGHEST + 1, 0, NULL, 0), STATUS_INVALID_PARAMETER);
	assert_status(ask(NULL, HIGHEST, 0, NULL, 0), STATUS_ACCESS_VIOLATION);
	assert_status(ask(NULL, HIGHEST, 0, (void *)0xFFFF, 48), STATUS_ACCESS_VIOLATION);
	assert_status(ask(NULL, HIGHEST, 0, &info, sizeof info - 1), STATUS_INFO_LENGTH_MISMATCH);
	assert_status(ask(NULL, HIGHEST, 0, &info, sizeof info), STATUS_INVALID_HANDLE);
	assert_status(NtQueryVirtualMemory(process, 0, MemoryBasicInformation, &info, sizeof info,
	                                   (uint64_t *)8), STATUS_ACCESS_VIOLATION);
	assert_int_equal(info.State, 77);
	assert_ok(ask(process, HIGHEST, 0, &info, 2 * sizeof info));
	assert_ok(NtQueryVirtualMemory(process, 0, MemoryBasicInformation, &info, sizeof info,
	                               NULL));
}

static void address_is_judged_by_the_layout(void **state) /* VQ-4, SV-50 */
{
	MEMORY_BASIC_INFORMATION info;
	(void)state;
	assert_status(ask(process, 0x7FFF0000, 0, &info, 1), STATUS_INVALID_PARAMETER);
	assert_ok(ask(process, 0x7FFEFFFF, 0, &info, sizeof info));
}

static void rights(void **state) /* G-4, VQ-9 */
{
	MEMORY_BASIC_INFORMATION info;
	MEMORY_REGION_INFORMATION region;
	HANDLE limited, full, none;
	(void)state;
	assert_ok(NtOpenProcess(&limited, PROCESS_QUERY_LIMITED_INFORMATION,
	                        GetProcessId(process)));
	assert_ok(NtOpenProcess(&full, PROCESS_QUERY_INFORMATION, GetProcessId(process)));
	assert_ok(NtOpenProcess(&none, PROCESS_VM_OPERATION, GetProcessId(process)));
	assert_ok(ask(limited, SHARED_PAGE, 0, &info, sizeof info));
	assert_ok(ask(full, SHARED_PAGE, 0, &info, sizeof info));
	assert_status(ask(none, SHARED_PAGE, 0, &info, sizeof info), STATUS_ACCESS_DENIED);
	assert_status(ask(limited, SHARED_PAGE, 3, &region, sizeof region), STATUS_ACCESS_DENIED);
	assert_ok(ask(full, SHARED_PAGE, 3, &region, sizeof region));
	assert_ok(NtClose(limited));
	assert_ok(NtClose(full));
	assert_ok(NtClose(none));
}

static void free_space(void **state) /* VQ-10, VQ-12, AS-3 */
{
	MEMORY_BASIC_INFORMATION info = query(0x123);
	(void)state;
	assert_null(info.BaseAddress);
	assert_null(info.AllocationBase);
	assert_int_equal(info.AllocationProtect, 0);
	assert_int_equal(info.RegionSize, SHARED_PAGE);
	assert_int_equal(info.State, MEM_FREE);
	assert_int_equal(info.Protect, PAGE_NOACCESS);
	assert_int_equal(info.Type, 0);
	assert_region(SHARED_PAGE + 0x1000, MEM_FREE, PAGE_NOACCESS,
	              HIGHEST - SHARED_PAGE - 0x1000 + 1);
}

static void shared_page(void **state) /* AS-4 */
{
	MEMORY_BASIC_INFORMATION info = query(SHARED_PAGE + 5);
	(void)state;
	assert_int_equal((uintptr_t)info.BaseAddress, SHARED_PAGE);
	assert_int_equal((uintptr_t)info.AllocationBase, SHARED_PAGE);
	assert_int_equal(info.AllocationProtect, PAGE_READONLY);
	assert_int_equal(info.RegionSize, 0x1000);
	assert_int_equal(info.State, MEM_COMMIT);
	assert_int_equal(info.Protect, PAGE_READONLY);
	assert_int_equal(info.Type, MEM_PRIVATE);
}

static void runs(void **state) /* VQ-6, VQ-7, VQ-10, VQ-11 */
{
	(void)state;
	assert_ok(alloc(PLACE, K64, MEM_RESERVE, PAGE_READWRITE | PAGE_GUARD));
	assert_ok(alloc(PLACE + K64, K64, MEM_RESERVE, PAGE_READWRITE | PAGE_GUARD));
	assert_region(PLACE + 0x5FFF, MEM_RESERVE, 0, 0xB000); /* not across allocations */
	assert_int_equal((uintptr_t)query(PLACE + 0x5FFF).BaseAddress, PLACE + 0x5000);
	assert_int_equal(query(PLACE).AllocationProtect, PAGE_READWRITE | PAGE_GUARD);
	assert_ok(alloc(PLACE, 0x3000, MEM_COMMIT, PAGE_NOACCESS));
	assert_ok(alloc(PLACE + 0x2000, 0x1000, MEM_COMMIT, PAGE_READWRITE));
	assert_region(PLACE, MEM_COMMIT, PAGE_NOACCESS, 0x2000);
	assert_ok(decommit(PLACE, 0x3000));
	assert_region(PLACE, MEM_RESERVE, 0, K64); /* one run whatever was there */
}

static void offered_pages_look_alike(void **state) /* VQ-7, VQ-8, OF-6 */
{
	(void)state;
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE));
	assert_ok(nt_offer(process, PLACE + 0x1000, 0x1000, 1));
	assert_ok(nt_offer(process, PLACE + 0x3000, 0x1000, 1));
	assert_region(PLACE, MEM_COMMIT, PAGE_READWRITE, K64);
	assert_region(PLACE + 0x1000, MEM_COMMIT, PAGE_READWRITE, 0xF000);
	assert_ok(protect(PLACE + 0x4000, 0x1000, PAGE_READONLY));
	assert_region(PLACE, MEM_COMMIT, PAGE_READWRITE, 0x4000);
}

static void whole_allocation(void **state) /* VQ-20 */
{
	MEMORY_REGION_INFORMATION info;
	uint64_t returned;
	(void)state;
	assert_ok(alloc(PLACE, 2 * K64, MEM_RESERVE, PAGE_READONLY));
	assert_ok(alloc(PLACE + 0x1000, 0x3000, MEM_COMMIT, PAGE_READWRITE));
	assert_ok(NtQueryVirtualMemory(process, PLACE + K64 + 7, MemoryRegionInformation, &info,
	                               sizeof info, &returned));
	assert_int_equal(returned, sizeof info);
	assert_int_equal(info.AllocationBase, PLACE);
	assert_int_equal(info.AllocationProtect, PAGE_READONLY);
	assert_int_equal(info.RegionType, 0);
	assert_int_equal(info.RegionSize, 2 * K64);
	assert_int_equal(info.CommitSize, 0x3000);
	assert_status(ask(process, PLACE, 3, &info, 23), STATUS_INFO_LENGTH_MISMATCH);
	assert_status(ask(process, PLACE - 1, 3, &info, sizeof info), STATUS_MEMORY_NOT_ALLOCATED);
	info.CommitSize = 77;
	assert_ok(NtQueryVirtualMemory(process, PLACE, MemoryRegionInformation, &info, 24,
	                               &returned));
	assert_int_equal(returned, 24);
	assert_int_equal(info.CommitSize, 77);
}

static void working_set(void **state) /* WS-9, WS-10 */
{
	PSAPI_WORKING_SET_EX_INFORMATION entries[2] = {{.VirtualAddress = (PVOID)PLACE},
	                                               {.VirtualAddress = (PVOID)(HIGHEST + 1)}};
	uint64_t returned;
	(void)state;
	null->residency = (struct residency){
			.valid = true, .locked = true, .prot = PROT_READWRITE | PROT_GUARD};
	assert_ok(NtQueryVirtualMemory(process, 0, MemoryWorkingSetExInformation, entries,
	                               sizeof entries + 1, &returned));
	assert_int_equal(returned, sizeof entries);
	assert_int_equal(entries[0].VirtualAttributes.Flags,
	                 1 | (PAGE_READWRITE | PAGE_GUARD) << 4 | 1 << 22);
	assert_int_equal(entries[1].VirtualAttributes.Flags, 0);
	null->residency.valid = false;
	assert_ok(ask(process, 0, 4, entries, sizeof entries));
	assert_int_equal(entries[0].VirtualAttributes.Flags, 0);
	assert_ok(ask(process, 0, 4, entries, 3)); /* no entries */
	assert_status(ask(process, 0, 4, NULL, 16), STATUS_ACCESS_VIOLATION);
	assert_status(ask(process, 0, 4, entries, UINT64_MAX), STATUS_ACCESS_VIOLATION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NULL_TEST(checks_come_in_order),
		NULL_TEST_2GB(address_is_judged_by_the_layout),
		NULL_TEST(rights),
		NULL_TEST(free_space),
		NULL_TEST(shared_page),
		NULL_TEST(runs),
		NULL_TEST(offered_pages_look_alike),
		NULL_TEST(whole_allocation),
		NULL_TEST(working_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
