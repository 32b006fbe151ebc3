/* SPDX-License-Identifier: MIT
 *
 * The AWE calls over an engine that does nothing: what they refuse, and what they ask of it.
 */
#include "null_engine.h"

#define PAGE UINT64_C(0x1000)

static void arguments_first(void **state) /* G-6, AW-2, AW-7 */
{
	uint64_t frames[2] = {1, 2}, count = 2;
	(void)state;
	assert_status(NtAllocateUserPhysicalPages(NULL, NULL, frames), STATUS_ACCESS_VIOLATION);
	assert_status(NtAllocateUserPhysicalPages(NULL, &count, NULL), STATUS_ACCESS_VIOLATION);
	assert_status(NtAllocateUserPhysicalPages(NULL, &count, frames), STATUS_INVALID_HANDLE);
	assert_status(NtAllocateUserPhysicalPages(process, &count, frames),
	              STATUS_PRIVILEGE_NOT_HELD);
	assert_int_equal(null_calls(OP_PHYSICAL_ALLOCATE), 0);
	assert_status(NtFreeUserPhysicalPages(NULL, &count, frames), STATUS_INVALID_HANDLE);
	assert_int_equal(count, 2);
	assert_ok(NtFreeUserPhysicalPages(process, &count, frames)); /* needs no privilege */
	assert_int_equal(null_call(OP_PHYSICAL_FREE, 0)->range.end, 2);
}

static void how_many_were_freed(void **state) /* AW-7 */
{
	uint64_t frames[3] = {1, 2, 3}, count = 3;
	(void)state;
	null->answer = STATUS_CONFLICTING_ADDRESSES;
	null->copied = 1;
	assert_status(NtFreeUserPhysicalPages(process, &count, frames),
	              STATUS_CONFLICTING_ADDRESSES);
	assert_int_equal(count, 1);
}

/* VF-36: the engine is told of a window that goes, though no page of it is committed. */
static void window_is_charged_and_returned(void **state)
{
	uint64_t before = null_ledger.total;
	(void)state;
	assert_ok(alloc(PLACE, 2 << 21, MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE));
	assert_int_equal(null_ledger.total, before + 2 + 1 + 1); /* tables of three levels */
	null_forget();
	assert_ok(release(PLACE, 0));
	assert_int_equal(null_calls(OP_DECOMMIT), 1);
	assert_int_equal(null_ledger.total, before);
}

static void large_pages_that_cannot_be_had(void **state) /* LP-7 */
{
	uint64_t before = null_ledger.total;
	struct process *p;
	(void)state;
	assert_ok(process_reference(process, PROCESS_ALL_ACCESS, &p));
	p->privileges |= 3u << 2 * PRIVILEGE_LOCK_MEMORY;
	process_release(p);
	null->answer = STATUS_INSUFFICIENT_RESOURCES;
	assert_status(alloc(0, 2 << 21, RC | MEM_LARGE_PAGES, PAGE_READWRITE),
	              STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(null_ledger.total, before);
	assert_int_equal(null_calls(OP_LARGE_COMMIT), 1);
	null->answer = STATUS_SUCCESS;
	assert_ok(alloc(PLACE, 2 << 21, RC | MEM_LARGE_PAGES, PAGE_EXECUTE_READ));
	assert_region(PLACE, MEM_COMMIT, PAGE_EXECUTE_READWRITE, 2 << 21); /* LP-6 */
	assert_int_equal(null_calls(OP_PROTECT), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NULL_TEST(arguments_first),
		NULL_TEST(how_many_were_freed),
		NULL_TEST(window_is_charged_and_returned),
		NULL_TEST(large_pages_that_cannot_be_had),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
