/* SPDX-License-Identifier: MIT
 *
 * Where tests of ntmm_thread_run take place: a machine with shared RAM, and this program's code as a
 * thread of its one process.
 */
#ifndef TESTS_API_RUN_H
#define TESTS_API_RUN_H

#include "place.h"

#define RC (MEM_RESERVE | MEM_COMMIT)
#define LAYOUT NTMM_LAYOUT_NT32_2GB /* there, sanitizers have nothing */

static const struct place *here; /* where the body of the test runs */

static inline ntmm_machine *shared_machine(uint64_t ram_bytes, uint32_t flags)
{
	ntmm_machine *machine = NULL;
	ntmm_machine_config config = {.size = sizeof config,
	                              .flags = test_mode() | NTMM_MACHINE_SHARED_RAM | flags,
	                              .ram_bytes = ram_bytes,
	                              .paging_file_bytes = 64 << 20};
	assert_int_equal(ntmm_machine_create(&config, &machine), STATUS_SUCCESS);
	return machine;
}

static inline void run_in(const struct place *place, void (*body)(void *context), void *context)
{
	here = place;
	assert_true(ntmm_native_take_signals()); /* in front of cmocka's */
	assert_true(ntmm_thread_run(place->thread, body, context));
	assert_true(ntmm_machine_check(place->machine));
}

static inline struct place open_place(uint64_t ram_bytes, uint32_t flags)
{
	struct place place = {.machine = shared_machine(ram_bytes, flags)};
	place.process = ntmm_process_create(place.machine, LAYOUT);
	assert_non_null(place.process);
	place.thread = ntmm_thread_create(place.process, NULL);
	assert_non_null(place.thread);
	return place;
}

static inline void close_place(struct place *place)
{
	ntmm_thread_destroy(place->thread);
	CloseHandle(place->process);
	ntmm_machine_destroy(place->machine);
}

static inline void run(void (*body)(void *context), void *context)
{
	struct place place = open_place(8 << 20, 0);
	run_in(&place, body, context);
	close_place(&place);
}

static inline void load_body(void *address)
{
	peek(address);
}

static inline void store_body(void *address)
{
	poke(address, 1);
}

static inline void assert_raises(void (*body)(void *), void *address, DWORD code, ULONG_PTR kind)
{
	EXCEPTION_RECORD record = {0};
	if (ntmm_try(body, address, &record))
		fail_msg("nothing was raised at %p", address);
	assert_int_equal(record.ExceptionCode, code);
	assert_int_equal(record.NumberParameters, 2);
	assert_int_equal(record.ExceptionInformation[0], kind);
	assert_ptr_equal((void *)record.ExceptionInformation[1], address);
}

#endif
