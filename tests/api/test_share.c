/* SPDX-License-Identifier: MIT
 *
 * One section in two processes: what one stores the other loads, from one frame, until a copy-on-write
 * page is written.
 */
#include "place.h"

#define PAGES 8
#define WORD(p, n) ((p) + (uint64_t)(n) * PAGE)

struct two {
	ntmm_machine *machine;
	struct place place[2];
	HANDLE section;
};

/* Two processes of one machine; the host thread ends up attached to the first. */
static int setup(void **state)
{
	struct two *two = calloc(1, sizeof *two);
	two->machine = place_machine(1 << 20, 8 << 20);
	for (int i = 1; i >= 0; i--) {
		two->place[i].machine = two->machine;
		place_enter(&two->place[i], i ? NTMM_LAYOUT_NT64_128TB : NTMM_LAYOUT_NT32_2GB);
		if (i)
			ntmm_thread_detach();
	}
	two->section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_EXECUTE_READWRITE, 0,
	                                  PAGES * PAGE, NULL);
	assert_non_null(two->section);
	*state = two;
	return 0;
}

static int teardown(void **state)
{
	struct two *two = *state;
	bool agrees = ntmm_machine_check(two->machine);
	if (!agrees)
		print_error("%s\n", ntmm_error_message());
	CloseHandle(two->section);
	place_leave(&two->place[0]);
	ntmm_thread_destroy(two->place[1].thread);
	CloseHandle(two->place[1].process);
	ntmm_machine_counters c = test_rest(two->machine);
	assert_int_equal(c.commit_total, 0);
	assert_int_equal(c.active + c.tables + c.slots_used, 0);
	ntmm_machine_destroy(two->machine);
	free(two);
	return agrees ? 0 : -1;
}

static uint64_t view(struct two *two, int who, ULONG protect)
{
	LPVOID base = MapViewOfFile2(two->section, two->place[who].process, 0, NULL, 0, 0, protect);
	if (!base)
		fail_msg("MapViewOfFile2: error %u", GetLastError());
	return address_in(base);
}

static uint64_t load(struct two *two, int who, uint64_t address)
{
	uint64_t value = 0;
	assert_true(ntmm_load64(two->place[who].thread, address, &value));
	return value;
}

static void store(struct two *two, int who, uint64_t address, uint64_t value)
{
	assert_true(ntmm_store64(two->place[who].thread, address, value));
}

static uint64_t frame(struct two *two, int who, uint64_t address)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(two->place[who].process, address, &info), 0);
	assert_int_equal(info.where, NTMM_PAGE_ACTIVE);
	return info.frame;
}

/* CW-1: one frame for both. */
static void shared(void **state)
{
	struct two *two = *state;
	uint64_t a = view(two, 0, PAGE_READWRITE), b = view(two, 1, PAGE_READWRITE);
	store(two, 0, a, 1);
	assert_int_equal(load(two, 1, b), 1);
	store(two, 1, b, 2);
	assert_int_equal(load(two, 0, a), 2);
	assert_int_equal(frame(two, 0, a), frame(two, 1, b));
}

/* S30, S32, CW-2 to CW-4. */
static void copied(void **state)
{
	struct two *two = *state;
	uint64_t a = view(two, 0, PAGE_READWRITE), b = view(two, 1, PAGE_WRITECOPY);
	MEMORY_BASIC_INFORMATION info;
	store(two, 0, a, 1);
	assert_int_equal(load(two, 1, b), 1);
	assert_int_equal(frame(two, 0, a), frame(two, 1, b));
	store(two, 1, b + 8, 7);
	assert_int_not_equal(frame(two, 0, a), frame(two, 1, b));
	store(two, 0, a, 3);
	assert_int_equal(load(two, 1, b), 1);
	assert_int_equal(load(two, 0, a + 8), 0);
	VirtualQueryEx(two->place[1].process, at(b), &info, sizeof info);
	assert_int_equal(info.Protect, PAGE_READWRITE);
	assert_int_equal(info.RegionSize, PAGE);
	assert_int_equal(info.Type, MEM_MAPPED);
	VirtualQueryEx(two->place[1].process, at(b + PAGE), &info, sizeof info);
	assert_int_equal(info.Protect, PAGE_WRITECOPY);
	assert_int_equal(info.RegionSize, (PAGES - 1) * PAGE);
}

/* S31, S11: a shared page is trimmed, written out and brought back once. */
static void paged(void **state)
{
	struct two *two = *state;
	uint64_t a = view(two, 0, PAGE_READWRITE), b = view(two, 1, PAGE_READONLY);
	for (int i = 0; i < PAGES; i++) {
		store(two, 0, WORD(a, i), 100 + i);
		assert_int_equal(load(two, 1, WORD(b, i)), 100 + i);
	}
	assert_true(EmptyWorkingSet(two->place[0].process));
	assert_true(EmptyWorkingSet(two->place[1].process));
	ntmm_machine_balance(two->machine, 200);
	uint64_t big = address_in(must_commit(2 << 20, PAGE_READWRITE));
	for (uint64_t at = 0; at < 2 << 20; at += PAGE)
		store(two, 0, big + at, at);
	ntmm_page_info info = {.size = sizeof info};
	ntmm_machine_counters before = {.size = sizeof before}, after = {.size = sizeof after};
	ntmm_machine_get_counters(two->machine, &before);
	for (int i = 0; i < PAGES; i++) {
		assert_int_equal(load(two, 1, WORD(b, i)), 100 + i);
		assert_int_equal(load(two, 0, WORD(a, i)), 100 + i);
	}
	ntmm_machine_get_counters(two->machine, &after);
	assert_in_range(after.page_ins - before.page_ins, PAGES, PAGES + 4); /* tables too */
	assert_int_equal(ntmm_process_page_info(two->place[0].process, a, &info), 0);
}

#define two_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		two_test(shared),
		two_test(copied),
		two_test(paged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
