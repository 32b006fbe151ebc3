/* SPDX-License-Identifier: MIT
 *
 * Stacks: rules ST.
 */
#include "place.h"

static ntmm_thread *with_stack(struct place *place, uint64_t reserve, uint64_t commit)
{
	ntmm_thread_options options = {.size = sizeof options,
	                               .flags = NTMM_THREAD_STACK,
	                               .stack_reserve = reserve,
	                               .stack_commit = commit};
	ntmm_thread *thread = ntmm_thread_create(place->process, &options);
	assert_non_null(thread);
	return thread;
}

static ntmm_thread_stack stack_of(const ntmm_thread *thread)
{
	ntmm_thread_stack stack = {.size = sizeof stack};
	assert_int_equal(ntmm_thread_get_stack(thread, &stack), STATUS_SUCCESS);
	return stack;
}

/* ST-1, VQ-19: reserved, guard, committed, from low to high, in one allocation. */
static void three_runs(void **state)
{
	struct place *place = *state;
	ntmm_thread *thread = with_stack(place, 0x40000, 0x3000);
	ntmm_thread_stack s = stack_of(thread);
	MEMORY_BASIC_INFORMATION low, guard, high;
	assert_int_equal(s.base - s.deallocation, 0x40000);
	assert_int_equal(s.base - s.limit, 0x3000);
	VirtualQuery(at(s.deallocation), &low, sizeof low);
	VirtualQuery(at(s.limit - PAGE), &guard, sizeof guard);
	VirtualQuery(at(s.limit), &high, sizeof high);
	assert_int_equal(low.State, MEM_RESERVE);
	assert_int_equal(low.AllocationProtect, PAGE_READWRITE);
	assert_int_equal(low.RegionSize, 0x40000 - 0x4000);
	assert_int_equal(guard.Protect, PAGE_READWRITE | PAGE_GUARD);
	assert_int_equal(guard.RegionSize, PAGE);
	assert_int_equal(high.Protect, PAGE_READWRITE);
	assert_int_equal(high.RegionSize, 0x3000);
	assert_ptr_equal(high.AllocationBase, at(s.deallocation));
	ntmm_thread_destroy(thread);
	VirtualQuery(at(s.deallocation), &low, sizeof low);
	assert_int_equal(low.State, MEM_FREE);
}

/* ST-2: defaults, roundings, a commit above the reserve. */
static void sizes(void **state)
{
	struct place *place = *state;
	static const uint64_t table[][3] = {{0, 0, 0x100000},
	                                    {0x20000, 0x20000, 0x100000},
	                                    {0x3FF000, 0, 0x400000},
	                                    {0x10001, 0, 0x20000}};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		ntmm_thread *thread = with_stack(place, table[i][0], table[i][1]);
		ntmm_thread_stack s = stack_of(thread);
		assert_int_equal(s.base - s.deallocation, table[i][2]);
		assert_true(s.base - s.limit >= 2 * PAGE);
		ntmm_thread_destroy(thread);
	}
}

/* ST-3: page after page, down to the end, and no exception is seen; ST-6: then STATUS_STACK_OVERFLOW, once,
 * with room for the handler; the lowest page stays reserved. */
static void growth_and_overflow(void **state)
{
	struct place *place = *state;
	ntmm_thread *thread = with_stack(place, 0x20000, 0);
	ntmm_thread_stack s = stack_of(thread);
	uint64_t address = s.base - PAGE, last = 0;
	while (ntmm_store64(thread, address, address)) {
		last = address;
		address -= PAGE;
	}
	const EXCEPTION_RECORD *e = ntmm_thread_exception(thread);
	assert_int_equal((NTSTATUS)e->ExceptionCode, STATUS_STACK_OVERFLOW);
	assert_int_equal(e->NumberParameters, 2);
	assert_int_equal(e->ExceptionInformation[0], 1);
	assert_int_equal(e->ExceptionInformation[1], address);
	assert_int_equal(last - address, PAGE);
	assert_int_equal(address, s.deallocation + PAGE);
	assert_int_equal(stack_of(thread).limit, s.deallocation + PAGE);
	assert_true(ntmm_store64(thread, address, 1)); /* the former guard is usable */
	assert_false(ntmm_store64(thread, s.deallocation, 1));
	assert_int_equal((NTSTATUS)ntmm_thread_exception(thread)->ExceptionCode,
	                 STATUS_ACCESS_VIOLATION);
	for (uint64_t a = s.base - PAGE; a > address; a -= PAGE) {
		uint64_t value = 0;
		assert_true(ntmm_load64(thread, a, &value));
		assert_int_equal(value, a);
	}
	ntmm_thread_destroy(thread);
}

/* ST-4: skipping the guard is an ordinary violation. */
static void skipping(void **state)
{
	struct place *place = *state;
	ntmm_thread *thread = with_stack(place, 0x20000, 0);
	ntmm_thread_stack s = stack_of(thread);
	assert_false(ntmm_store8(thread, s.limit - 2 * PAGE, 1));
	assert_int_equal((NTSTATUS)ntmm_thread_exception(thread)->ExceptionCode,
	                 STATUS_ACCESS_VIOLATION);
	ntmm_thread_destroy(thread);
}

/* GP-12: only the owner's touch grows it; another thread's consumes the guard. */
static void another_thread(void **state)
{
	struct place *place = *state;
	ntmm_thread *thread = with_stack(place, 0x20000, 0);
	ntmm_thread_stack s = stack_of(thread);
	assert_int_equal(store_raises(place, at(s.limit - 8)), STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(stack_of(thread).limit, s.limit);
	ntmm_thread_destroy(thread);
}

/* ST-5: a guard inside the committed part moves StackLimit up; taking it away does not move it back. */
static void guard_inside(void **state)
{
	struct place *place = *state;
	ntmm_thread *thread = with_stack(place, 0x20000, 0x8000);
	ntmm_thread_stack s = stack_of(thread);
	uint64_t page = s.base - 3 * PAGE;
	must_protect(at(page), PAGE, PAGE_READWRITE | PAGE_GUARD);
	assert_int_equal(stack_of(thread).limit, page + PAGE);
	must_protect(at(page), PAGE, PAGE_READWRITE);
	assert_int_equal(stack_of(thread).limit, page + PAGE);
	ntmm_thread_destroy(thread);
}

/* ST-7: what the guarantee keeps is there when the overflow comes. */
static void guarantee(void **state)
{
	struct place *place = *state;
	ntmm_thread *thread = with_stack(place, 0x20000, 0);
	ntmm_thread_stack s = stack_of(thread);
	assert_int_equal(ntmm_thread_set_stack_guarantee(thread, 4 * PAGE - 1), STATUS_SUCCESS);
	assert_int_equal(stack_of(thread).guarantee, 4 * PAGE);
	uint64_t address = s.base - PAGE;
	while (ntmm_store8(thread, address, 1))
		address -= PAGE;
	assert_int_equal((NTSTATUS)ntmm_thread_exception(thread)->ExceptionCode,
	                 STATUS_STACK_OVERFLOW);
	assert_int_equal(address, s.deallocation + 5 * PAGE);
	for (; address > s.deallocation; address -= PAGE)
		assert_true(ntmm_store8(thread, address, 1));
	ntmm_thread_destroy(thread);
}

/* ST-8: no commit left to grow with is an overflow as well. */
static void no_commit(void **state)
{
	(void)state;
	struct place place = {.machine = place_machine(1 << 20, 0)};
	place_enter(&place, NTMM_LAYOUT_NT32_2GB);
	ntmm_thread *thread = with_stack(&place, 0x20000, 0);
	ntmm_thread_stack s = stack_of(thread);
	char *base = VirtualAlloc(NULL, 1 << 20, MEM_RESERVE, PAGE_READWRITE);
	while (VirtualAlloc(base, PAGE, MEM_COMMIT, PAGE_READWRITE))
		base += PAGE;
	assert_int_equal(GetLastError(), ERROR_COMMITMENT_LIMIT);
	assert_false(ntmm_store8(thread, s.limit - 1, 1));
	assert_int_equal((NTSTATUS)ntmm_thread_exception(thread)->ExceptionCode,
	                 STATUS_STACK_OVERFLOW);
	assert_true(ntmm_store8(thread, s.limit - 1, 1));
	ntmm_thread_destroy(thread);
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(three_runs),          place_test(sizes),
		place_test(growth_and_overflow), place_test(skipping),
		place_test(another_thread),      place_test(guard_inside),
		place_test(guarantee),           cmocka_unit_test(no_commit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
