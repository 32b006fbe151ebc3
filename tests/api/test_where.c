/* SPDX-License-Identifier: MIT
 *
 * Where pages are, and how they come and go: rules PG, the counters, the observer.
 */
#include "place.h"

static ntmm_page_info info_of(const void *address)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(GetCurrentProcess(), address_in(address), &info),
	                 STATUS_SUCCESS);
	return info;
}

/* Everything that is not in a working set goes to the paging file, and its frames to others. */
static void push_out(const struct place *place)
{
	ntmm_machine_write_modified(place->machine, UINT64_MAX);
	HANDLE process = ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_128TB);
	ntmm_thread *thread = ntmm_thread_create(process, NULL);
	uint64_t left =
		counters_of(place).zeroed + counters_of(place).free + counters_of(place).standby;
	char *base = VirtualAllocEx(process, NULL, left * PAGE, MEM_RESERVE | MEM_COMMIT,
	                            PAGE_READWRITE);
	assert_non_null(base);
	for (uint64_t i = 0; i < left; i++)
		assert_true(ntmm_store8(thread, address_in(base) + i * PAGE, 1));
	ntmm_thread_destroy(thread);
	CloseHandle(process);
}

static int small_setup(void **state)
{
	struct place *place = calloc(1, sizeof *place);
	place->machine = place_machine(1 << 20, 4 << 20);
	place_enter(place, NTMM_LAYOUT_NT64_128TB);
	*state = place;
	return 0;
}

/* The whole way of one page: PG-11, PG-33, PG-13, PG-34, PG-12, PG-47; S11, S17. */
static void life_of_a_page(void **state)
{
	struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	assert_int_equal(info_of(base).where, NTMM_PAGE_NONE);
	store_at(place, base, 7);
	assert_int_equal(info_of(base).where, NTMM_PAGE_ACTIVE);
	assert_true(info_of(base).dirty);
	assert_int_equal(own_counters().demand_zero, 1);
	assert_true(EmptyWorkingSet(place->process));
	assert_int_equal(info_of(base).where, NTMM_PAGE_MODIFIED);
	assert_int_equal(load_at(place, base), 7); /* a soft fault */
	assert_int_equal(own_counters().soft, 1);
	assert_true(EmptyWorkingSet(place->process));
	assert_int_equal(ntmm_machine_write_modified(place->machine, 1), 1);
	assert_int_equal(info_of(base).where, NTMM_PAGE_STANDBY);
	assert_int_not_equal(info_of(base).slot, 0);
	assert_int_equal(own_counters().page_outs, 1);
	push_out(place);
	assert_int_equal(info_of(base).where, NTMM_PAGE_PAGED_OUT);
	assert_int_equal(load_at(place, base), 7); /* a hard fault */
	assert_int_equal(own_counters().hard, 1);
	assert_int_equal(own_counters().soft, 1);
	assert_int_equal(info_of(base).where, NTMM_PAGE_ACTIVE);
	assert_int_not_equal(info_of(base).slot, 0); /* clean: it keeps its slot */
	assert_false(info_of(base).dirty);
	store_at(place, base, 8);
	assert_int_equal(info_of(base).slot, 0); /* dirty: the slot is free again */
	assert_int_equal(counters_of(place).slots_used, 0);
}

/* A page that was only read is zero: it needs no slot, and comes back zero. */
static void clean_zero_pages(void **state)
{
	struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	assert_int_equal(load_at(place, base), 0);
	assert_true(EmptyWorkingSet(place->process));
	assert_int_equal(info_of(base).where, NTMM_PAGE_STANDBY);
	push_out(place);
	assert_int_equal(info_of(base).where, NTMM_PAGE_NONE);
	assert_int_equal(own_counters().page_outs, 0);
	assert_int_equal(load_at(place, base), 0);
}

/* S12: what is used stays; what is not goes. */
static void least_recently_used(void **state)
{
	struct place *place = *state;
	enum { HOT = 20, COLD = 600 };
	char *hot = must_commit(HOT * PAGE, PAGE_READWRITE);
	char *cold = must_commit(COLD * PAGE, PAGE_READWRITE);
	for (int i = 0; i < HOT; i++)
		store_at(place, hot + i * PAGE, 1);
	for (int i = 0; i < COLD; i++) {
		store_at(place, cold + i * PAGE, 1);
		for (int k = 0; k < HOT; k++)
			load_at(place, hot + k * PAGE);
	}
	for (int i = 0; i < HOT; i++)
		assert_int_not_equal(info_of(hot + i * PAGE).where, NTMM_PAGE_PAGED_OUT);
	int out = 0;
	for (int i = 0; i < COLD / 2; i++)
		out += info_of(cold + i * PAGE).where == NTMM_PAGE_PAGED_OUT;
	assert_true(out > COLD / 2 - 30);
}

/* VA-65, S43, S44: after MEM_RESET a page leaves without being written, and may come back as zeros. */
static void reset_pages_are_not_written(void **state)
{
	struct place *place = *state;
	char *base = must_commit(4 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 4; i++)
		store_at(place, base + i * PAGE, 5);
	assert_ptr_equal(VirtualAlloc(base, 2 * PAGE, MEM_RESET, PAGE_READWRITE), base);
	store_at(place, base + 1, 6); /* a store makes the page count again */
	assert_true(EmptyWorkingSet(place->process));
	assert_int_equal(info_of(base).where, NTMM_PAGE_MODIFIED);
	assert_int_equal(info_of(base + PAGE).where, NTMM_PAGE_STANDBY);
	push_out(place);
	assert_int_equal(own_counters().page_outs, 3);
	assert_int_equal(load_at(place, base), 5);
	assert_int_equal(load_at(place, base + PAGE), 0);
	assert_int_equal(load_at(place, base + 2 * PAGE), 5);
}

/* VA-69: undone in time nothing is lost; later the call says so, and the pages read as zero. */
static void reset_undone(void **state)
{
	struct place *place = *state;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	store_at(place, base, 5);
	assert_ptr_equal(VirtualAlloc(base, PAGE, MEM_RESET, PAGE_READWRITE), base);
	assert_true(EmptyWorkingSet(place->process));
	assert_ptr_equal(VirtualAlloc(base, PAGE, MEM_RESET_UNDO, PAGE_READWRITE), base);
	push_out(place);
	assert_int_equal(load_at(place, base), 5);
	assert_ptr_equal(VirtualAlloc(base, PAGE, MEM_RESET, PAGE_READWRITE), base);
	assert_true(EmptyWorkingSet(place->process));
	push_out(place);
	assert_null(VirtualAlloc(base, PAGE, MEM_RESET_UNDO, PAGE_READWRITE));
	assert_int_equal(GetLastError(), ERROR_INVALID_ADDRESS);
	assert_ptr_equal(VirtualAlloc(base, PAGE, MEM_RESET_UNDO, PAGE_READWRITE), base);
	assert_int_equal(load_at(place, base), 0);
}

/* OF-3, PG-35: of offered pages those of lower priority go first, whatever the order of offering. */
static void offered_by_priority(void **state)
{
	struct place *place = *state;
	enum { PAGES = 40 };
	char *high = must_commit(PAGES * PAGE, PAGE_READWRITE);
	char *low = must_commit(PAGES * PAGE, PAGE_READWRITE);
	for (int i = 0; i < PAGES; i++) {
		store_at(place, high + i * PAGE, 1);
		store_at(place, low + i * PAGE, 1);
	}
	assert_int_equal(OfferVirtualMemory(high, PAGES * PAGE, VmOfferPriorityNormal), 0);
	assert_int_equal(OfferVirtualMemory(low, PAGES * PAGE, VmOfferPriorityLow), 0);
	uint64_t spare = counters_of(place).zeroed + counters_of(place).free;
	char *more = must_commit((spare + PAGES / 2) * PAGE, PAGE_READWRITE);
	for (uint64_t i = 0; i < spare + PAGES / 2; i++)
		store_at(place, more + i * PAGE, 1);
	assert_int_equal(own_counters().page_outs, 0);
	assert_int_equal(ReclaimVirtualMemory(high, PAGES * PAGE), ERROR_SUCCESS);
	assert_int_equal(ReclaimVirtualMemory(low, PAGES * PAGE), ERROR_BUSY); /* OF-4 */
	assert_int_equal(load_at(place, high), 1);
}

/* VL-8, PG-55: locked pages stay, whatever the pressure. */
static void locked_pages_stay(void **state)
{
	struct place *place = *state;
	char *base = must_commit(20 * PAGE, PAGE_READWRITE);
	assert_true(VirtualLock(base, 20 * PAGE));
	uint64_t frame = info_of(base).frame;
	assert_true(EmptyWorkingSet(place->process));
	push_out(place);
	for (int i = 0; i < 20; i++)
		assert_int_equal(info_of(base + i * PAGE).where, NTMM_PAGE_ACTIVE);
	assert_int_equal(info_of(base).frame, frame);
	assert_int_equal(own_counters().locked, 20);
	assert_true(VirtualUnlock(base, 20 * PAGE));
	assert_true(EmptyWorkingSet(place->process));
	assert_int_equal(info_of(base).where, NTMM_PAGE_STANDBY);
}

/* PF-1: what is prefetched is in memory, not in the working set. */
static void prefetched(void **state)
{
	struct place *place = *state;
	char *base = must_commit(4 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 4; i++)
		store_at(place, base + i * PAGE, (uint8_t)(i + 1));
	assert_true(EmptyWorkingSet(place->process));
	push_out(place);
	assert_int_equal(info_of(base + PAGE).where, NTMM_PAGE_PAGED_OUT);
	WIN32_MEMORY_RANGE_ENTRY range = {base, 4 * PAGE};
	assert_true(PrefetchVirtualMemory(GetCurrentProcess(), 1, &range, 0));
	assert_int_equal(info_of(base + PAGE).where, NTMM_PAGE_STANDBY);
	assert_int_equal(own_counters().page_ins, 4);
	assert_int_equal(load_at(place, base + PAGE), 2);
	assert_int_equal(own_counters().hard, 0);
}

static void commit_and_push_out(struct place *place, char **base, int pages)
{
	*base = must_commit((SIZE_T)pages * PAGE, PAGE_READWRITE);
	for (int i = 0; i < pages; i++)
		store_at(place, *base + i * PAGE, (uint8_t)(i + 1));
	assert_true(EmptyWorkingSet(place->process));
	push_out(place);
}

/* PG-43: a hard fault reads the pages behind its own with it, to standby; the next are soft. */
static void clusters(void **state)
{
	struct place *place = *state;
	char *base;
	commit_and_push_out(place, &base, 40);
	assert_int_equal(load_at(place, base), 1);
	assert_int_equal(own_counters().page_ins, 16);
	assert_int_equal(info_of(base + 15 * PAGE).where, NTMM_PAGE_STANDBY);
	assert_int_equal(info_of(base + 16 * PAGE).where, NTMM_PAGE_PAGED_OUT);
	for (int i = 1; i < 40; i++)
		assert_int_equal(load_at(place, base + i * PAGE), i + 1);
	assert_int_equal(own_counters().hard, 3);
	assert_int_equal(own_counters().page_ins, 40);
}

static void no_clusters(void **state)
{
	(void)state;
	ntmm_machine_config config = {.size = sizeof config,
	                              .flags = NTMM_MACHINE_NO_CLUSTERS,
	                              .ram_bytes = 1 << 20,
	                              .paging_file_bytes = 4 << 20};
	struct place place = {0};
	char *base;
	assert_int_equal(ntmm_machine_create(&config, &place.machine), STATUS_SUCCESS);
	place_enter(&place, NTMM_LAYOUT_NT64_128TB);
	commit_and_push_out(&place, &base, 40);
	assert_int_equal(load_at(&place, base), 1);
	assert_int_equal(own_counters().page_ins, 1);
	assert_int_equal(info_of(base + PAGE).where, NTMM_PAGE_PAGED_OUT);
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
}

/* PG-53, WS-6: at a hard maximum a fault takes one of the process's own pages. */
static void hard_maximum(void **state)
{
	struct place *place = *state;
	assert_true(SetProcessWorkingSetSizeEx(place->process, 20 * PAGE, 30 * PAGE,
	                                       QUOTA_LIMITS_HARDWS_MAX_ENABLE |
	                                               QUOTA_LIMITS_HARDWS_MIN_DISABLE));
	char *base = must_commit(100 * PAGE, PAGE_READWRITE);
	for (int i = 0; i < 100; i++) {
		store_at(place, base + i * PAGE, 1);
		assert_true(own_counters().working_set <= 30);
	}
	assert_true(own_counters().trimmed >= 70);
}

struct seen {
	uint64_t kinds[NTMM_EVENT_KINDS], next, last_address, last_pages;
	bool in_order;
};

static void see(void *context, const ntmm_event *event)
{
	struct seen *seen = context;
	seen->kinds[event->kind]++;
	seen->in_order &= event->sequence == seen->next++;
	seen->last_address = event->address;
	seen->last_pages = event->pages;
	if (event->kind == NTMM_EVENT_ALLOC) /* may call the library: no lock is held */
		GetCurrentProcessId();
}

/* Observers see what the counters count, in order; one that is taken away sees no more. */
static void observers(void **state)
{
	struct place *place = *state;
	struct seen seen = {.in_order = true};
	assert_int_equal(ntmm_machine_observe(place->machine, see, &seen), STATUS_SUCCESS);
	char *base = must_commit(3 * PAGE, PAGE_READWRITE);
	assert_int_equal(seen.kinds[NTMM_EVENT_ALLOC], 1);
	assert_int_equal(seen.last_address, address_in(base));
	assert_int_equal(seen.last_pages, 3);
	store_at(place, base, 1);
	assert_true(EmptyWorkingSet(place->process));
	load_at(place, base);
	assert_true(EmptyWorkingSet(place->process));
	push_out(place);
	load_at(place, base);
	must_protect(base, PAGE, PAGE_READWRITE | PAGE_GUARD);
	load_raises(place, base);
	must_protect(base, PAGE, PAGE_NOACCESS);
	load_raises(place, base);
	assert_true(VirtualFree(base, 0, MEM_RELEASE));
	ntmm_machine_counters c = counters_of(place);
	assert_true(seen.in_order);
	assert_int_equal(seen.kinds[NTMM_EVENT_DEMAND_ZERO], c.demand_zero);
	assert_int_equal(seen.kinds[NTMM_EVENT_SOFT], c.soft);
	assert_int_equal(seen.kinds[NTMM_EVENT_HARD], c.hard);
	assert_int_equal(seen.kinds[NTMM_EVENT_TRIM], c.trimmed);
	assert_int_equal(seen.kinds[NTMM_EVENT_PAGE_OUT], c.page_outs);
	assert_int_equal(seen.kinds[NTMM_EVENT_PAGE_IN], c.page_ins);
	assert_int_equal(seen.kinds[NTMM_EVENT_GUARD], 1);
	assert_int_equal(seen.kinds[NTMM_EVENT_VIOLATION], 1);
	assert_int_equal(seen.kinds[NTMM_EVENT_FREE], 1);
	assert_int_equal(c.lost_events, 0);
	assert_int_equal(ntmm_machine_observe(place->machine, NULL, NULL), STATUS_SUCCESS);
	uint64_t before = seen.next;
	must_commit(PAGE, PAGE_READWRITE);
	assert_int_equal(seen.next, before);
}

#define small_test(test) cmocka_unit_test_setup_teardown(test, small_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		small_test(life_of_a_page),
		small_test(clean_zero_pages),
		small_test(least_recently_used),
		small_test(reset_pages_are_not_written),
		small_test(reset_undone),
		small_test(offered_by_priority),
		small_test(locked_pages_stay),
		small_test(prefetched),
		small_test(clusters),
		cmocka_unit_test(no_clusters),
		small_test(hard_maximum),
		small_test(observers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
