/* SPDX-License-Identifier: MIT
 *
 * AWE: frames of a process's own, and windows that they are mapped into (rules AW).
 */
#include "place.h"
#include "privilege.h"

#include <ntmm/ntapi.h>

#define MANY 64

static int setup(void **state)
{
	return place_setup(state) || !with_privilege(SE_PRIVILEGE_ENABLED);
}

static int setup_host(void **state)
{
	return host_setup(state) || !with_privilege(SE_PRIVILEGE_ENABLED);
}

#define physical_test(test) cmocka_unit_test_setup_teardown(test, setup, place_teardown)

static char *window(SIZE_T pages)
{
	char *base = VirtualAlloc(NULL, pages * PAGE, MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE);
	if (!base)
		fail_msg("VirtualAlloc: error %u", GetLastError());
	return base;
}

static void take(ULONG_PTR *frames, ULONG_PTR count)
{
	ULONG_PTR got = count;
	assert_succeeds(AllocateUserPhysicalPages(GetCurrentProcess(), &got, frames));
	assert_int_equal(got, count);
}

static void give(ULONG_PTR *frames, ULONG_PTR count)
{
	ULONG_PTR freed = count;
	assert_succeeds(FreeUserPhysicalPages(GetCurrentProcess(), &freed, frames));
	assert_int_equal(freed, count);
}

/* The machine's figures; the host process has none. */
static void assert_frames(const struct place *place, uint64_t frames)
{
	if (place->machine)
		assert_int_equal(own_counters().physical, frames);
}

static void assert_checks(const struct place *place)
{
	assert_true(!place->machine || ntmm_machine_check(place->machine));
}

static ntmm_page_info info_of(const void *address)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(GetCurrentProcess(), address_in(address), &info),
	                 STATUS_SUCCESS);
	return info;
}

/* ---- windows -------------------------------------------------------------------------------- */

static void test_window(void **state) /* S49, AW-1, VA-8, VA-9, VQ-17 */
{
	static const DWORD wrong[] = {MEM_COMMIT, MEM_WRITE_WATCH, MEM_LARGE_PAGES | MEM_COMMIT,
	                              MEM_RESET};
	MEMORY_BASIC_INFORMATION info;
	(void)state;
	with_privilege(0);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_fails(VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_PHYSICAL | wrong[i],
		                          PAGE_READWRITE),
		             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(NULL, PAGE, MEM_PHYSICAL, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_PHYSICAL, PAGE_READONLY),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_PHYSICAL,
	                          PAGE_READWRITE | PAGE_GUARD),
	             ERROR_INVALID_PARAMETER);
	char *base = VirtualAlloc(at(0x30001234), PAGE, MEM_RESERVE | MEM_PHYSICAL | MEM_TOP_DOWN,
	                          PAGE_READWRITE);
	assert_ptr_equal(base, at(0x30000000));
	assert_int_equal(VirtualQuery(base, &info, sizeof info), sizeof info);
	assert_int_equal(info.State, MEM_RESERVE);
	assert_int_equal(info.Protect, 0);
	assert_int_equal(info.RegionSize, 3 * PAGE);
	assert_int_equal(info.AllocationProtect, PAGE_READWRITE);
	assert_int_equal(info.Type, MEM_PRIVATE);
}

static void test_what_a_window_refuses(void **state) /* VA-48, VA-67, VF-14, VF-35, VL-3, VP-11 */
{
	struct place *place = *state;
	ULONG_PTR frames[2];
	uint64_t middle, size = PAGE;
	DWORD old;
	char *base = window(4);
	take(frames, 2);
	assert_succeeds(MapUserPhysicalPages(base, 2, frames));
	assert_fails(VirtualAlloc(base, PAGE, MEM_COMMIT, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualAlloc(base, PAGE, MEM_RESET, PAGE_READWRITE), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualAlloc(base, PAGE, MEM_RESET_UNDO, PAGE_READWRITE),
	             ERROR_INVALID_ADDRESS);
	assert_fails(VirtualFree(base, PAGE, MEM_DECOMMIT), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualFree(base, 0, MEM_DECOMMIT), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualProtect(base, PAGE, PAGE_READONLY, &old), ERROR_INVALID_ADDRESS);
	assert_fails(VirtualLock(base, PAGE), ERROR_INVALID_PARAMETER);
	assert_int_equal(OfferVirtualMemory(base, PAGE, VmOfferPriorityLow), ERROR_INVALID_PARAMETER);
	for (int part = 0; part < 3; part++) {
		middle = address_in(base) + (uint64_t)part * PAGE;
		assert_int_equal(NtFreeVirtualMemory(GetCurrentProcess(), &middle, &size,
		                                     MEM_RELEASE),
		                 STATUS_FREE_VM_NOT_AT_BASE);
	}
	assert_int_equal(state_at(base), MEM_COMMIT);
	store_at(place, base, 1);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	assert_int_equal(state_at(base), MEM_FREE);
	give(frames, 2); /* VF-36: they are the process's still */
}

/* ---- frames --------------------------------------------------------------------------------- */

static void test_privilege(void **state) /* AW-2, AW-7 */
{
	ULONG_PTR frames[2], count = 1;
	(void)state;
	take(frames, 2);
	with_privilege(0);
	assert_fails(AllocateUserPhysicalPages(GetCurrentProcess(), &count, frames),
	             ERROR_PRIVILEGE_NOT_HELD);
	assert_int_equal(count, 1);
	char *base = window(2);
	assert_succeeds(MapUserPhysicalPages(base, 2, frames));
	give(frames, 2);
}

static void test_frames_are_charged(void **state) /* AW-3, CM-2, WS-1 */
{
	const struct place *place = *state;
	ULONG_PTR frames[MANY];
	char *base = window(MANY);
	ntmm_machine_counters before = counters_of(place), after;
	ntmm_process_counters own = own_counters();
	take(frames, MANY);
	after = counters_of(place);
	assert_int_equal(after.commit_total, before.commit_total + MANY);
	assert_int_equal(after.resident_total, before.resident_total + MANY);
	assert_int_equal(after.physical, MANY);
	assert_int_equal(own_counters().physical, MANY);
	assert_succeeds(MapUserPhysicalPages(base, MANY, frames));
	for (int i = 0; i < MANY; i++)
		store_at(place, base + i * PAGE, 1);
	assert_int_equal(own_counters().working_set, own.working_set);
	assert_int_equal(own_counters().demand_zero, own.demand_zero); /* no faults */
	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	ntmm_machine_balance(place->machine, UINT64_MAX);
	assert_int_equal(info_of(base).where, NTMM_PAGE_PHYSICAL);
	assert_int_equal(info_of(base).frame, frames[0]);
	assert_true(info_of(base).locked);
	give(frames, MANY);
	assert_int_equal(counters_of(place).physical, 0);
	assert_int_equal(counters_of(place).commit_total, before.commit_total);
	assert_int_equal(counters_of(place).resident_total, before.resident_total);
	assert_int_equal(load_raises(place, base), STATUS_ACCESS_VIOLATION); /* AW-7, AW-10 */
}

static void test_zeroed(void **state) /* AW-3 */
{
	const struct place *place = *state;
	ULONG_PTR frames[MANY];
	char *base = window(MANY);
	for (int turn = 0; turn < 2; turn++) {
		take(frames, MANY);
		assert_succeeds(MapUserPhysicalPages(base, MANY, frames));
		for (int i = 0; i < MANY; i++) {
			assert_int_equal(load_at(place, base + i * PAGE + 100), 0);
			store_at(place, base + i * PAGE + 100, 0xAA);
		}
		give(frames, MANY);
	}
}

static void test_fewer_than_asked(void **state) /* AW-2 */
{
	struct place *place = *state;
	static ULONG_PTR frames[20000];
	ULONG_PTR count = 20000, more = 1, freed;
	assert_succeeds(AllocateUserPhysicalPages(place->process, &count, frames));
	assert_in_range(count, 1000, 16384); /* RAM is 64 MB */
	assert_int_equal(counters_of(place).physical, count);
	assert_fails(AllocateUserPhysicalPages(place->process, &more, frames + count),
	             ERROR_NO_SYSTEM_RESOURCES);
	assert_int_equal(more, 1);
	char *base = must_commit(PAGE, PAGE_READWRITE); /* others go on */
	store_at(place, base, 1);
	freed = count;
	assert_succeeds(FreeUserPhysicalPages(place->process, &freed, frames));
	assert_int_equal(freed, count);
	count = 0;
	assert_succeeds(AllocateUserPhysicalPages(place->process, &count, NULL));
}

static void test_free_stops_at_a_stranger(void **state) /* AW-7 */
{
	struct place *place = *state;
	ULONG_PTR frames[4], count = 4;
	take(frames, 4);
	ULONG_PTR list[4] = {frames[0], frames[1], 0, frames[2]};
	assert_fails(FreeUserPhysicalPages(place->process, &count, list), ERROR_INVALID_ADDRESS);
	assert_int_equal(count, 2);
	count = 1;
	assert_fails(FreeUserPhysicalPages(place->process, &count, list), ERROR_INVALID_ADDRESS);
	assert_int_equal(count, 0); /* freed before */
	assert_frames(place, 2);
	list[0] = UINT64_MAX;
	count = 1;
	assert_fails(FreeUserPhysicalPages(place->process, &count, list), ERROR_INVALID_ADDRESS);
}

/* ---- mapping -------------------------------------------------------------------------------- */

static void test_remapping_moves_data(void **state) /* S49, AW-8, AW-11 */
{
	const struct place *place = *state;
	ULONG_PTR frames[8], turned[8];
	char *base = window(16);
	take(frames, 8);
	assert_succeeds(MapUserPhysicalPages(base + 5, 8, frames)); /* rounded down */
	for (int i = 0; i < 8; i++)
		store_at(place, base + i * PAGE, (uint8_t)(i + 1));
	const uint8_t *ram = place->machine ? ntmm_machine_ram(place->machine, NULL) : NULL;
	for (int i = 0; i < 8; i++) {
		assert_true(!ram || ram[frames[i] * PAGE] == i + 1);
		turned[i] = frames[7 - i];
	}
	assert_fails(MapUserPhysicalPages(base + 8 * PAGE, 8, turned), ERROR_INVALID_PARAMETER);
	assert_succeeds(MapUserPhysicalPages(base, 8, NULL));
	assert_int_equal(load_raises(place, base), STATUS_ACCESS_VIOLATION); /* AW-10 */
	assert_succeeds(MapUserPhysicalPages(base + 8 * PAGE, 8, turned));
	for (int i = 0; i < 8; i++)
		assert_int_equal(load_at(place, base + (8 + i) * PAGE), 8 - i);
}

static void test_more_than_the_window(void **state) /* S49 */
{
	const struct place *place = *state;
	ULONG_PTR frames[MANY];
	char *base = window(1);
	take(frames, MANY);
	for (int i = 0; i < MANY; i++) {
		assert_succeeds(MapUserPhysicalPages(base, 1, &frames[i])); /* in place of the last */
		store_at(place, base, (uint8_t)i);
	}
	for (int i = MANY - 1; i >= 0; i--) {
		assert_succeeds(MapUserPhysicalPages(base, 1, &frames[i]));
		assert_int_equal(load_at(place, base), i);
	}
}

static void refused(char *base, ULONG_PTR count, ULONG_PTR *frames)
{
	assert_fails(MapUserPhysicalPages(base, count, frames), ERROR_INVALID_PARAMETER);
}

/* A frame of another process; of none, where there is no machine. */
static HANDLE make_stranger(const struct place *place, ULONG_PTR *frame)
{
	ULONG_PTR one = 1;
	*frame = 1 << 20;
	if (!place->machine)
		return NULL;
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT32_2GB);
	assert_true(AllocateUserPhysicalPages(other, &one, frame));
	return other;
}

static void test_all_or_nothing(void **state) /* AW-4, AW-8 */
{
	struct place *place = *state;
	ULONG_PTR frames[6], list[4];
	char *base = window(16);
	ULONG_PTR stranger;
	HANDLE other = make_stranger(place, &stranger);
	take(frames, 6);
	assert_succeeds(MapUserPhysicalPages(base, 2, frames));
	store_at(place, base, 1);
	store_at(place, base + PAGE, 2);
	const ULONG_PTR wrong[] = {0, place->machine ? 1 : 0, stranger, UINT64_MAX, UINT64_MAX - 1, frames[0],
	                           UINT64_C(1) << 32};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		memcpy(list, frames + 2, sizeof list);
		list[2] = wrong[i];
		refused(base + PAGE, 4, list);
	}
	list[2] = list[0]; /* twice in the array */
	refused(base + PAGE, 4, list);
	refused(base + 15 * PAGE, 2, frames + 2);
	refused(base + 16 * PAGE, 1, frames + 2);
	refused(at(0x70000000), 1, frames + 2);
	refused(must_commit(PAGE, PAGE_READWRITE), 1, frames + 2);
	refused(base, UINT64_MAX / 2, frames);
	refused(at(UINT64_MAX), 1, frames);
	assert_int_equal(load_at(place, base), 1);
	assert_int_equal(load_at(place, base + PAGE), 2);
	assert_int_equal(state_at(base + 2 * PAGE), MEM_RESERVE);
	assert_succeeds(MapUserPhysicalPages(base, 2, frames)); /* where they are: fine */
	assert_succeeds(MapUserPhysicalPages(at(8), 0, NULL));
	assert_int_equal(load_at(place, base + PAGE), 2);
	if (place->machine) {
		assert_int_equal(own_counters().violations, 0);
		CloseHandle(other);
	}
}

static void test_scatter(void **state) /* AW-5 */
{
	const struct place *place = *state;
	ULONG_PTR frames[4];
	char *one = window(16), *two = window(16);
	take(frames, 4);
	PVOID places[4] = {one + 3 * PAGE, two + 7 * PAGE + 9, one, two + 15 * PAGE};
	assert_succeeds(MapUserPhysicalPagesScatter(places, 4, frames));
	for (int i = 0; i < 4; i++)
		store_at(place, places[i], (uint8_t)(i + 1));
	ULONG_PTR next[4] = {frames[0], 0, 0, frames[3]};
	assert_succeeds(MapUserPhysicalPagesScatter(places, 4, next));
	assert_int_equal(load_at(place, places[0]), 1);
	assert_int_equal(load_raises(place, places[1]), STATUS_ACCESS_VIOLATION);
	assert_int_equal(state_at(places[2]), MEM_RESERVE);
	assert_int_equal(load_at(place, places[3]), 4);
	places[2] = at(0x70000000); /* not in a window */
	assert_fails(MapUserPhysicalPagesScatter(places, 4, frames), ERROR_INVALID_PARAMETER);
	assert_int_equal(state_at(places[1]), MEM_RESERVE);
	places[2] = one;
	assert_succeeds(MapUserPhysicalPagesScatter(places, 4, NULL));
	for (int i = 0; i < 4; i++)
		assert_int_equal(load_raises(place, places[i]), STATUS_ACCESS_VIOLATION);
	assert_frames(place, 4);
}

static void test_an_address_twice(void **state)
{
	const struct place *place = *state;
	ULONG_PTR frames[3];
	char *base = window(4);
	take(frames, 3);
	assert_succeeds(MapUserPhysicalPages(base, 3, frames));
	for (int i = 0; i < 3; i++)
		store_at(place, base + i * PAGE, (uint8_t)(i + 1));
	assert_succeeds(MapUserPhysicalPages(base, 3, NULL));
	PVOID places[4] = {base, base, base + PAGE, base + PAGE};
	ULONG_PTR list[4] = {frames[0], frames[1], frames[2], 0};
	for (int turn = 0; turn < 2; turn++) {
		assert_succeeds(MapUserPhysicalPagesScatter(places, 4, list));
		assert_int_equal(load_at(place, base), 2);
		assert_int_equal(state_at(base + PAGE), MEM_RESERVE);
		assert_checks(place);
		ULONG_PTR back[4] = {0, frames[0], 0, frames[2]};
		assert_succeeds(MapUserPhysicalPagesScatter(places, 4, back));
		assert_int_equal(load_at(place, base), 1);
		assert_int_equal(load_at(place, base + PAGE), 3);
		assert_checks(place);
		assert_succeeds(MapUserPhysicalPages(base, 2, NULL));
	}
}

static void test_query(void **state) /* VQ-17, VQ-20 */
{
	MEMORY_BASIC_INFORMATION info;
	MEMORY_REGION_INFORMATION region;
	ULONG_PTR frames[5];
	uint64_t returned;
	char *base = window(16);
	(void)state;
	take(frames, 5);
	assert_succeeds(MapUserPhysicalPages(base + 2 * PAGE, 5, frames));
	const struct {
		uint64_t page, pages;
		DWORD state, protect;
	} rows[] = {{0, 2, MEM_RESERVE, 0}, {2, 5, MEM_COMMIT, PAGE_READWRITE},
	            {4, 3, MEM_COMMIT, PAGE_READWRITE}, {7, 9, MEM_RESERVE, 0}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		VirtualQuery(base + rows[i].page * PAGE + 1, &info, sizeof info);
		assert_int_equal(info.State, rows[i].state);
		assert_int_equal(info.Protect, rows[i].protect);
		assert_int_equal(info.RegionSize, rows[i].pages * PAGE);
		assert_ptr_equal(info.AllocationBase, base);
	}
	assert_int_equal(NtQueryVirtualMemory(GetCurrentProcess(), address_in(base),
	                                      MemoryRegionInformation, &region, sizeof region,
	                                      &returned),
	                 STATUS_SUCCESS);
	assert_int_equal(region.CommitSize, 5 * PAGE);
	assert_int_equal(region.RegionSize, 16 * PAGE);
	PSAPI_WORKING_SET_EX_INFORMATION entry = {.VirtualAddress = base + 2 * PAGE};
	assert_succeeds(QueryWorkingSetEx(GetCurrentProcess(), &entry, sizeof entry));
	assert_true(entry.VirtualAttributes.Valid && entry.VirtualAttributes.Locked);
}

static void test_copies(void **state) /* AW-14 */
{
	const struct place *place = *state;
	ULONG_PTR frames[2];
	char *base = window(4), bytes[2 * PAGE] = {7};
	uint64_t copied;
	take(frames, 2);
	assert_succeeds(MapUserPhysicalPages(base, 2, frames));
	store_at(place, base + PAGE, 9);
	assert_succeeds(ReadProcessMemory(place->process, base, bytes, 2 * PAGE, NULL));
	assert_int_equal(bytes[PAGE], 9);
	assert_int_equal(NtWriteVirtualMemory(place->process, address_in(base) + PAGE - 1, "ab", 2,
	                                      &copied),
	                 STATUS_SUCCESS);
	assert_int_equal(load_at(place, base + PAGE), 'b');
	assert_fails(ReadProcessMemory(place->process, base + PAGE, bytes, PAGE + 1, NULL),
	             ERROR_PARTIAL_COPY);
	/* VP-11: what is to be written cannot be made writable (PM-9) */
	assert_fails(WriteProcessMemory(place->process, base, "ab", 2, NULL), ERROR_INVALID_ADDRESS);
}

static void test_bad_pointers(void **state)
{
	struct place *place = *state;
	ULONG_PTR frame, count = 1;
	char *base = window(1);
	PVOID places[1] = {base};
	take(&frame, 1);
	assert_fails(AllocateUserPhysicalPages(place->process, NULL, &frame), ERROR_NOACCESS);
	assert_fails(AllocateUserPhysicalPages(place->process, &count, NULL), ERROR_NOACCESS);
	assert_fails(FreeUserPhysicalPages(place->process, &count, NULL), ERROR_NOACCESS);
	assert_fails(MapUserPhysicalPages(base, 1, at(8)), ERROR_NOACCESS);
	assert_fails(MapUserPhysicalPagesScatter(NULL, 1, &frame), ERROR_NOACCESS);
	assert_fails(MapUserPhysicalPagesScatter(places, 1, at(8)), ERROR_NOACCESS);
	count = UINT64_MAX;
	assert_fails(AllocateUserPhysicalPages(place->process, &count, &frame),
	             ERROR_INVALID_PARAMETER);
	assert_fails(MapUserPhysicalPagesScatter(places, UINT64_MAX, &frame),
	             ERROR_INVALID_PARAMETER);
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void test_freed_at_process_end(void **state) /* AW-6, AW-12 */
{
	struct place *place = *state;
	ntmm_machine_counters before = counters_of(place);
	ULONG_PTR frames[MANY];
	HANDLE other = ntmm_process_create(place->machine, NTMM_LAYOUT_NT64_128TB);
	ULONG_PTR count = MANY;
	assert_succeeds(AllocateUserPhysicalPages(other, &count, frames));
	void *base = VirtualAllocEx(other, NULL, MANY * PAGE, MEM_RESERVE | MEM_PHYSICAL,
	                            PAGE_READWRITE);
	assert_non_null(base);
	/* in the current process, whose they are not */
	assert_fails(MapUserPhysicalPages(window(MANY), MANY, frames), ERROR_INVALID_PARAMETER);
	ntmm_thread *thread = ntmm_thread_create(other, NULL);
	ntmm_thread_detach();
	assert_true(ntmm_thread_attach(thread));
	assert_succeeds(MapUserPhysicalPages(base, MANY / 2, frames));
	ntmm_thread_detach();
	assert_true(ntmm_thread_attach(place->thread));
	ntmm_thread_destroy(thread);
	assert_true(ntmm_machine_check(place->machine));
	assert_succeeds(TerminateProcess(other, 0));
	assert_int_equal(counters_of(place).physical, 0);
	assert_int_equal(counters_of(place).resident_total, before.resident_total);
	CloseHandle(other);
}

/* S49, AW-13: 32-bit, and more of it than 4 GB: 6 GB of RAM, of which 64 MB are touched. */
static void test_beyond_four_gigabytes(void **state)
{
	enum { AT_ONCE = 1 << 18, STEP = 100 }; /* 1 GB */
	ULONG_PTR *frames = calloc(5 * AT_ONCE, sizeof *frames);
	struct place place = {.machine = place_machine(UINT64_C(6) << 30, 0)};
	uint64_t highest = 0, value;
	(void)state;
	place_enter(&place, NTMM_LAYOUT_NT32_2GB);
	assert_true(with_privilege(SE_PRIVILEGE_ENABLED));
	char *base = window(AT_ONCE);
	take(frames, 5 * AT_ONCE);
	for (int part = 0; part < 5; part++) {
		assert_succeeds(MapUserPhysicalPages(base, AT_ONCE, frames + part * AT_ONCE));
		for (uint64_t i = 0; i < AT_ONCE; i += STEP) {
			uint64_t number = frames[(uint64_t)part * AT_ONCE + i];
			highest = number > highest ? number : highest;
			assert_true(ntmm_store64(place.thread, address_in(base) + i * PAGE, number));
		}
	}
	assert_true(highest >> 20 != 0); /* physical addresses of more than 32 bits */
	for (int part = 4; part >= 0; part--) {
		assert_succeeds(MapUserPhysicalPages(base, AT_ONCE, frames + part * AT_ONCE));
		for (uint64_t i = 0; i < AT_ONCE; i += STEP) {
			assert_true(ntmm_load64(place.thread, address_in(base) + i * PAGE, &value));
			assert_int_equal(value, frames[(uint64_t)part * AT_ONCE + i]);
		}
	}
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
	free(frames);
}

/* The tables over mapped pages stay; a page that would need more than the machine has does not. */
static void test_tables(void **state)
{
	enum { SPANS = 48 };
	struct place place = {.machine = place_machine(128 * PAGE, 0)};
	ULONG_PTR frames[SPANS];
	PVOID places[SPANS];
	(void)state;
	place_enter(&place, NTMM_LAYOUT_NT32_2GB);
	assert_true(with_privilege(SE_PRIVILEGE_ENABLED));
	char *base = VirtualAlloc(NULL, SPANS << 21, MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE);
	assert_non_null(base);
	take(frames, SPANS);
	for (int i = 0; i < SPANS; i++)
		places[i] = base + ((uint64_t)i << 21);
	uint64_t resident = counters_of(&place).resident_total;
	assert_fails(MapUserPhysicalPagesScatter(places, SPANS, frames), ERROR_NO_SYSTEM_RESOURCES);
	assert_int_equal(counters_of(&place).resident_total, resident);
	assert_int_equal(state_at(base), MEM_RESERVE);
	assert_true(ntmm_machine_check(place.machine));
	assert_succeeds(MapUserPhysicalPagesScatter(places, SPANS / 4, frames));
	assert_true(counters_of(&place).resident_total >= resident + SPANS / 4);
	for (int i = 0; i < SPANS / 4; i++)
		store_at(&place, places[i], 1);
	assert_true(ntmm_machine_check(place.machine));
	assert_succeeds(MapUserPhysicalPagesScatter(places, SPANS / 4, NULL));
	assert_int_equal(counters_of(&place).resident_total, resident);
	assert_true(ntmm_machine_check(place.machine));
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
}

/* ---- the host process ----------------------------------------------------------------------- */

static uint64_t commit_left(void)
{
	MEMORYSTATUSEX status = {.dwLength = sizeof status};
	assert_succeeds(GlobalMemoryStatusEx(&status));
	return status.ullAvailPageFile;
}

static void test_host_charges(void **state) /* AW-3 */
{
	ULONG_PTR frames[MANY];
	(void)state;
	uint64_t before = commit_left();
	take(frames, MANY);
	assert_int_equal(commit_left(), before - MANY * PAGE);
	give(frames, MANY);
	assert_int_equal(commit_left(), before);
}

/* Numbers come again, and memory of the process's own does not go with a window. */
static void test_host_gives_out_again(void **state) /* AW-3, VF-36 */
{
	const struct place *place = *state;
	ULONG_PTR frames[MANY], again[MANY];
	char *base = window(MANY);
	take(frames, MANY);
	assert_succeeds(MapUserPhysicalPages(base, MANY, frames));
	for (int i = 0; i < MANY; i++)
		store_at(place, base + i * PAGE, (uint8_t)(i + 1));
	give(frames + MANY / 2, MANY / 2);
	assert_int_equal(load_raises(place, base + MANY / 2 * PAGE), STATUS_ACCESS_VIOLATION);
	take(again, MANY / 2);
	for (int i = 0; i < MANY / 2; i++)
		assert_int_equal(again[i], frames[MANY / 2 + i]);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	base = window(MANY);
	assert_int_equal(load_raises(place, base), STATUS_ACCESS_VIOLATION);
	assert_succeeds(MapUserPhysicalPages(base, MANY, frames));
	for (int i = 0; i < MANY; i++)
		assert_int_equal(load_at(place, base + i * PAGE), i < MANY / 2 ? i + 1 : 0);
	give(frames, MANY);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
}

/* More than the first tables have room for. */
static void test_host_many(void **state)
{
	enum { FRAMES = 10000 };
	const struct place *place = *state;
	ULONG_PTR *frames = calloc(FRAMES, sizeof *frames);
	char *base = window(FRAMES);
	take(frames, FRAMES / 2);
	assert_succeeds(MapUserPhysicalPages(base, FRAMES / 2, frames));
	for (int i = 0; i < FRAMES / 2; i += 7)
		store_at(place, base + i * PAGE, (uint8_t)i);
	take(frames + FRAMES / 2, FRAMES / 2);
	assert_succeeds(MapUserPhysicalPages(base, FRAMES, frames));
	for (int i = 0; i < FRAMES / 2; i += 7)
		assert_int_equal(load_at(place, base + i * PAGE), (uint8_t)i);
	for (int i = 0; i < FRAMES / 2; i++) { /* a mapping for each */
		ULONG_PTR other = frames[i];
		frames[i] = frames[FRAMES - 1 - i];
		frames[FRAMES - 1 - i] = other;
	}
	assert_succeeds(MapUserPhysicalPages(base, FRAMES, NULL));
	assert_succeeds(MapUserPhysicalPages(base, FRAMES, frames));
	for (int i = 0; i < FRAMES / 2; i += 7)
		assert_int_equal(load_at(place, base + (FRAMES - 1 - i) * PAGE), (uint8_t)i);
	give(frames, FRAMES);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	free(frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		physical_test(test_window),
		physical_test(test_what_a_window_refuses),
		physical_test(test_privilege),
		physical_test(test_frames_are_charged),
		physical_test(test_zeroed),
		physical_test(test_fewer_than_asked),
		physical_test(test_free_stops_at_a_stranger),
		physical_test(test_remapping_moves_data),
		physical_test(test_more_than_the_window),
		physical_test(test_all_or_nothing),
		physical_test(test_scatter),
		physical_test(test_an_address_twice),
		physical_test(test_query),
		physical_test(test_copies),
		physical_test(test_bad_pointers),
		physical_test(test_freed_at_process_end),
		cmocka_unit_test(test_beyond_four_gigabytes),
		cmocka_unit_test(test_tables),
		host_test(test_window, setup_host),
		host_test(test_what_a_window_refuses, setup_host),
		host_test(test_privilege, setup_host),
		host_test(test_zeroed, setup_host),
		host_test(test_free_stops_at_a_stranger, setup_host),
		host_test(test_remapping_moves_data, setup_host),
		host_test(test_more_than_the_window, setup_host),
		host_test(test_all_or_nothing, setup_host),
		host_test(test_scatter, setup_host),
		host_test(test_an_address_twice, setup_host),
		host_test(test_query, setup_host),
		host_test(test_copies, setup_host),
		host_test(test_bad_pointers, setup_host),
		host_test(test_host_charges, setup_host),
		host_test(test_host_gives_out_again, setup_host),
		host_test(test_host_many, setup_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
