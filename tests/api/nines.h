/* SPDX-License-Identifier: MIT
 *
 * Windows 9x: a machine, some processes, and the host thread attached to the first.
 */
#ifndef TESTS_API_NINES_H
#define TESTS_API_NINES_H

#include <ntmm/ntapi.h>

#include "place.h"

#define MS_DOS 0x10000u
#define PRIVATE 0x400000u
#define SHARED 0x80000000u
#define SYSTEM 0xC0000000u
#define END UINT64_C(0x100000000)

#define NINES 2

struct nines {
	struct place place[NINES]; /* of the same machine */
};

static inline ntmm_machine *nines_machine(uint64_t ram_bytes, uint64_t paging_file_bytes,
                                          uint32_t flags)
{
	ntmm_machine *machine = NULL;
	ntmm_machine_config config = {.size = sizeof config,
	                              .flags = NTMM_MACHINE_WIN9X | flags,
	                              .ram_bytes = ram_bytes,
	                              .paging_file_bytes = paging_file_bytes};
	NTSTATUS status = ntmm_machine_create(&config, &machine);
	if (status)
		fail_msg("no machine: %#x, %s", (unsigned)status, ntmm_error_message());
	return machine;
}

static inline int nines_setup_with(void **state, uint64_t ram_bytes, uint32_t flags)
{
	struct nines *nines = calloc(1, sizeof *nines);
	ntmm_machine *machine = nines_machine(ram_bytes, 64 << 20, flags);
	for (int i = NINES - 1; i >= 0; i--) {
		nines->place[i].machine = machine;
		place_enter(&nines->place[i], NTMM_LAYOUT_WIN9X);
		if (i)
			ntmm_thread_detach();
	}
	*state = nines;
	return 0;
}

static inline int nines_setup(void **state)
{
	return nines_setup_with(state, 0, 0);
}

static inline int nines_setup_95(void **state)
{
	return nines_setup_with(state, 0, NTMM_MACHINE_WIN95);
}

/* Less RAM than the processes touch. */
static inline int nines_setup_small(void **state)
{
	return nines_setup_with(state, 1 << 20, 0);
}

static inline int nines_teardown(void **state)
{
	struct nines *nines = *state;
	ntmm_machine *machine = nines->place[0].machine;
	bool agrees = ntmm_machine_check(machine);
	if (!agrees)
		print_error("%s\n", ntmm_error_message());
	for (int i = 0; i < NINES; i++) {
		if (!i)
			ntmm_thread_detach();
		ntmm_thread_destroy(nines->place[i].thread);
		CloseHandle(nines->place[i].process);
	}
	bool agrees_still = ntmm_machine_check(machine);
	if (!agrees_still)
		print_error("without processes: %s\n", ntmm_error_message());
	ntmm_machine_destroy(machine);
	free(nines);
	return agrees && agrees_still ? 0 : -1;
}

#define nines_test(test) cmocka_unit_test_setup_teardown(test, nines_setup, nines_teardown)
#define nines_test_95(test) cmocka_unit_test_setup_teardown(test, nines_setup_95, nines_teardown)
#define nines_test_small(test) \
	cmocka_unit_test_setup_teardown(test, nines_setup_small, nines_teardown)

static inline MEMORY_BASIC_INFORMATION query_at(uint64_t address)
{
	MEMORY_BASIC_INFORMATION info;
	assert_int_equal(VirtualQuery(at(address), &info, sizeof info), sizeof info);
	return info;
}

static inline uint64_t load64(const struct place *place, uint64_t address)
{
	uint64_t value = 0;
	if (!ntmm_load64(place->thread, address, &value))
		fail_msg("load at %#lx: %#x", address,
		         (unsigned)ntmm_thread_exception(place->thread)->ExceptionCode);
	return value;
}

static inline void store64(const struct place *place, uint64_t address, uint64_t value)
{
	if (!ntmm_store64(place->thread, address, value))
		fail_msg("store at %#lx: %#x", address,
		         (unsigned)ntmm_thread_exception(place->thread)->ExceptionCode);
}

#endif
