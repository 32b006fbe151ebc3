/* SPDX-License-Identifier: MIT
 *
 * Where most tests of the calls take place: a machine, one process, and the host thread attached
 * to a thread of it; or the host process. And how they say what a call should answer.
 */
#ifndef TESTS_API_PLACE_H
#define TESTS_API_PLACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <ntmm/machine.h>
#include <ntmm/native.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#include "support/mode.h"
#include "support/touch.h"

#define PAGE 0x1000
#define GRANULE 0x10000
#define UNTOUCHED 54321 /* a last error that no call sets */

/* Success leaves the last error alone. */
#define assert_succeeds(call) \
	do { \
		SetLastError(UNTOUCHED); \
		if (!(call)) \
			fail_msg("%s: error %u", #call, GetLastError()); \
		assert_int_equal(GetLastError(), UNTOUCHED); \
	} while (0)

/* The call returns 0 and sets this last error. */
#define assert_fails(call, error) \
	do { \
		SetLastError(UNTOUCHED); \
		if (call) \
			fail_msg("%s: no failure", #call); \
		assert_int_equal(GetLastError(), error); \
	} while (0)

struct place {
	ntmm_machine *machine; /* NULL: the place is the host process itself */
	HANDLE process;        /* all rights */
	ntmm_thread *thread;   /* NULL there */
	const CMUnitTestFunction *test;
};

static inline ntmm_machine *place_machine(uint64_t ram_bytes, uint64_t paging_file_bytes)
{
	ntmm_machine *machine = NULL;
	ntmm_machine_config config = {.size = sizeof config,
	                              .flags = test_mode(),
	                              .ram_bytes = ram_bytes,
	                              .paging_file_bytes = paging_file_bytes};
	NTSTATUS status = ntmm_machine_create(&config, &machine);
	if (status)
		fail_msg("no machine: %#x, %s", (unsigned)status, ntmm_error_message());
	return machine;
}

static inline void place_enter(struct place *place, ntmm_layout layout)
{
	place->process = ntmm_process_create(place->machine, layout);
	assert_non_null(place->process);
	place->thread = ntmm_thread_create(place->process, NULL);
	assert_non_null(place->thread);
	assert_true(ntmm_thread_attach(place->thread));
}

static inline void place_leave(struct place *place)
{
	ntmm_thread_detach();
	ntmm_thread_destroy(place->thread);
	CloseHandle(place->process);
}

static inline int place_setup_as(void **state, ntmm_layout layout)
{
	struct place *place = calloc(1, sizeof *place);
	place->machine = place_machine(0, 64 << 20);
	place_enter(place, layout);
	*state = place;
	return 0;
}

static inline int place_setup(void **state)
{
	return place_setup_as(state, NTMM_LAYOUT_NT32_2GB);
}

/* Every test ends with every count of the machine agreeing. */
static inline int place_teardown(void **state)
{
	struct place *place = *state;
	bool agrees = ntmm_machine_check(place->machine);
	if (!agrees)
		print_error("%s\n", ntmm_error_message());
	place_leave(place);
	ntmm_machine_destroy(place->machine);
	free(place);
	return agrees ? 0 : -1;
}

#define place_test(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

/* The same test in the host process: host_test(test, host_setup). *state is the test before a setup. */
static inline int host_setup(void **state)
{
	struct place *place = calloc(1, sizeof *place);
	place->process = GetCurrentProcess();
	place->test = *state;
	*state = place;
	return 0;
}

static inline int host_teardown(void **state)
{
	free(*state);
	return 0;
}

/* The framework puts handlers of its own in front before each test. */
static inline void host_run(void **state)
{
	const struct place *place = *state;
	assert_true(ntmm_native_take_signals());
	(*place->test)(state);
}

#define host_test(test, setup) \
	{ \
		"host: " #test, host_run, setup, host_teardown, &(CMUnitTestFunction) { test } \
	}

static inline uint64_t address_in(const void *pointer)
{
	return (uintptr_t)pointer;
}

static inline void *at(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

/* A new allocation of the current process, committed. */
static inline char *must_commit(SIZE_T bytes, DWORD protect)
{
	char *base = VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, protect);
	if (!base)
		fail_msg("VirtualAlloc: error %u", GetLastError());
	return base;
}

static inline DWORD must_protect(void *address, SIZE_T bytes, DWORD protect)
{
	DWORD old;
	if (!VirtualProtect(address, bytes, protect, &old))
		fail_msg("VirtualProtect: error %u", GetLastError());
	return old;
}

static inline DWORD protect_at(const void *address)
{
	MEMORY_BASIC_INFORMATION info;
	assert_int_equal(VirtualQuery(address, &info, sizeof info), sizeof info);
	return info.Protect;
}

static inline DWORD state_at(const void *address)
{
	MEMORY_BASIC_INFORMATION info;
	assert_int_equal(VirtualQuery(address, &info, sizeof info), sizeof info);
	return info.State;
}

static inline ntmm_machine_counters counters_of(const struct place *place)
{
	ntmm_machine_counters counters = {.size = sizeof counters};
	assert_int_equal(ntmm_machine_get_counters(place->machine, &counters), STATUS_SUCCESS);
	return counters;
}

static inline ntmm_process_counters own_counters(void)
{
	ntmm_process_counters counters = {.size = sizeof counters};
	assert_int_equal(ntmm_process_get_counters(GetCurrentProcess(), &counters), STATUS_SUCCESS);
	return counters;
}

/* Loads and stores by the thread of the place. */
struct place_access {
	void *address;
	bool store;
	uint8_t value;
};

static inline void host_access(void *context)
{
	struct place_access *t = context;
	if (t->store)
		poke(t->address, t->value);
	else
		t->value = peek(t->address);
}

/* The status that it raises; STATUS_SUCCESS when it raises none. */
static inline NTSTATUS access_raises(const struct place *place, struct place_access *t)
{
	EXCEPTION_RECORD record;
	uint64_t address = (uintptr_t)t->address;
	if (!place->thread)
		return ntmm_try(host_access, t, &record) ? STATUS_SUCCESS
		                                   : (NTSTATUS)record.ExceptionCode;
	if (t->store ? ntmm_store8(place->thread, address, t->value)
	             : ntmm_load8(place->thread, address, &t->value))
		return STATUS_SUCCESS;
	return (NTSTATUS)ntmm_thread_exception(place->thread)->ExceptionCode;
}

static inline uint8_t load_at(const struct place *place, const void *address)
{
	struct place_access load = {at(address_in(address)), false, 0xEE};
	NTSTATUS status = access_raises(place, &load);
	if (status)
		fail_msg("load at %p: %#x", address, (unsigned)status);
	return load.value;
}

static inline void store_at(const struct place *place, void *address, uint8_t value)
{
	struct place_access store = {address, true, value};
	NTSTATUS status = access_raises(place, &store);
	if (status)
		fail_msg("store at %p: %#x", address, (unsigned)status);
}

static inline NTSTATUS load_raises(const struct place *place, const void *address)
{
	return access_raises(place, &(struct place_access){at(address_in(address)), false, 0});
}

static inline NTSTATUS store_raises(const struct place *place, void *address)
{
	return access_raises(place, &(struct place_access){address, true, 1});
}

#endif
