/* SPDX-License-Identifier: MIT
 *
 * Every call that takes a process.
 */
#include "calls.h"

#include <ntmm/ntapi.h>
#include <ntmm/thread.h>

char *call_target;
static const char byte = 0x21;

static bool do_alloc(HANDLE h)
{
	return VirtualAllocEx(h, call_target, NTMM_PAGE_BYTES, MEM_COMMIT, PAGE_READWRITE);
}

static bool do_protect(HANDLE h)
{
	DWORD old;
	return VirtualProtectEx(h, call_target, NTMM_PAGE_BYTES, PAGE_READWRITE, &old);
}

static bool do_free(HANDLE h)
{
	return VirtualFreeEx(h, call_target + NTMM_PAGE_BYTES, NTMM_PAGE_BYTES, MEM_DECOMMIT);
}

static bool do_query(HANDLE h)
{
	MEMORY_BASIC_INFORMATION info;
	return VirtualQueryEx(h, call_target, &info, sizeof info);
}

static bool do_read(HANDLE h)
{
	char copy;
	return ReadProcessMemory(h, call_target, &copy, 1, NULL);
}

static bool do_write(HANDLE h)
{
	return WriteProcessMemory(h, call_target, &byte, 1, NULL);
}

static bool do_flush(HANDLE h)
{
	return FlushInstructionCache(h, NULL, 0);
}

static bool do_get_working_set(HANDLE h)
{
	SIZE_T low, high;
	return GetProcessWorkingSetSize(h, &low, &high);
}

static bool do_set_working_set(HANDLE h)
{
	return SetProcessWorkingSetSize(h, 60 * NTMM_PAGE_BYTES, 300 * NTMM_PAGE_BYTES);
}

static bool do_empty(HANDLE h)
{
	return EmptyWorkingSet(h);
}

static bool do_residency(HANDLE h)
{
	PSAPI_WORKING_SET_EX_INFORMATION entry = {.VirtualAddress = call_target};
	return QueryWorkingSetEx(h, &entry, sizeof entry);
}

static bool do_memory_info(HANDLE h)
{
	PROCESS_MEMORY_COUNTERS counters;
	return GetProcessMemoryInfo(h, &counters, sizeof counters);
}

static bool do_prefetch(HANDLE h)
{
	WIN32_MEMORY_RANGE_ENTRY range = {call_target, NTMM_PAGE_BYTES};
	return PrefetchVirtualMemory(h, 1, &range, 0);
}

static bool native(NTSTATUS status)
{
	if (status)
		SetLastError(RtlNtStatusToDosError(status));
	return !status;
}

static bool do_get_watch(HANDLE h)
{
	uint64_t written, count = 1;
	uint32_t granularity;
	return native(NtGetWriteWatch(h, 0, (uintptr_t)call_target, NTMM_PAGE_BYTES, &written,
	                              &count, &granularity));
}

static bool do_reset_watch(HANDLE h)
{
	return native(NtResetWriteWatch(h, (uintptr_t)call_target, NTMM_PAGE_BYTES));
}

static bool do_pid(HANDLE h)
{
	return GetProcessId(h);
}

static bool do_token(HANDLE h)
{
	HANDLE token;
	return OpenProcessToken(h, TOKEN_QUERY, &token) && CloseHandle(token);
}

static bool do_thread(HANDLE h)
{
	ntmm_thread *thread = ntmm_thread_create(h, NULL);
	ntmm_thread_destroy(thread);
	return thread;
}

#define QUERY PROCESS_QUERY_INFORMATION
#define QUERY_LIMITED PROCESS_QUERY_LIMITED_INFORMATION
#define SET PROCESS_SET_QUOTA
#define WRITE (PROCESS_VM_WRITE | PROCESS_VM_OPERATION)

const struct call calls[CALL_COUNT] = {
	{"VirtualAllocEx", do_alloc, PROCESS_VM_OPERATION, 0, true},
	{"VirtualProtectEx", do_protect, PROCESS_VM_OPERATION, 0, true},
	{"VirtualFreeEx", do_free, PROCESS_VM_OPERATION, 0, true},
	{"VirtualQueryEx", do_query, QUERY, QUERY_LIMITED, true},
	{"ReadProcessMemory", do_read, PROCESS_VM_READ, 0, true},
	{"WriteProcessMemory", do_write, WRITE, 0, true},
	{"FlushInstructionCache", do_flush, PROCESS_VM_WRITE, 0, true},
	{"GetProcessWorkingSetSize", do_get_working_set, QUERY, QUERY_LIMITED, true},
	{"SetProcessWorkingSetSize", do_set_working_set, SET, 0, true},
	{"EmptyWorkingSet", do_empty, QUERY | SET, QUERY_LIMITED | SET, true},
	{"QueryWorkingSetEx", do_residency, QUERY, 0, true},
	{"GetProcessMemoryInfo", do_memory_info, QUERY, QUERY_LIMITED, true},
	{"PrefetchVirtualMemory", do_prefetch, PROCESS_VM_OPERATION, 0, true},
	{"NtGetWriteWatch", do_get_watch, PROCESS_VM_OPERATION, 0, true},
	{"NtResetWriteWatch", do_reset_watch, PROCESS_VM_OPERATION, 0, true},
	{"GetProcessId", do_pid, QUERY, QUERY_LIMITED, false},
	{"OpenProcessToken", do_token, QUERY, QUERY_LIMITED, true},
	{"ntmm_thread_create", do_thread, PROCESS_CREATE_THREAD, 0, true},
};

bool call_is_enough(const struct call *call, DWORD rights)
{
	bool first = (rights & call->rights) == call->rights;
	return first || (call->or_rights && (rights & call->or_rights) == call->or_rights);
}
