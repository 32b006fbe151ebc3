/* SPDX-License-Identifier: MIT
 *
 * Frames with memory errors (PG-31, PG-39): what they held is kept, and they are never used again.
 */
#include "place.h"

#define SHARED_PAGE 0x7FFE0000

static ntmm_page_info info_of(const void *address)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(GetCurrentProcess(), address_in(address), &info),
	                 STATUS_SUCCESS);
	return info;
}

/* What was in the frame is worth nothing from now on. */
static void spoil(const struct place *place, uint64_t frame)
{
	uint8_t *ram = (uint8_t *)(uintptr_t)ntmm_machine_ram(place->machine, NULL);
	memset(ram + frame * PAGE, 0xEE, PAGE);
}

static void mark_bad(const struct place *place, uint64_t frame)
{
	ntmm_machine_counters before = counters_of(place);
	assert_int_equal(ntmm_machine_mark_bad(place->machine, frame), STATUS_SUCCESS);
	ntmm_machine_counters after = counters_of(place);
	assert_int_equal(after.bad, before.bad + 1);
	assert_int_equal(after.commit_limit, before.commit_limit - 1);
	assert_int_equal(after.resident_limit, before.resident_limit - 1);
	assert_int_equal(after.commit_total, before.commit_total);
	assert_int_equal(after.ram, after.zeroed + after.free + after.standby + after.modified +
	                                    after.active + after.transition + after.tables +
	                                    after.fixed + after.modified_no_write + after.bad);
	spoil(place, frame);
	if (!ntmm_machine_check(place->machine))
		fail_msg("%s", ntmm_error_message());
}

static void test_not_in_use(void **state)
{
	const struct place *place = *state;
	char *base = must_commit(4 * PAGE, PAGE_READWRITE);
	store_at(place, base, 1);
	uint64_t used = info_of(base).frame;
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	mark_bad(place, used);           /* on the free list */
	mark_bad(place, 1000);           /* never used */
	mark_bad(place, used - 1);       /* the next that would have been */
	ntmm_machine_counters before = counters_of(place);
	assert_int_equal(ntmm_machine_mark_bad(place->machine, 1000), STATUS_SUCCESS);
	assert_int_equal(ntmm_machine_mark_bad(place->machine, before.ram), STATUS_INVALID_PARAMETER);
	assert_int_equal(ntmm_machine_mark_bad(place->machine, UINT64_MAX), STATUS_INVALID_PARAMETER);
	assert_int_equal(ntmm_machine_mark_bad(place->machine, UINT64_C(1) << 32),
	                 STATUS_INVALID_PARAMETER);
	ntmm_machine_counters after = counters_of(place);
	assert_memory_equal(&after, &before, sizeof before);
}

/* The page of a store that hits the TLB moves; no old translation is used. */
static void test_active_dirty(void **state)
{
	const struct place *place = *state;
	char *base = must_commit(2 * PAGE, PAGE_READWRITE);
	for (uint8_t i = 1; i <= 5; i++) {
		store_at(place, base, i);
		store_at(place, base + 1, (uint8_t)(i + 100));
		ntmm_process_counters before = own_counters();
		uint64_t frame = info_of(base).frame;
		mark_bad(place, frame);
		assert_int_equal(info_of(base).where, NTMM_PAGE_MODIFIED);
		assert_int_equal(load_at(place, base), i);
		assert_int_equal(load_at(place, base + 1), i + 100);
		assert_int_not_equal(info_of(base).frame, frame);
		assert_int_equal(own_counters().soft, before.soft + 1);
		assert_int_equal(own_counters().page_outs, 0);
		assert_int_equal(load_at(place, base + PAGE), 0);
	}
}

static char *on_list(const struct place *place, uint8_t value)
{
	char *base = must_commit(PAGE, PAGE_READWRITE);
	store_at(place, base, value);
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	return base;
}

static void test_modified_and_standby(void **state)
{
	const struct place *place = *state;
	char *modified = on_list(place, 1);
	mark_bad(place, info_of(modified).frame);
	assert_int_equal(info_of(modified).where, NTMM_PAGE_MODIFIED);
	char *standby = on_list(place, 2);
	ntmm_machine_write_modified(place->machine, 100);
	assert_int_equal(info_of(standby).where, NTMM_PAGE_STANDBY);
	mark_bad(place, info_of(standby).frame);
	assert_int_equal(info_of(standby).where, NTMM_PAGE_PAGED_OUT);
	assert_int_equal(load_at(place, modified), 1);
	assert_int_equal(load_at(place, standby), 2);
	/* active and clean: in the paging file, too */
	mark_bad(place, info_of(standby).frame);
	assert_int_equal(info_of(standby).where, NTMM_PAGE_PAGED_OUT);
	assert_int_equal(load_at(place, standby), 2);
	/* active and zero: nowhere, and zero again */
	char *zero = must_commit(PAGE, PAGE_READWRITE);
	load_at(place, zero);
	mark_bad(place, info_of(zero).frame);
	assert_int_equal(info_of(zero).where, NTMM_PAGE_NONE);
	assert_int_equal(load_at(place, zero), 0);
}

static void test_held(void **state)
{
	const struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	store_at(place, base, 7);
	assert_int_equal(ntmm_process_hold_pages(place->process, address_in(base), PAGE, true),
	                 STATUS_SUCCESS);
	mark_bad(place, info_of(base).frame);
	assert_int_equal(info_of(base).where, NTMM_PAGE_MODIFIED_NO_WRITE);
	assert_int_equal(own_counters().held, 1);
	mark_bad(place, info_of(base).frame);
	assert_int_equal(load_at(place, base), 7);
	assert_int_equal(ntmm_process_hold_pages(place->process, address_in(base), PAGE, false),
	                 STATUS_SUCCESS);
	assert_int_equal(own_counters().held, 0);
}

static void test_refused(void **state)
{
	const struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	store_at(place, base, 7);
	assert_succeeds(VirtualLock(base, PAGE));
	load_at(place, at(SHARED_PAGE));
	const uint64_t frames[] = {
		info_of(base).frame,
		info_of(at(SHARED_PAGE)).frame,
		ntmm_process_cr3(place->process) / PAGE,
		0, /* the system's own are the first */
	};
	ntmm_machine_counters before = counters_of(place);
	for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
		assert_int_equal(ntmm_machine_mark_bad(place->machine, frames[i]), STATUS_NOT_SUPPORTED);
	ntmm_machine_counters after = counters_of(place);
	assert_memory_equal(&after, &before, sizeof before);
	assert_int_equal(load_at(place, base), 7);
	assert_succeeds(VirtualUnlock(base, PAGE));
	mark_bad(place, frames[0]);
	assert_int_equal(load_at(place, base), 7);
}

/* What is promised can be kept: the limits do not fall below it. */
static void test_promises(void **state)
{
	const struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	store_at(place, base, 7);
	ntmm_machine_counters c = counters_of(place);
	uint64_t left = c.resident_limit - c.resident_total;
	assert_succeeds(SetProcessWorkingSetSizeEx(GetCurrentProcess(), (left - 1) * PAGE, left * PAGE,
	                                           QUOTA_LIMITS_HARDWS_MIN_ENABLE));
	mark_bad(place, 1000);
	assert_int_equal(ntmm_machine_mark_bad(place->machine, 1001), STATUS_INSUFFICIENT_RESOURCES);
	assert_succeeds(SetProcessWorkingSetSizeEx(GetCurrentProcess(), 50 * PAGE, 345 * PAGE,
	                                           QUOTA_LIMITS_HARDWS_MIN_DISABLE));
	c = counters_of(place);
	left = c.commit_limit - c.commit_total;
	uint64_t tables = (left >> 9) + 2;
	assert_non_null(VirtualAlloc(NULL, (left - tables) * PAGE, MEM_RESERVE | MEM_COMMIT,
	                             PAGE_READWRITE));
	while (VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE))
		;
	c = counters_of(place);
	assert_int_equal(c.commit_total, c.commit_limit);
	assert_int_equal(ntmm_machine_mark_bad(place->machine, 1001), STATUS_COMMITMENT_LIMIT);
	ntmm_machine_counters after = counters_of(place);
	assert_memory_equal(&after, &c, sizeof c);
	assert_int_equal(load_at(place, base), 7);
}

/* Frame after frame of a small machine, tables and pages of all kinds among them, fails. */
static void test_most_of_ram(void **state)
{
	(void)state;
	struct place small = {.machine = place_machine(1 << 20, 8 << 20)};
	place_enter(&small, NTMM_LAYOUT_NT32_2GB);
	enum { PAGES = 200, SPREAD = 20, WIDE = 2 << 20 };
	char *base = must_commit(PAGES * PAGE, PAGE_READWRITE);
	char *spread[SPREAD];
	for (int i = 0; i < SPREAD; i++) { /* each has a table, idle when it is trimmed */
		spread[i] = VirtualAlloc(at(0x10000000 + (uint64_t)i * WIDE), PAGE,
		                         MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
		store_at(&small, spread[i], (uint8_t)(i + 1));
	}
	ntmm_machine_balance(small.machine, 200);
	for (int i = 0; i < PAGES; i++)
		store_at(&small, base + i * PAGE, (uint8_t)i);
	unsigned done = 0, refused = 0;
	for (uint64_t i = 0; i < 256 && done < 120; i++) {
		uint64_t frame = i * 7 % 256;
		uint64_t bad = counters_of(&small).bad;
		NTSTATUS status = ntmm_machine_mark_bad(small.machine, frame);
		assert_true(status == STATUS_SUCCESS || status == STATUS_NOT_SUPPORTED);
		if (counters_of(&small).bad > bad)
			spoil(&small, frame);
		done += status == STATUS_SUCCESS;
		refused += status != STATUS_SUCCESS;
		load_at(&small, base + frame % PAGES * PAGE);
	}
	assert_true(done >= 120 && refused >= 6);
	for (int i = 0; i < PAGES; i++)
		assert_int_equal(load_at(&small, base + i * PAGE), (uint8_t)i);
	for (int i = 0; i < SPREAD; i++)
		assert_int_equal(load_at(&small, spread[i]), i + 1);
	if (!ntmm_machine_check(small.machine))
		fail_msg("%s", ntmm_error_message());
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	assert_true(ntmm_machine_check(small.machine));
	place_leave(&small);
	ntmm_machine_destroy(small.machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_not_in_use),
		place_test(test_active_dirty),
		place_test(test_modified_and_standby),
		place_test(test_held),
		place_test(test_refused),
		place_test(test_promises),
		cmocka_unit_test(test_most_of_ram),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
