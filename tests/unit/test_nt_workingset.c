/* SPDX-License-Identifier: MIT
 *
 * Working-set limits (WS-2 to WS-8).
 */
#include "null_engine.h"

#include "object/token.h"

#define PAGES(n) ((n) * UINT64_C(0x1000))
#define HARD_MINIMUM QUOTA_LIMITS_HARDWS_MIN_ENABLE
#define HARD_MAXIMUM QUOTA_LIMITS_HARDWS_MAX_ENABLE

static NTSTATUS set(uint64_t minimum, uint64_t maximum, uint32_t flags)
{
	return nt_set_working_set_limits(process, minimum, maximum, flags);
}

static void flags_are_checked(void **state) /* WS-6 */
{
	(void)state;
	assert_status(set(PAGES(50), PAGES(100), 0x10), STATUS_INVALID_PARAMETER);
	assert_status(set(PAGES(50), PAGES(100), 3), STATUS_INVALID_PARAMETER);
	assert_status(set(PAGES(50), PAGES(100), 0xC), STATUS_INVALID_PARAMETER);
	assert_status(set(UINT64_MAX, UINT64_MAX, 3), STATUS_INVALID_PARAMETER);
	assert_int_equal(null_calls(OP_SET_LIMITS), 0);
}

static void limits_are_checked(void **state) /* WS-4 */
{
	(void)state;
	assert_status(set(0, PAGES(100), 0), STATUS_BAD_WORKING_SET_LIMIT);
	assert_status(set(PAGES(50), 0, 0), STATUS_BAD_WORKING_SET_LIMIT);
	assert_status(set(0, 0, 0), STATUS_BAD_WORKING_SET_LIMIT);
	assert_status(set(PAGES(51), PAGES(50), 0), STATUS_BAD_WORKING_SET_LIMIT);
	assert_status(set(PAGES(1), PAGES(13) - 1, 0), STATUS_BAD_WORKING_SET_LIMIT);
	assert_int_equal(null_calls(OP_SET_LIMITS), 0);
	assert_ok(set(1, PAGES(100) - 1, 0));
	assert_int_equal(null->limits.minimum, 20);
	assert_int_equal(null->limits.maximum, 100);
	assert_ok(set(PAGES(1), PAGES(13), 0));
	assert_int_equal(null->limits.minimum, 20);
	assert_int_equal(null->limits.maximum, 20);
}

static void flags_stay_unless_named(void **state) /* WS-3, WS-6 */
{
	(void)state;
	assert_ok(set(PAGES(50), PAGES(100), 0));
	assert_int_equal(null->limits.flags, NULL_SOFT);
	assert_ok(set(PAGES(50), PAGES(100), HARD_MINIMUM));
	assert_int_equal(null->limits.flags, HARD_MINIMUM | QUOTA_LIMITS_HARDWS_MAX_DISABLE);
	assert_ok(set(PAGES(50), PAGES(100), HARD_MAXIMUM));
	assert_ok(set(PAGES(50), PAGES(100), 0));
	assert_int_equal(null->limits.flags, HARD_MINIMUM | HARD_MAXIMUM);
	assert_ok(set(PAGES(50), PAGES(100), NULL_SOFT));
	assert_int_equal(null->limits.flags, NULL_SOFT);
}

static void raising_needs_privilege(void **state) /* WS-5 */
{
	struct process *p;
	(void)state;
	assert_ok(process_reference(process, 0, &p));
	p->privileges = privilege_with(p->privileges, PRIVILEGE_INCREASE_WORKING_SET, 0);
	process_release(p);
	assert_status(set(PAGES(51), PAGES(345), 0), STATUS_PRIVILEGE_NOT_HELD);
	assert_status(set(PAGES(50), PAGES(346), 0), STATUS_PRIVILEGE_NOT_HELD);
	assert_ok(set(PAGES(50), PAGES(345), 0));
	assert_ok(set(PAGES(40), PAGES(300), 0));
	assert_status(set(PAGES(50), PAGES(300), 0), STATUS_PRIVILEGE_NOT_HELD);
}

static void promise_is_the_engines(void **state) /* WS-4 */
{
	(void)state;
	null->answer = STATUS_INSUFFICIENT_RESOURCES;
	assert_status(set(PAGES(100000), PAGES(100000), 0), STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(null->limits.minimum, 50);
}

static void both_minus_one_empties(void **state) /* WS-3, WS-8 */
{
	(void)state;
	assert_ok(set(UINT64_MAX, UINT64_MAX, 0));
	assert_ok(nt_empty_working_set(process));
	assert_int_equal(null_calls(OP_EMPTY), 2);
	assert_int_equal(null_calls(OP_SET_LIMITS), 0);
}

static void limits_read_back(void **state) /* WS-2 */
{
	uint64_t minimum, maximum;
	uint32_t flags;
	(void)state;
	assert_ok(nt_get_working_set_limits(process, &minimum, &maximum, &flags));
	assert_int_equal(minimum, 0x32000);
	assert_int_equal(maximum, 0x159000);
	assert_int_equal(flags, NULL_SOFT);
	assert_status(nt_get_working_set_limits(NULL, &minimum, &maximum, NULL),
	              STATUS_ACCESS_VIOLATION);
	assert_status(nt_get_working_set_limits(NULL, &minimum, &maximum, &flags),
	              STATUS_INVALID_HANDLE);
}

static void rights(void **state) /* G-4, WS-8 */
{
	uint64_t minimum, maximum;
	uint32_t flags;
	HANDLE quota, asks;
	(void)state;
	assert_ok(NtOpenProcess(&quota, PROCESS_SET_QUOTA, GetProcessId(process)));
	assert_ok(NtOpenProcess(&asks, PROCESS_QUERY_INFORMATION, GetProcessId(process)));
	assert_ok(nt_set_working_set_limits(quota, PAGES(50), PAGES(100), 0));
	assert_status(nt_empty_working_set(quota), STATUS_ACCESS_DENIED);
	assert_status(nt_get_working_set_limits(quota, &minimum, &maximum, &flags),
	              STATUS_ACCESS_DENIED);
	assert_status(nt_set_working_set_limits(asks, PAGES(50), PAGES(100), 0),
	              STATUS_ACCESS_DENIED);
	assert_ok(nt_get_working_set_limits(asks, &minimum, &maximum, &flags));
	assert_ok(NtClose(quota));
	assert_ok(NtClose(asks));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NULL_TEST(flags_are_checked),
		NULL_TEST(limits_are_checked),
		NULL_TEST(flags_stay_unless_named),
		NULL_TEST(raising_needs_privilege),
		NULL_TEST(promise_is_the_engines),
		NULL_TEST(both_minus_one_empties),
		NULL_TEST(limits_read_back),
		NULL_TEST(rights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
