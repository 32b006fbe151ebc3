/* SPDX-License-Identifier: MIT
 *
 * NtLockVirtualMemory and NtUnlockVirtualMemory: what is checked before the engine is asked (rules
 * VL).
 */
#include "null_engine.h"

#include "object/token.h"

#define HIGHEST UINT64_C(0x7FFFFFFEFFFF)

typedef NTSTATUS lock_function(HANDLE, uint64_t *, uint64_t *, uint32_t);

static NTSTATUS call(lock_function *f, uint64_t base, uint64_t size, uint32_t map_type)
{
	return f(process, &base, &size, map_type);
}

static void check_arguments(lock_function *f)
{
	uint64_t base = UINT64_MAX, size = 1;
	assert_status(f(NULL, NULL, NULL, 0), STATUS_INVALID_PARAMETER);
	assert_status(f(NULL, NULL, NULL, 4), STATUS_INVALID_PARAMETER);
	assert_status(f(NULL, NULL, &size, 1), STATUS_ACCESS_VIOLATION);
	assert_status(f(NULL, &base, NULL, 1), STATUS_ACCESS_VIOLATION);
	assert_status(f(NULL, &base, &size, 1), STATUS_INVALID_PARAMETER);
	assert_status(call(f, PLACE, 0, 1), STATUS_INVALID_PARAMETER);
	assert_status(call(f, PLACE, UINT64_MAX, 1), STATUS_INVALID_PARAMETER);
	assert_status(call(f, HIGHEST, 2, 1), STATUS_INVALID_PARAMETER);
	base = PLACE;
	assert_status(f(NULL, &base, &size, 1), STATUS_INVALID_HANDLE);
	assert_status(f(NULL, &base, &size, MAP_SYSTEM), STATUS_INVALID_HANDLE);
}

static void arguments_of_lock(void **state) /* VL-1, VL-2 */
{
	(void)state;
	check_arguments(NtLockVirtualMemory);
	assert_status(call(NtLockVirtualMemory, PLACE, 1, 1), STATUS_ACCESS_VIOLATION); /* VL-3 */
	assert_int_equal(null_calls(OP_LOCK), 0);
}

static void arguments_of_unlock(void **state) /* VL-20 */
{
	(void)state;
	check_arguments(NtUnlockVirtualMemory);
	assert_status(call(NtUnlockVirtualMemory, PLACE, 1, 1), STATUS_NOT_LOCKED); /* VL-21 */
	assert_int_equal(null_calls(OP_UNLOCK), 0);
}

static void range_may_span_allocations_but_no_hole(void **state) /* VL-3, VL-21 */
{
	(void)state;
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE));
	assert_ok(alloc(PLACE + K64, 0xF000, MEM_RESERVE, PAGE_READWRITE));
	assert_ok(call(NtLockVirtualMemory, PLACE + 0xFFFF, 2, MAP_PROCESS));
	assert_int_equal(range_pages(null_call(OP_LOCK, 0)->range), 2);
	assert_int_equal(null_call(OP_LOCK, 0)->number, MAP_PROCESS);
	assert_status(call(NtLockVirtualMemory, PLACE, 2 * K64, MAP_PROCESS),
	              STATUS_ACCESS_VIOLATION);
	assert_ok(call(NtUnlockVirtualMemory, PLACE, 0x1F000, MAP_PROCESS));
	assert_status(call(NtUnlockVirtualMemory, PLACE, 2 * K64, MAP_PROCESS), STATUS_NOT_LOCKED);
	assert_int_equal(null_calls(OP_LOCK), 1);
	assert_int_equal(null_calls(OP_UNLOCK), 1);
}

static void answer_is_the_engines(void **state) /* VL-7, VL-9, G-8 */
{
	uint64_t base = PLACE + 1, size = 0x1000;
	(void)state;
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE));
	null->answer = STATUS_WORKING_SET_QUOTA;
	assert_status(NtLockVirtualMemory(process, &base, &size, MAP_PROCESS),
	              STATUS_WORKING_SET_QUOTA);
	null->answer = STATUS_GUARD_PAGE_VIOLATION;
	assert_status(NtLockVirtualMemory(process, &base, &size, MAP_PROCESS),
	              STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(base, PLACE + 1);
	null->answer = STATUS_WAS_LOCKED;
	assert_status(NtLockVirtualMemory(process, &base, &size, MAP_PROCESS), STATUS_WAS_LOCKED);
	assert_int_equal(base, PLACE);
	assert_int_equal(size, 0x2000);
	null->answer = STATUS_NOT_LOCKED;
	assert_status(NtUnlockVirtualMemory(process, &base, &size, MAP_PROCESS), STATUS_NOT_LOCKED);
}

static void system_lock_needs_privilege(void **state) /* VL-1 */
{
	struct process *p;
	(void)state;
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE));
	assert_status(call(NtLockVirtualMemory, PLACE, 1, MAP_SYSTEM), STATUS_PRIVILEGE_NOT_HELD);
	assert_status(call(NtUnlockVirtualMemory, PLACE, 1, MAP_SYSTEM | MAP_PROCESS),
	              STATUS_PRIVILEGE_NOT_HELD);
	assert_ok(process_reference(process, 0, &p));
	p->privileges = privilege_with(p->privileges, PRIVILEGE_LOCK_MEMORY,
	                               PRIVILEGE_HELD | PRIVILEGE_ENABLED);
	process_release(p);
	assert_ok(call(NtLockVirtualMemory, PLACE, 1, MAP_SYSTEM | MAP_PROCESS));
	assert_int_equal(null_call(OP_LOCK, 0)->number, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NULL_TEST(arguments_of_lock),
		NULL_TEST(arguments_of_unlock),
		NULL_TEST(range_may_span_allocations_but_no_hole),
		NULL_TEST(answer_is_the_engines),
		NULL_TEST(system_lock_needs_privilege),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
