/* SPDX-License-Identifier: MIT
 *
 * Two processes of one machine that show sections, the first of 32 bits, the second of 64. The host
 * thread is attached to the first. When all handles are closed nothing may be left of anything.
 */
#ifndef TESTS_API_TWO_H
#define TESTS_API_TWO_H

#include <ntmm/ntapi.h>

#include "place.h"

struct two {
	ntmm_machine *machine;
	struct place place[2];
	HANDLE section;              /* the test's own: closed at the end, unless NULL */
	ntmm_machine_counters empty; /* before there was any process */
};

static inline int two_setup_with(void **state, uint64_t ram_bytes, uint64_t paging_file_bytes)
{
	struct two *two = calloc(1, sizeof *two);
	two->machine = place_machine(ram_bytes, paging_file_bytes);
	two->place[0].machine = two->machine;
	two->empty = counters_of(&two->place[0]);
	for (int i = 1; i >= 0; i--) {
		two->place[i].machine = two->machine;
		place_enter(&two->place[i], i ? NTMM_LAYOUT_NT64_128TB : NTMM_LAYOUT_NT32_2GB);
		if (i)
			ntmm_thread_detach();
	}
	*state = two;
	return 0;
}

static inline int two_setup(void **state)
{
	return two_setup_with(state, 1 << 20, 8 << 20);
}

static inline int two_teardown(void **state)
{
	struct two *two = *state;
	bool agrees = ntmm_machine_check(two->machine);
	if (!agrees)
		print_error("%s\n", ntmm_error_message());
	if (two->section)
		CloseHandle(two->section);
	for (int i = 0; i < 2; i++) {
		if (!i)
			ntmm_thread_detach();
		ntmm_thread_destroy(two->place[i].thread);
		CloseHandle(two->place[i].process);
	}
	ntmm_machine_counters c = counters_of(&two->place[0]);
	assert_int_equal(c.commit_total, 0);
	assert_int_equal(c.resident_total, two->empty.resident_total);
	assert_int_equal(c.active + c.tables + c.standby + c.modified + c.slots_used, 0);
	ntmm_machine_destroy(two->machine);
	free(two);
	return agrees ? 0 : -1;
}

#define two_test(test) cmocka_unit_test_setup_teardown(test, two_setup, two_teardown)

/* Backed by the paging file; `protect` may have SEC_ bits. It is the test's own section. */
static inline HANDLE two_section(struct two *two, uint64_t bytes, DWORD protect)
{
	two->section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, protect, bytes >> 32,
	                                  (DWORD)bytes, NULL);
	if (!two->section)
		fail_msg("CreateFileMapping: error %u", GetLastError());
	return two->section;
}

/* A view of all of the section, anywhere. */
static inline char *two_view(struct two *two, int who, ULONG protect)
{
	char *base = MapViewOfFile2(two->section, two->place[who].process, 0, NULL, 0, 0, protect);
	if (!base)
		fail_msg("MapViewOfFile2: error %u", GetLastError());
	return base;
}

static inline uint64_t two_load(const struct two *two, int who, const void *address)
{
	uint64_t value = 0;
	ntmm_thread *thread = two->place[who].thread;
	if (!ntmm_load64(thread, address_in(address), &value))
		fail_msg("load at %p: %#x", address,
		         (unsigned)ntmm_thread_exception(thread)->ExceptionCode);
	return value;
}

static inline void two_store(const struct two *two, int who, void *address, uint64_t value)
{
	ntmm_thread *thread = two->place[who].thread;
	if (!ntmm_store64(thread, address_in(address), value))
		fail_msg("store at %p: %#x", address,
		         (unsigned)ntmm_thread_exception(thread)->ExceptionCode);
}

static inline MEMORY_BASIC_INFORMATION two_query(const struct two *two, int who,
                                                 const void *address)
{
	MEMORY_BASIC_INFORMATION info;
	assert_int_equal(VirtualQueryEx(two->place[who].process, address, &info, sizeof info),
	                 sizeof info);
	return info;
}

static inline DWORD two_protect_at(const struct two *two, int who, const void *address)
{
	return two_query(two, who, address).Protect;
}

/* VirtualProtectEx must succeed; what was there. */
static inline DWORD two_protect(const struct two *two, int who, void *address, SIZE_T bytes,
                                DWORD protect)
{
	DWORD old;
	if (!VirtualProtectEx(two->place[who].process, address, bytes, protect, &old))
		fail_msg("VirtualProtectEx: error %u", GetLastError());
	return old;
}

static inline ntmm_page_info two_page(const struct two *two, int who, const void *address)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(two->place[who].process, address_in(address), &info),
	                 STATUS_SUCCESS);
	return info;
}

/* Pages promised by the machine. */
static inline uint64_t two_commit(const struct two *two)
{
	return counters_of(&two->place[0]).commit_total;
}

/* Private pages promised to a process. */
static inline uint64_t two_usage(const struct two *two, int who)
{
	PROCESS_MEMORY_COUNTERS_EX info = {.cb = sizeof info};
	assert_true(GetProcessMemoryInfo(two->place[who].process,
	                                 (PROCESS_MEMORY_COUNTERS *)(void *)&info, sizeof info));
	return info.PrivateUsage / PAGE;
}

#endif
