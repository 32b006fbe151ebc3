/* SPDX-License-Identifier: MIT
 *
 * Prefetch, offer, reclaim, discard, and flushing the instruction cache (rules PF, OF, FI).
 */
#include "null_engine.h"

#define HIGHEST UINT64_C(0x7FFFFFFEFFFF)
#define SHARED_PAGE UINT64_C(0x7FFE0000)

static const uint32_t no_flags;

static NTSTATUS prefetch(HANDLE handle, uint64_t count, const MEMORY_RANGE_ENTRY *ranges)
{
	return NtSetInformationVirtualMemory(handle, VmPrefetchInformation, count, ranges,
	                                     &no_flags, 4);
}

static void prefetch_checks_in_order(void **state) /* PF-2, PF-4 */
{
	MEMORY_RANGE_ENTRY empty[2] = {{PLACE, 1}, {PLACE, 0}}, one = {PLACE, 1};
	uint32_t flags = 1;
	(void)state;
	assert_status(NtSetInformationVirtualMemory(NULL, 1, 0, NULL, NULL, 0),
	              STATUS_INVALID_PARAMETER_2);
	assert_status(NtSetInformationVirtualMemory(NULL, 0, 0, NULL, NULL, 0),
	              STATUS_INVALID_PARAMETER_5);
	assert_status(NtSetInformationVirtualMemory(NULL, 0, 0, NULL, &no_flags, 8),
	              STATUS_INVALID_PARAMETER_6);
	assert_status(prefetch(NULL, 0, NULL), STATUS_INVALID_PARAMETER_3);
	assert_status(prefetch(NULL, 1, NULL), STATUS_ACCESS_VIOLATION);
	assert_status(prefetch(NULL, UINT64_MAX, &one), STATUS_ACCESS_VIOLATION);
	assert_status(prefetch(NULL, UINT64_C(1) << 60, &one), STATUS_ACCESS_VIOLATION);
	assert_status(prefetch(NULL, 2, empty), STATUS_INVALID_PARAMETER_4);
	assert_status(NtSetInformationVirtualMemory(NULL, 0, 1, &one, &flags, 4),
	              STATUS_INVALID_PARAMETER_5);
	assert_status(prefetch(NULL, 1, &one), STATUS_INVALID_HANDLE);
}

static void prefetch_passes_over_holes(void **state) /* PF-1, PF-3 */
{
	MEMORY_RANGE_ENTRY ranges[] = {
		{0, 1}, {HIGHEST + 1, 1}, {UINT64_MAX, 2}, {PLACE + 1, UINT64_MAX}};
	(void)state;
	assert_ok(alloc(PLACE, K64, MEM_RESERVE, PAGE_READWRITE));
	assert_ok(alloc(PLACE + 0x2000, 0x3000, MEM_COMMIT, PAGE_READWRITE));
	assert_ok(alloc(PLACE + 4 * K64, 0x2000, RC, PAGE_READONLY));
	assert_ok(nt_offer(process, PLACE + 0x2000, 0x1000, 1));
	null_forget();
	assert_ok(prefetch(process, 4, ranges));
	assert_int_equal(null_call(OP_PREFETCH, 0)->range.start, page_of(PLACE) + 3);
	assert_int_equal(null_call(OP_PREFETCH, 0)->range.end, page_of(PLACE) + 5);
	assert_int_equal(range_pages(null_call(OP_PREFETCH, 1)->range), 2);
	assert_int_equal(null_call(OP_PREFETCH, 2)->range.start, page_of(SHARED_PAGE));
	assert_int_equal(null_calls(OP_PREFETCH), 3);
}

static void flush_checks(void **state) /* FI-1 to FI-4 */
{
	HANDLE weak;
	(void)state;
	assert_ok(NtFlushInstructionCache(process, 0, 0));
	assert_ok(NtFlushInstructionCache(process, 0, 0x1000));
	assert_ok(NtFlushInstructionCache(process, PLACE, 0x1000)); /* free */
	assert_ok(NtFlushInstructionCache(NULL, UINT64_MAX, 0));
	assert_status(NtFlushInstructionCache(NULL, HIGHEST + 1, 1), STATUS_ACCESS_VIOLATION);
	assert_status(NtFlushInstructionCache(NULL, PLACE, 1), STATUS_INVALID_HANDLE);
	assert_ok(NtOpenProcess(&weak, PROCESS_VM_OPERATION, GetProcessId(process)));
	assert_status(NtFlushInstructionCache(weak, PLACE, 1), STATUS_ACCESS_DENIED);
	assert_ok(NtClose(weak));
}

static void offer_is_checked(void **state) /* OF-2 */
{
	bool intact;
	(void)state;
	assert_ok(alloc(PLACE, K64, MEM_RESERVE, PAGE_READWRITE));
	assert_ok(alloc(PLACE, 0x2000, MEM_COMMIT, PAGE_READWRITE));
	assert_status(nt_offer(process, PLACE, 0x1000, 0), STATUS_INVALID_PARAMETER);
	assert_status(nt_offer(process, PLACE, 0x1000, 5), STATUS_INVALID_PARAMETER);
	assert_status(nt_offer(process, PLACE + 1, 0x1000, 1), STATUS_INVALID_PARAMETER);
	assert_status(nt_offer(process, PLACE, 0x1001, 1), STATUS_INVALID_PARAMETER);
	assert_status(nt_offer(process, PLACE, 0, 1), STATUS_INVALID_PARAMETER);
	assert_status(nt_offer(process, HIGHEST + 1, 0x1000, 1), STATUS_INVALID_PARAMETER);
	assert_status(nt_offer(process, PLACE, UINT64_MAX - 0xFFF, 1), STATUS_INVALID_PARAMETER);
	assert_status(nt_offer(process, PLACE, 0x3000, 1), STATUS_INVALID_PARAMETER);
	assert_status(nt_offer(process, PLACE + K64, 0x1000, 1), STATUS_INVALID_PARAMETER);
	assert_status(nt_offer(process, SHARED_PAGE, 0x1000, 1), STATUS_INVALID_PAGE_PROTECTION);
	assert_status(nt_reclaim(process, PLACE, 0x3000, &intact), STATUS_INVALID_PARAMETER);
	assert_status(nt_discard(process, PLACE, 0x3000), STATUS_INVALID_PARAMETER);
	assert_status(nt_offer(NULL, PLACE, 0x1000, 1), STATUS_INVALID_HANDLE);
	assert_int_equal(null_calls(OP_OFFER), 0);
}

static void offer_and_reclaim(void **state) /* OF-3, OF-4 */
{
	bool intact = false;
	(void)state;
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE));
	assert_ok(protect(PLACE + 0x2000, 0x1000, PAGE_READONLY));
	assert_ok(nt_offer(process, PLACE + 0x1000, 0x3000, 2));
	assert_int_equal(null_call(OP_OFFER, 0)->number, 2);
	assert_true(runs_at(&null->space.runs, page_of(PLACE) + 2).attr & ATTR_OFFERED);
	assert_ok(nt_reclaim(process, PLACE, 0x3000, &intact));
	assert_true(intact);
	assert_int_equal(null_calls(OP_RECLAIM), 2); /* of each run that was offered */
	assert_false(runs_at(&null->space.runs, page_of(PLACE) + 2).attr & ATTR_OFFERED);
	assert_true(runs_at(&null->space.runs, page_of(PLACE) + 3).attr & ATTR_OFFERED);
	null->lossy = true;
	assert_ok(nt_reclaim(process, PLACE, 0x1000, &intact)); /* was never offered */
	assert_true(intact);
	assert_ok(nt_reclaim(process, PLACE, K64, &intact));
	assert_false(intact);
	assert_region(PLACE + 0x2000, MEM_COMMIT, PAGE_READONLY, 0x1000);
}

static void commit_and_protect_take_back(void **state) /* OF-3 */
{
	(void)state;
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE));
	assert_ok(nt_offer(process, PLACE, K64, 1));
	assert_ok(protect(PLACE, 0x1000, PAGE_READWRITE)); /* the protection that it had */
	assert_int_equal(null_calls(OP_RECLAIM), 1);
	assert_false(runs_at(&null->space.runs, page_of(PLACE)).attr & ATTR_OFFERED);
	assert_ok(alloc(PLACE + 0x1000, 0x1000, MEM_COMMIT, PAGE_READONLY));
	assert_int_equal(null_calls(OP_RECLAIM), 2);
	assert_int_equal(range_pages(null_call(OP_RECLAIM, 1)->range), 1);
	assert_true(runs_at(&null->space.runs, page_of(PLACE) + 2).attr & ATTR_OFFERED);
	assert_ok(decommit(PLACE, 0));
	assert_int_equal(null_calls(OP_RECLAIM), 2);
}

static void discard(void **state) /* OF-5 */
{
	(void)state;
	assert_ok(alloc(PLACE, K64, RC, PAGE_READWRITE));
	assert_ok(nt_discard(process, PLACE, 0x2000));
	assert_int_equal(range_pages(null_call(OP_DISCARD, 0)->range), 2);
	assert_ok(protect(PLACE, 0x1000, PAGE_READONLY));
	assert_status(nt_discard(process, PLACE, 0x2000), STATUS_INVALID_PARAMETER);
	assert_ok(nt_offer(process, PLACE + 0x2000, 0x1000, 1));
	assert_status(nt_discard(process, PLACE + 0x1000, 0x2000), STATUS_INVALID_PARAMETER);
	assert_int_equal(null_calls(OP_DISCARD), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NULL_TEST(prefetch_checks_in_order),
		NULL_TEST(prefetch_passes_over_holes),
		NULL_TEST(flush_checks),
		NULL_TEST(offer_is_checked),
		NULL_TEST(offer_and_reclaim),
		NULL_TEST(commit_and_protect_take_back),
		NULL_TEST(discard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
