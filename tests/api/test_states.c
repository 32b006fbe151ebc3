/* SPDX-License-Identifier: MIT
 *
 * The three states of a page (S15, S16, S17).
 */
#include "place.h"

#define RC (MEM_RESERVE | MEM_COMMIT)
#define B at(0x40000000)

static uint32_t where(const void *address)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(GetCurrentProcess(), address_in(address), &info),
	                 STATUS_SUCCESS);
	return info.where;
}

static void test_free_pages(void **state) /* S15 */
{
	const struct place *place = *state;
	assert_int_equal(state_at(B), MEM_FREE);
	assert_int_equal(load_raises(place, B), STATUS_ACCESS_VIOLATION);
	assert_int_equal(store_raises(place, B), STATUS_ACCESS_VIOLATION);
	assert_ptr_equal(VirtualAlloc(B, PAGE, MEM_RESERVE, PAGE_READWRITE), B); /* reserved, */
	assert_succeeds(VirtualFree(B, 0, MEM_RELEASE));
	assert_ptr_equal(VirtualAlloc(B, PAGE, RC, PAGE_READWRITE), B); /* both at once, */
	assert_succeeds(VirtualFree(B, 0, MEM_RELEASE));
	assert_non_null(VirtualAlloc(NULL, PAGE, MEM_COMMIT, PAGE_READWRITE)); /* or committed */
}

static void test_reserved_pages(void **state) /* S16 */
{
	const struct place *place = *state;
	uint64_t charged = counters_of(place).commit_total;
	assert_ptr_equal(VirtualAlloc(B, GRANULE, MEM_RESERVE, PAGE_READWRITE), B);
	assert_int_equal(state_at(B), MEM_RESERVE);
	assert_int_equal(counters_of(place).commit_total, charged); /* no storage behind it */
	assert_int_equal(load_raises(place, B), STATUS_ACCESS_VIOLATION);
	assert_int_equal(where(B), NTMM_PAGE_NONE);
	/* no other allocation gets the range, by name or by the system's choice */
	assert_fails(VirtualAlloc(B, PAGE, MEM_RESERVE, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	for (SIZE_T size = 1u << 30; size >= PAGE; size /= 2) {
		char *base = VirtualAlloc(NULL, size, MEM_RESERVE, PAGE_READWRITE);
		if (base)
			assert_false(base < (char *)B + GRANULE && base + size > (char *)B);
	}
	/* it can be committed */
	assert_ptr_equal(VirtualAlloc(B, PAGE, MEM_COMMIT, PAGE_READWRITE), B);
	store_at(place, B, 1);
}

static void test_committed_pages(void **state) /* S17, PC-6 */
{
	const struct place *place = *state;
	ntmm_machine_counters before = counters_of(place), after;
	char *base = must_commit(4 * PAGE, PAGE_READONLY);
	after = counters_of(place);
	assert_true(after.commit_total >= before.commit_total + 4); /* charged at once, */
	assert_int_equal(after.active, before.active);
	assert_int_equal(after.demand_zero, before.demand_zero);
	assert_int_equal(where(base), NTMM_PAGE_NONE);
	assert_int_equal(load_at(place, base), 0); /* loaded at the first access */
	assert_int_equal(where(base), NTMM_PAGE_ACTIVE);
	assert_int_equal(where(base + PAGE), NTMM_PAGE_NONE);
	assert_int_equal(counters_of(place).demand_zero, before.demand_zero + 1);
	/* as its protection says */
	assert_int_equal(store_raises(place, base), STATUS_ACCESS_VIOLATION);
}

static void test_end_of_process_frees(void **state) /* S17, CM-7 */
{
	const struct place *place = *state;
	ntmm_machine_counters before = counters_of(place), after;
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_8TB);
	ntmm_thread *thread = ntmm_thread_create(other, NULL);
	char *base = VirtualAllocEx(other, NULL, GRANULE, RC, PAGE_READWRITE);
	assert_non_null(base);
	for (int i = 0; i < 16; i++)
		assert_true(ntmm_store8(thread, address_in(base) + (uint64_t)i * PAGE, 1));
	assert_true(counters_of(place).active >= before.active + 16);
	assert_succeeds(TerminateProcess(other, 3));
	after = counters_of(place);
	assert_int_equal(after.active, before.active);
	assert_int_equal(after.tables, before.tables);
	assert_int_equal(after.commit_total, before.commit_total);
	assert_false(ntmm_store8(thread, address_in(base), 1));
	/* G-5 */
	assert_fails(VirtualAllocEx(other, NULL, PAGE, RC, PAGE_READWRITE), ERROR_ACCESS_DENIED);
	ntmm_thread_destroy(thread);
	CloseHandle(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_free_pages),
		place_test(test_reserved_pages),
		place_test(test_committed_pages),
		place_test(test_end_of_process_frees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
