/* SPDX-License-Identifier: MIT
 *
 * Working sets when memory is short: what limits promise, who is trimmed, what goes first (WS-6,
 * WS-7, VL-7, PG-33, PG-35, PG-52, PG-53).
 */
#include "place.h"

#define MIN_HARD QUOTA_LIMITS_HARDWS_MIN_ENABLE
#define MAX_HARD QUOTA_LIMITS_HARDWS_MAX_ENABLE

/* A machine of 256 frames, and one process. */
static int small_setup(void **state)
{
	struct place *place = calloc(1, sizeof *place);
	place->machine = place_machine(1 << 20, 16 << 20);
	place_enter(place, NTMM_LAYOUT_NT64_128TB);
	*state = place;
	return 0;
}
#define small_test(test) cmocka_unit_test_setup_teardown(test, small_setup, place_teardown)

static char *touched(const struct place *place, int pages)
{
	char *base = must_commit((SIZE_T)pages * PAGE, PAGE_READWRITE);
	for (int i = 0; i < pages; i++)
		store_at(place, base + i * PAGE, (uint8_t)(i + 1));
	return base;
}

static void expect_contents(const struct place *place, const char *base, int pages)
{
	for (int i = 0; i < pages; i++)
		assert_int_equal(load_at(place, base + i * PAGE), (uint8_t)(i + 1));
}

static uint32_t where(const char *address)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(GetCurrentProcess(), address_in(address), &info),
	                 STATUS_SUCCESS);
	return info.where;
}

static int count_in(const char *base, int pages, uint32_t wanted)
{
	int count = 0;
	for (int i = 0; i < pages; i++)
		count += where(base + i * PAGE) == wanted;
	return count;
}

static BOOL set(SIZE_T minimum, SIZE_T maximum, DWORD flags)
{
	return SetProcessWorkingSetSizeEx(GetCurrentProcess(), minimum * PAGE, maximum * PAGE, flags);
}

/* Another process of the machine, in which nobody is attached. */
struct other {
	HANDLE process;
	ntmm_thread *thread;
	uint64_t base;
	int pages;
};

static struct other begin_other(const struct place *place, int pages)
{
	struct other other = {.pages = pages};
	other.process = ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_128TB);
	other.thread = ntmm_thread_create(other.process, NULL);
	other.base = (uintptr_t)VirtualAllocEx(other.process, NULL, (SIZE_T)pages * PAGE,
	                                       MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	assert_int_not_equal(other.base, 0);
	return other;
}

static void use(const struct other *other)
{
	for (int i = 0; i < other->pages; i++)
		assert_true(ntmm_store8(other->thread, other->base + (uint64_t)i * PAGE, 1));
}

static void end_other(struct other *other)
{
	ntmm_thread_destroy(other->thread);
	CloseHandle(other->process);
}

static uint64_t working_set_of(const struct other *other)
{
	ntmm_process_counters counters = {.size = sizeof counters};
	assert_int_equal(ntmm_process_get_counters(other->process, &counters), STATUS_SUCCESS);
	return counters.working_set;
}

/* ---- hard limits ------------------------------------------------------------------------------ */

/* WS-6: a hard minimum is never trimmed below, whoever wants memory, and however old the pages
 * are. */
static void hard_minimum(void **state)
{
	struct place *place = *state;
	char *base = touched(place, 60);
	assert_succeeds(set(60, 100, MIN_HARD));
	struct other other = begin_other(place, 400);
	for (int round = 0; round < 3; round++) {
		use(&other);
		assert_int_equal(own_counters().working_set, 60);
		assert_int_equal(count_in(base, 60, NTMM_PAGE_ACTIVE), 60);
	}
	ntmm_machine_balance(place->machine, 256);
	assert_int_equal(own_counters().working_set, 60);
	/* what is above it goes */
	char *more = touched(place, 30);
	assert_int_equal(own_counters().working_set, 90);
	use(&other);
	use(&other);
	assert_true(own_counters().working_set >= 60 && own_counters().working_set < 75);
	/* soft again: so may the rest */
	assert_succeeds(set(60, 100, QUOTA_LIMITS_HARDWS_MIN_DISABLE));
	use(&other);
	ntmm_machine_balance(place->machine, 256);
	assert_true(own_counters().working_set < 20);
	expect_contents(place, base, 60);
	expect_contents(place, more, 30);
	end_other(&other);
}

/* WS-4, WS-6: it is a promise of frames: all promises together are below what the machine has. */
static void hard_minimum_is_charged(void **state)
{
	struct place *place = *state;
	ntmm_machine_counters before = counters_of(place);
	uint64_t left = before.resident_limit - before.resident_total;
	assert_fails(set(left + 1, left + 2, MIN_HARD), ERROR_NO_SYSTEM_RESOURCES);
	assert_succeeds(set(left, left + 1, MIN_HARD));
	assert_int_equal(counters_of(place).resident_total, before.resident_limit);
	assert_null(ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_128TB));
	assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
	assert_succeeds(set(left - 10, left, 0));
	assert_int_equal(counters_of(place).resident_total, before.resident_limit - 10);
	struct other other = begin_other(place, 10);
	SetLastError(UNTOUCHED);
	assert_false(SetProcessWorkingSetSizeEx(other.process, 100 * PAGE, 200 * PAGE, MIN_HARD));
	assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
	use(&other);
	end_other(&other);
	assert_succeeds(set(left - 10, left, QUOTA_LIMITS_HARDWS_MIN_DISABLE));
	assert_int_equal(counters_of(place).resident_total, before.resident_total);
	assert_succeeds(set(20, 100, MIN_HARD));
}

/* WS-6, PG-53: at a hard maximum a fault replaces the process's own pages, not others'. */
static void hard_maximum(void **state)
{
	struct place *place = *state;
	struct other other = begin_other(place, 60);
	use(&other);
	assert_succeeds(set(20, 30, MAX_HARD));
	char *base = touched(place, 100);
	expect_contents(place, base, 100);
	assert_true(own_counters().working_set <= 30);
	assert_int_equal(working_set_of(&other), 60);
	assert_int_equal(own_counters().hard, 0); /* the replaced ones stand on modified */
	end_other(&other);
}

/* ---- soft limits ------------------------------------------------------------------------------ */

/* WS-7: beyond the maximum with plenty of memory, below the minimum when it is short. */
static void soft_limits(void **state)
{
	struct place *place = *state;
	assert_succeeds(set(40, 60, 0));
	char *base = touched(place, 150);
	assert_int_equal(own_counters().working_set, 150);
	struct other other = begin_other(place, 300);
	use(&other);
	use(&other);
	assert_true(own_counters().working_set < 60); /* those above the minimum go first */
	ntmm_machine_balance(place->machine, 240);
	assert_true(own_counters().working_set < 40);
	expect_contents(place, base, 150);
	end_other(&other);
}

/* VL-7: so many pages can be locked as the minimum has, less those that must be there besides. */
static void lock_quota(void **state)
{
	struct place *place = *state;
	char *base = touched(place, 100);
	assert_fails(VirtualLock(base, 31 * PAGE), ERROR_WORKING_SET_QUOTA); /* of 50 */
	assert_int_equal(own_counters().locked, 0);
	assert_succeeds(VirtualLock(base, 30 * PAGE));
	assert_fails(VirtualLock(base + 30 * PAGE, PAGE), ERROR_WORKING_SET_QUOTA);
	assert_succeeds(set(60, 100, 0));
	assert_succeeds(VirtualLock(base + 30 * PAGE, 10 * PAGE));
	/* a larger minimum alone does not make frames: the resident ledger */
	assert_succeeds(set(200, 220, 0));
	assert_int_equal(VirtualLock(base + 40 * PAGE, 60 * PAGE), TRUE);
	char *more = must_commit(100 * PAGE, PAGE_READWRITE);
	assert_succeeds(set(215, 230, 0));
	assert_fails(VirtualLock(more, 100 * PAGE), ERROR_WORKING_SET_QUOTA);
	struct other other = begin_other(place, 400);
	use(&other);
	assert_int_equal(count_in(base, 100, NTMM_PAGE_ACTIVE), 100); /* PG-55 */
	expect_contents(place, base, 100);
	end_other(&other);
}

/* ---- who goes first ---------------------------------------------------------------------------- */

/* PG-52, S12: the pages of a process that rests go before those of one that is in use. */
static void by_age_across_processes(void **state)
{
	struct place *place = *state;
	assert_succeeds(set(20, 30, 0));
	struct other resting = begin_other(place, 60), busy = begin_other(place, 60);
	SetProcessWorkingSetSize(resting.process, 20 * PAGE, 30 * PAGE);
	SetProcessWorkingSetSize(busy.process, 20 * PAGE, 30 * PAGE);
	use(&busy);
	use(&resting);
	char *base = must_commit(200 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 200; i++) {
		store_at(place, base + i * PAGE, (uint8_t)(i + 1));
		if (i % 2)
			use(&busy);
	}
	assert_true(working_set_of(&resting) <= 25);
	assert_true(working_set_of(&busy) >= 50);
	expect_contents(place, base, 200);
	end_other(&resting);
	end_other(&busy);
}

/* OF-3, VA-65: contents of no interest are dropped before anything is written. */
static void dropped_before_written(void **state)
{
	struct place *place = *state;
	char *reset = touched(place, 40), *offered = touched(place, 40), *kept = touched(place, 40);
	assert_non_null(VirtualAlloc(reset, 40 * PAGE, MEM_RESET, PAGE_NOACCESS));
	assert_int_equal(OfferVirtualMemory(offered, 40 * PAGE, VmOfferPriorityVeryLow), ERROR_SUCCESS);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	uint64_t zeroed_and_free = counters_of(place).zeroed + counters_of(place).free;
	assert_int_equal(count_in(kept, 40, NTMM_PAGE_MODIFIED), 40);
	struct other other = begin_other(place, 200);
	other.pages = (int)zeroed_and_free - 10 + 60; /* 60 of the 80 must go */
	if (other.pages > 200)
		other.pages = 200;
	use(&other);
	assert_int_equal(own_counters().page_outs, 0);
	assert_int_equal(count_in(kept, 40, NTMM_PAGE_MODIFIED), 40);
	assert_true(count_in(reset, 40, NTMM_PAGE_NONE) >= 35); /* lowest priority: first */
	assert_true(count_in(offered, 40, NTMM_PAGE_STANDBY) >= 10);
	expect_contents(place, kept, 40);
	end_other(&other);
}

/* PG-35: standby pages are repurposed by priority, and of one priority the oldest first. */
static void by_priority_then_age(void **state)
{
	struct place *place = *state;
	char *first = touched(place, 30);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	char *second = touched(place, 30), *low = touched(place, 30);
	assert_int_equal(OfferVirtualMemory(low, 30 * PAGE, VmOfferPriorityLow), ERROR_SUCCESS);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	assert_int_equal(ntmm_machine_write_modified(place->machine, 200), 60);
	assert_int_equal(count_in(first, 30, NTMM_PAGE_STANDBY), 30);
	ntmm_machine_counters c = counters_of(place);
	struct other other = begin_other(place, (int)(c.zeroed + c.free) - 8 + 45);
	use(&other); /* takes about 45 of the 90 */
	assert_true(count_in(low, 30, NTMM_PAGE_NONE) >= 29);
	int gone = count_in(first, 30, NTMM_PAGE_PAGED_OUT);
	assert_true(gone > 0 && gone < 30);
	for (int i = 0; i < 30; i++) /* in order */
		assert_int_equal(where(first + i * PAGE),
		                 i < gone ? NTMM_PAGE_PAGED_OUT : NTMM_PAGE_STANDBY);
	assert_int_equal(count_in(second, 30, NTMM_PAGE_STANDBY), 30);
	/* PG-33, PG-40: those still there are a soft fault away, the others a hard one */
	uint64_t soft = own_counters().soft, hard = own_counters().hard;
	expect_contents(place, second, 30);
	assert_int_equal(own_counters().soft, soft + 30);
	assert_int_equal(own_counters().hard, hard);
	assert_int_equal(load_at(place, first), 1);
	assert_int_equal(own_counters().hard, hard + 1);
	end_other(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		small_test(hard_minimum),
		small_test(hard_minimum_is_charged),
		small_test(hard_maximum),
		small_test(soft_limits),
		small_test(lock_quota),
		small_test(by_age_across_processes),
		small_test(dropped_before_written),
		small_test(by_priority_then_age),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
