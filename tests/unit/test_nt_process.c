/* SPDX-License-Identifier: MIT
 *
 * NtOpenProcess, NtTerminateProcess, NtClose, NtOpenProcessToken; what an ended process answers
 * (G-3 to G-5).
 */
#include "null_engine.h"

static void open_by_identifier(void **state)
{
	HANDLE again;
	DWORD pid = GetProcessId(process);
	(void)state;
	assert_status(NtOpenProcess(NULL, PROCESS_ALL_ACCESS, pid), STATUS_ACCESS_VIOLATION);
	assert_status(NtOpenProcess(&again, PROCESS_ALL_ACCESS, pid + 4), STATUS_INVALID_CID);
	assert_status(NtOpenProcess(&again, PROCESS_ALL_ACCESS, pid | UINT64_C(1) << 32),
	              STATUS_INVALID_CID);
	assert_ok(NtOpenProcess(&again, PROCESS_ALL_ACCESS, pid));
	assert_int_equal(GetProcessId(again), pid);
	assert_ok(NtClose(again));
	assert_status(NtClose(again), STATUS_INVALID_HANDLE);
}

static void pseudo_handle_need_not_be_closed(void **state) /* G-3 */
{
	(void)state;
	assert_ok(NtClose(NtCurrentProcess()));
	assert_status(NtClose(NULL), STATUS_INVALID_HANDLE);
}

static void handle_of_another_kind(void **state) /* G-3 */
{
	HANDLE token;
	uint64_t base = PLACE, size = 1;
	(void)state;
	assert_status(NtOpenProcessToken(process, TOKEN_QUERY, NULL), STATUS_ACCESS_VIOLATION);
	assert_status(NtOpenProcessToken(NULL, TOKEN_QUERY, &token), STATUS_INVALID_HANDLE);
	assert_ok(NtOpenProcessToken(process, TOKEN_QUERY, &token));
	assert_status(NtAllocateVirtualMemory(token, &base, 0, &size, RC, PAGE_READWRITE),
	              STATUS_OBJECT_TYPE_MISMATCH);
	assert_ok(NtClose(token));
}

static void end_frees_everything(void **state) /* S17, CM-7 */
{
	HANDLE weak;
	(void)state;
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE));
	assert_ok(NtOpenProcess(&weak, PROCESS_ALL_ACCESS & ~PROCESS_TERMINATE,
	                        GetProcessId(process)));
	assert_status(NtTerminateProcess(weak, 1), STATUS_ACCESS_DENIED);
	assert_ok(NtTerminateProcess(process, 1));
	assert_int_equal(null_calls(OP_END), 1);
	assert_int_equal(null_ledger.total, 0);
	assert_status(NtTerminateProcess(process, 2), STATUS_PROCESS_IS_TERMINATING);
	assert_ok(NtClose(weak));
}

static void ended_process_refuses(void **state) /* G-5 */
{
	uint64_t base = 0, size = 0x1000, minimum, maximum;
	uint32_t old;
	bool intact;
	MEMORY_BASIC_INFORMATION info;
	MEMORY_REGION_INFORMATION region;
	PSAPI_WORKING_SET_EX_INFORMATION entry = {.VirtualAddress = NULL};
	MEMORY_RANGE_ENTRY range = {PLACE, 1};
	(void)state;
	assert_ok(NtTerminateProcess(process, 0));
	null_forget();
	const NTSTATUS answers[] = {
		NtAllocateVirtualMemory(process, &base, 0, &size, RC, PAGE_READWRITE),
		NtFreeVirtualMemory(process, &base, &size, MEM_RELEASE),
		NtProtectVirtualMemory(process, &base, &size, PAGE_READONLY, &old),
		NtQueryVirtualMemory(process, 0, MemoryBasicInformation, &info, sizeof info, NULL),
		NtQueryVirtualMemory(process, 0, MemoryRegionInformation, &region, sizeof region,
		                     NULL),
		NtQueryVirtualMemory(process, 0, MemoryWorkingSetExInformation, &entry,
		                     sizeof entry, NULL),
		NtLockVirtualMemory(process, &base, &size, MAP_PROCESS),
		NtUnlockVirtualMemory(process, &base, &size, MAP_PROCESS),
		NtReadVirtualMemory(process, PLACE, &info, sizeof info, NULL),
		NtWriteVirtualMemory(process, PLACE, &info, sizeof info, NULL),
		NtFlushInstructionCache(process, PLACE, 1),
		NtSetInformationVirtualMemory(process, VmPrefetchInformation, 1, &range,
		                              &(uint32_t){0}, 4),
		nt_offer(process, PLACE, 0x1000, 1),
		nt_reclaim(process, PLACE, 0x1000, &intact),
		nt_discard(process, PLACE, 0x1000),
		nt_empty_working_set(process),
		nt_set_working_set_limits(process, 0x32000, 0x64000, 0),
		nt_get_working_set_limits(process, &minimum, &maximum, &old),
	};
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		if ((uint32_t)answers[i] != (uint32_t)STATUS_PROCESS_IS_TERMINATING)
			fail_msg("call %zu answers %#x", i, answers[i]);
	}
	assert_int_equal(null->count, 0);
}

static void host_pointers(void **state)
{
	int here = 0;
	(void)state;
	assert_true(host_pointer_ok(&here));
	assert_true(host_pointer_ok((void *)0x10000));
	assert_false(host_pointer_ok(NULL));
	assert_false(host_pointer_ok((void *)0xFFFF));
	assert_false(host_pointer_ok((void *)UINT64_MAX));
	assert_false(host_pointer_ok((void *)(UINT64_C(1) << 63)));
	assert_true(host_range_ok(&here, sizeof here));
	assert_false(host_range_ok(&here, UINT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NULL_TEST(open_by_identifier),
		NULL_TEST(pseudo_handle_need_not_be_closed),
		NULL_TEST(handle_of_another_kind),
		NULL_TEST(end_frees_everything),
		NULL_TEST(ended_process_refuses),
		NULL_TEST(host_pointers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
