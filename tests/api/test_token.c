/* SPDX-License-Identifier: MIT
 *
 * Tokens and privileges: LookupPrivilegeValue, OpenProcessToken, AdjustTokenPrivileges, and what a
 * privilege opens (G-3, VL-1, WS-5).
 */
#include "place.h"

#include <ntmm/ntapi.h>

static const LUID lock_memory = {.LowPart = 4}, debug = {.LowPart = 20},
		  working_set = {.LowPart = 33};

static HANDLE must_open(DWORD access)
{
	HANDLE token;
	assert_succeeds(OpenProcessToken(GetCurrentProcess(), access, &token));
	return token;
}

/* One privilege's new attributes; returns the last error of the success. */
static DWORD adjust(HANDLE token, LUID luid, DWORD attributes)
{
	TOKEN_PRIVILEGES state = {1, {{luid, attributes}}};
	SetLastError(UNTOUCHED);
	assert_true(AdjustTokenPrivileges(token, FALSE, &state, 0, NULL, NULL));
	return GetLastError();
}

/* What MAP_SYSTEM needs tells whether SeLockMemoryPrivilege is enabled (VL-1). */
static bool may_lock_memory(void)
{
	uint64_t base = address_in(must_commit(PAGE, PAGE_READWRITE)), size = PAGE;
	NTSTATUS status = NtLockVirtualMemory(GetCurrentProcess(), &base, &size, 2);
	assert_true(status == STATUS_SUCCESS || status == STATUS_PRIVILEGE_NOT_HELD);
	VirtualFree(at(base), 0, MEM_RELEASE);
	return !status;
}

static void test_names(void **state)
{
	(void)state;
	LUID luid = {1, 1};
	assert_succeeds(LookupPrivilegeValueA(NULL, SE_LOCK_MEMORY_NAME, &luid));
	assert_memory_equal(&luid, &lock_memory, sizeof luid);
	assert_succeeds(LookupPrivilegeValueW(NULL, u"SeDebugPrivilege", &luid));
	assert_memory_equal(&luid, &debug, sizeof luid);
	assert_succeeds(LookupPrivilegeValue(NULL, "seincreaseworkingsetprivilege", &luid));
	assert_memory_equal(&luid, &working_set, sizeof luid);
	assert_fails(LookupPrivilegeValueA(NULL, "SeNoPrivilege", &luid), ERROR_NO_SUCH_PRIVILEGE);
	assert_fails(LookupPrivilegeValueA(NULL, "", &luid), ERROR_NO_SUCH_PRIVILEGE);
	assert_fails(LookupPrivilegeValueW(NULL, u"SeDebugPrivileg\u0165", &luid),
	             ERROR_NO_SUCH_PRIVILEGE);
	assert_fails(
		LookupPrivilegeValueW(NULL,
	                              u"SeDebugPrivilegeSeDebugPrivilegeSeDebugPrivilegeSeDebug"
	                              u"PrivilegeSeDebugPrivilege",
	                              &luid),
		ERROR_NO_SUCH_PRIVILEGE);
	assert_fails(LookupPrivilegeValueA(NULL, NULL, &luid), ERROR_NOACCESS);
	assert_fails(LookupPrivilegeValueW(NULL, u"SeDebugPrivilege", NULL), ERROR_NOACCESS);
	assert_memory_equal(&luid, &working_set, sizeof luid); /* untouched by failures */
}

static void test_open(void **state)
{
	struct place *place = *state;
	HANDLE token = must_open(TOKEN_QUERY), limited, none;
	assert_succeeds(CloseHandle(token));
	assert_fails(CloseHandle(token), ERROR_INVALID_HANDLE);
	limited =
		OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, GetProcessId(place->process));
	none = OpenProcess(PROCESS_VM_READ, FALSE, GetProcessId(place->process));
	assert_succeeds(OpenProcessToken(limited, TOKEN_QUERY, &token));
	assert_succeeds(CloseHandle(token));
	assert_fails(OpenProcessToken(none, TOKEN_QUERY, &token), ERROR_ACCESS_DENIED);
	assert_fails(OpenProcessToken(limited, TOKEN_QUERY, NULL), ERROR_NOACCESS);
	CloseHandle(limited);
	CloseHandle(none);
}

static void test_enable_and_disable(void **state)
{
	(void)state;
	HANDLE token = must_open(TOKEN_ADJUST_PRIVILEGES);
	assert_false(may_lock_memory());
	assert_int_equal(adjust(token, lock_memory, SE_PRIVILEGE_ENABLED), ERROR_SUCCESS);
	assert_true(may_lock_memory());
	assert_int_equal(adjust(token, lock_memory, 0), ERROR_SUCCESS);
	assert_false(may_lock_memory());
	adjust(token, lock_memory, SE_PRIVILEGE_ENABLED);
	SetLastError(UNTOUCHED);
	assert_true(AdjustTokenPrivileges(token, TRUE, NULL, 0, NULL, NULL));
	assert_int_equal(GetLastError(), ERROR_SUCCESS);
	assert_false(may_lock_memory());
	CloseHandle(token);
}

/* Success, with a last error that says that not all was done. */
static void test_not_all_assigned(void **state)
{
	(void)state;
	HANDLE token = must_open(TOKEN_ADJUST_PRIVILEGES);
	LUID unknown = {.LowPart = 19}, far_away = {.LowPart = 4, .HighPart = 1};
	assert_int_equal(adjust(token, unknown, SE_PRIVILEGE_ENABLED), ERROR_NOT_ALL_ASSIGNED);
	assert_int_equal(adjust(token, far_away, SE_PRIVILEGE_ENABLED), ERROR_NOT_ALL_ASSIGNED);
	assert_false(may_lock_memory());

	char room[64];
	TOKEN_PRIVILEGES *two = (TOKEN_PRIVILEGES *)(void *)room;
	memcpy(two, &(TOKEN_PRIVILEGES){2, {{unknown, SE_PRIVILEGE_ENABLED}}}, sizeof *two);
	memcpy(two->Privileges + 1, &(LUID_AND_ATTRIBUTES){lock_memory, SE_PRIVILEGE_ENABLED},
	       sizeof(LUID_AND_ATTRIBUTES));
	assert_true(AdjustTokenPrivileges(token, FALSE, two, 0, NULL, NULL));
	assert_int_equal(GetLastError(), ERROR_NOT_ALL_ASSIGNED);
	assert_true(may_lock_memory()); /* the other was */
	CloseHandle(token);
}

static void test_removed_for_good(void **state)
{
	(void)state;
	HANDLE token = must_open(TOKEN_ADJUST_PRIVILEGES);
	adjust(token, lock_memory, SE_PRIVILEGE_ENABLED);
	assert_int_equal(adjust(token, lock_memory, SE_PRIVILEGE_REMOVED | SE_PRIVILEGE_ENABLED),
	                 ERROR_SUCCESS);
	assert_false(may_lock_memory());
	assert_int_equal(adjust(token, lock_memory, SE_PRIVILEGE_ENABLED), ERROR_NOT_ALL_ASSIGNED);
	assert_int_equal(adjust(token, lock_memory, SE_PRIVILEGE_REMOVED), ERROR_NOT_ALL_ASSIGNED);
	assert_true(AdjustTokenPrivileges(token, TRUE, NULL, 0, NULL, NULL));
	assert_int_equal(adjust(token, lock_memory, SE_PRIVILEGE_ENABLED), ERROR_NOT_ALL_ASSIGNED);
	assert_false(may_lock_memory());

	/* WS-5 */
	SIZE_T low, high;
	assert_succeeds(GetProcessWorkingSetSize(GetCurrentProcess(), &low, &high));
	assert_succeeds(SetProcessWorkingSetSize(GetCurrentProcess(), low + PAGE, high + PAGE));
	adjust(token, working_set, SE_PRIVILEGE_REMOVED);
	assert_fails(SetProcessWorkingSetSize(GetCurrentProcess(), low + 2 * PAGE, high + PAGE),
	             ERROR_PRIVILEGE_NOT_HELD);
	assert_succeeds(SetProcessWorkingSetSize(GetCurrentProcess(), low, high));
	CloseHandle(token);
}

static void test_previous(void **state)
{
	(void)state;
	HANDLE token = must_open(TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY);
	TOKEN_PRIVILEGES enable = {1, {{lock_memory, SE_PRIVILEGE_ENABLED}}},
			 previous = {9, {{debug, 9}}};
	DWORD needed = 0;

	/* Too small: nothing is adjusted, and the size is told. */
	assert_fails(AdjustTokenPrivileges(token, FALSE, &enable, sizeof previous - 1, &previous,
	                                   &needed),
	             ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(needed, sizeof previous);
	assert_int_equal(previous.PrivilegeCount, 9);
	assert_false(may_lock_memory());

	assert_true(
		AdjustTokenPrivileges(token, FALSE, &enable, sizeof previous, &previous, &needed));
	assert_int_equal(GetLastError(), ERROR_SUCCESS);
	assert_int_equal(needed, sizeof previous);
	assert_int_equal(previous.PrivilegeCount, 1);
	assert_memory_equal(&previous.Privileges[0].Luid, &lock_memory, sizeof lock_memory);
	assert_int_equal(previous.Privileges[0].Attributes, 0);
	assert_true(may_lock_memory());

	/* What does not change is not told. */
	TOKEN_PRIVILEGES again = {9, {{debug, 9}}};
	assert_true(AdjustTokenPrivileges(token, FALSE, &enable, sizeof again, &again, &needed));
	assert_int_equal(again.PrivilegeCount, 0);

	/* The previous state restores. */
	assert_true(AdjustTokenPrivileges(token, FALSE, &previous, sizeof again, &again, &needed));
	assert_false(may_lock_memory());
	assert_int_equal(again.PrivilegeCount, 1);
	assert_int_equal(again.Privileges[0].Attributes, SE_PRIVILEGE_ENABLED);
	CloseHandle(token);
}

static void test_rights(void **state)
{
	(void)state;
	TOKEN_PRIVILEGES enable = {1, {{lock_memory, SE_PRIVILEGE_ENABLED}}}, previous;
	DWORD needed;
	HANDLE query = must_open(TOKEN_QUERY), change = must_open(TOKEN_ADJUST_PRIVILEGES);
	assert_fails(AdjustTokenPrivileges(query, FALSE, &enable, 0, NULL, NULL),
	             ERROR_ACCESS_DENIED);
	assert_fails(
		AdjustTokenPrivileges(change, FALSE, &enable, sizeof previous, &previous, &needed),
		ERROR_ACCESS_DENIED); /* to be told the previous state is a query */
	assert_fails(AdjustTokenPrivileges(GetCurrentProcess(), FALSE, &enable, 0, NULL, NULL),
	             ERROR_INVALID_HANDLE);
	assert_false(may_lock_memory());
	CloseHandle(query);
	CloseHandle(change);
}

static void test_pointers(void **state)
{
	(void)state;
	TOKEN_PRIVILEGES enable = {1, {{lock_memory, SE_PRIVILEGE_ENABLED}}}, previous;
	DWORD needed;
	HANDLE token = must_open(TOKEN_ALL_ACCESS);
	assert_fails(AdjustTokenPrivileges(token, FALSE, NULL, 0, NULL, NULL),
	             ERROR_INVALID_PARAMETER);
	assert_fails(AdjustTokenPrivileges(token, FALSE, at(PAGE), 0, NULL, NULL), ERROR_NOACCESS);
	assert_fails(AdjustTokenPrivileges(token, FALSE, &enable, sizeof previous, &previous, NULL),
	             ERROR_NOACCESS);
	assert_fails(
		AdjustTokenPrivileges(token, FALSE, &enable, sizeof previous, at(PAGE), &needed),
		ERROR_NOACCESS);
	assert_false(may_lock_memory());
	CloseHandle(token);
}

/* Privileges are a process's: not another's, nor gone with a handle. */
static void test_of_one_process(void **state)
{
	struct place *place = *state;
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT32_2GB), token;
	assert_succeeds(OpenProcessToken(other, TOKEN_ALL_ACCESS, &token));
	assert_int_equal(adjust(token, lock_memory, SE_PRIVILEGE_ENABLED), ERROR_SUCCESS);
	CloseHandle(token);
	assert_false(may_lock_memory());
	token = must_open(TOKEN_ALL_ACCESS);
	adjust(token, lock_memory, SE_PRIVILEGE_ENABLED);
	CloseHandle(token);
	assert_true(may_lock_memory());
	CloseHandle(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_names),
		place_test(test_open),
		place_test(test_enable_and_disable),
		place_test(test_not_all_assigned),
		place_test(test_removed_for_good),
		place_test(test_previous),
		place_test(test_rights),
		place_test(test_pointers),
		place_test(test_of_one_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
