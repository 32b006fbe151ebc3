/* SPDX-License-Identifier: MIT
 *
 * Paging proven by content: more memory in use than RAM, every byte compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ntmm/machine.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#include "support/mode.h"

#define PAGE 4096u
#define MB (1u << 20)
#define PROCESSES 8

static ntmm_machine *machine_of(uint64_t ram, uint64_t paging_file)
{
	ntmm_machine_config config = {.size = sizeof config,
	                              .flags = test_mode(),
	                              .ram_bytes = ram,
	                              .paging_file_bytes = paging_file};
	ntmm_machine *machine;
	if (ntmm_machine_create(&config, &machine))
		fail_msg("no machine: %s", ntmm_error_message());
	return machine;
}

static ntmm_machine_counters counters_of(ntmm_machine *machine)
{
	ntmm_machine_counters c = {.size = sizeof c};
	assert_int_equal(ntmm_machine_get_counters(machine, &c), STATUS_SUCCESS);
	return c;
}

static void check(ntmm_machine *machine)
{
	if (!ntmm_machine_check(machine))
		fail_msg("%s", ntmm_error_message());
	ntmm_machine_counters c = counters_of(machine);
	assert_int_equal(c.ram, c.zeroed + c.free + c.standby + c.modified + c.active +
	                                c.transition + c.tables + c.fixed);
}

/* A reproducible stream of bytes: splitmix64. */
static uint64_t random_word(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static void store_all(ntmm_thread *thread, uint64_t base, uint64_t bytes, uint64_t seed)
{
	for (uint64_t at = 0; at < bytes; at += 8)
		assert_true(ntmm_store64(thread, base + at, random_word(&seed)));
}

static void compare_all(ntmm_thread *thread, uint64_t base, uint64_t bytes, uint64_t seed)
{
	for (uint64_t at = 0; at < bytes; at += 8) {
		uint64_t value = 0;
		assert_true(ntmm_load64(thread, base + at, &value));
		assert_int_equal(value, random_word(&seed));
	}
}

/* S9, S11, S12, S13, S14: eight processes with 1 MB each on a machine with 2 MB: pages move between RAM
 * and the paging file, and nobody can tell but by the counters. */
static void four_times_ram(void **state)
{
	(void)state;
	ntmm_machine *machine = machine_of(2 * MB, 16 * MB);
	HANDLE process[PROCESSES];
	ntmm_thread *thread[PROCESSES];
	uint64_t base[PROCESSES];
	for (int i = 0; i < PROCESSES; i++) {
		process[i] = ntmm_process_create(machine, (ntmm_layout)(i % NTMM_LAYOUT_WIN9X));
		assert_non_null(process[i]);
		thread[i] = ntmm_thread_create(process[i], NULL);
		assert_non_null(thread[i]);
		base[i] = (uint64_t)(uintptr_t)VirtualAllocEx(process[i], NULL, MB,
		                                              MEM_RESERVE | MEM_COMMIT,
		                                              PAGE_READWRITE);
		assert_int_not_equal(base[i], 0);
	}
	for (int i = 0; i < PROCESSES; i++)
		store_all(thread[i], base[i], MB, (uint64_t)i);
	check(machine);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < PROCESSES; i++)
			compare_all(thread[i], base[i], MB, (uint64_t)i);
	check(machine);
	ntmm_machine_counters c = counters_of(machine);
	assert_true(c.page_outs >= PROCESSES * MB / PAGE - c.ram);
	assert_true(c.page_ins >= 2 * (PROCESSES * MB / PAGE - c.ram));
	assert_true(c.slots_used > 0);
	for (int i = 0; i < PROCESSES; i++) {
		ntmm_thread_destroy(thread[i]);
		assert_true(
			CloseHandle(process[i])); /* S17: the end of a process frees everything */
	}
	c = test_rest(machine);
	assert_int_equal(c.slots_used, 0);
	assert_int_equal(c.commit_total, 0);
	assert_int_equal(c.resident_total, 0);
	assert_int_equal(c.active + c.standby + c.modified + c.tables, 0);
	check(machine);
	ntmm_machine_destroy(machine);
}

/* S13: random single pages, read and written in no order, by two processes at once. */
static void random_pages(void **state)
{
	(void)state;
	enum { PAGES = 700, STEPS = 40000 };
	ntmm_machine *machine = machine_of(1 * MB, 8 * MB);
	static uint32_t shadow[2][PAGES];
	HANDLE process[2];
	ntmm_thread *thread[2];
	uint64_t base[2], seed = 7;
	memset(shadow, 0, sizeof shadow);
	for (int i = 0; i < 2; i++) {
		process[i] = ntmm_process_create(machine, NTMM_LAYOUT_NT64_128TB);
		thread[i] = ntmm_thread_create(process[i], NULL);
		base[i] = (uint64_t)(uintptr_t)VirtualAllocEx(process[i], NULL, PAGES * PAGE,
		                                              MEM_RESERVE | MEM_COMMIT,
		                                              PAGE_READWRITE);
	}
	for (int step = 0; step < STEPS; step++) {
		uint64_t r = random_word(&seed);
		int i = r & 1, page = (int)((r >> 8) % PAGES);
		uint64_t at = base[i] + (uint64_t)page * PAGE + (uint64_t)(page % 1000) * 4;
		uint32_t value = 1;
		if (r & 2) {
			shadow[i][page] = (uint32_t)(r >> 32);
			assert_true(ntmm_store32(thread[i], at, shadow[i][page]));
		} else {
			assert_true(ntmm_load32(thread[i], at, &value));
			assert_int_equal(value, shadow[i][page]);
		}
	}
	check(machine);
	for (int i = 0; i < 2; i++) {
		ntmm_thread_destroy(thread[i]);
		CloseHandle(process[i]);
	}
	ntmm_machine_destroy(machine);
}

/* What is committed can always be kept (CM-5): RAM and paging file both full and dirty, every page
 * touched again, more than once. */
static void full_to_the_brim(void **state)
{
	(void)state;
	ntmm_machine *machine = machine_of(1 * MB, 1 * MB);
	HANDLE process = ntmm_process_create(machine, NTMM_LAYOUT_NT64_128TB);
	ntmm_thread *thread = ntmm_thread_create(process, NULL);
	char *base = VirtualAllocEx(process, NULL, 4 * MB, MEM_RESERVE, PAGE_READWRITE);
	uint64_t pages = 0;
	while (VirtualAllocEx(process, base + pages * PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE))
		pages++;
	assert_int_equal(GetLastError(), ERROR_COMMITMENT_LIMIT); /* VA-31, S9 */
	assert_true(pages > 256 + 200);
	for (int round = 0; round < 3; round++) {
		store_all(thread, (uint64_t)(uintptr_t)base, pages * PAGE, (uint64_t)round);
		compare_all(thread, (uint64_t)(uintptr_t)base, pages * PAGE, (uint64_t)round);
	}
	check(machine);
	ntmm_thread_destroy(thread);
	CloseHandle(process);
	ntmm_machine_destroy(machine);
}

/* Tables are pages like others: one page in each of 600 spans of 2 MB needs 600 of them, on 512 frames. */
static void sparse(void **state)
{
	(void)state;
	enum { SPANS = 600 };
	ntmm_machine *machine = machine_of(2 * MB, 16 * MB);
	HANDLE process = ntmm_process_create(machine, NTMM_LAYOUT_NT64_128TB);
	ntmm_thread *thread = ntmm_thread_create(process, NULL);
	uint64_t base = (uint64_t)(uintptr_t)VirtualAllocEx(process, NULL, SPANS * 2ull * MB,
	                                                    MEM_RESERVE, PAGE_READWRITE);
	for (uint64_t i = 0; i < SPANS; i++)
		assert_non_null(VirtualAllocEx(process, (void *)(uintptr_t)(base + i * 2 * MB),
		                               PAGE, MEM_COMMIT, PAGE_READWRITE));
	for (uint64_t i = 0; i < SPANS; i++)
		assert_true(ntmm_store64(thread, base + i * 2 * MB, i + 1));
	check(machine);
	for (uint64_t i = 0; i < SPANS; i++) {
		uint64_t value = 0;
		assert_true(ntmm_load64(thread, base + i * 2 * MB, &value));
		assert_int_equal(value, i + 1);
	}
	check(machine);
	assert_true(VirtualFreeEx(process, (void *)(uintptr_t)base, 0, MEM_RELEASE));
	check(machine);
	assert_int_equal(test_rest(machine).slots_used, 0);
	ntmm_thread_destroy(thread);
	CloseHandle(process);
	ntmm_machine_destroy(machine);
}

/* Poison: what a process reads for the first time is zero, whoever had the frame before (G-7, PG-37). */
static void poison(void **state)
{
	(void)state;
	ntmm_machine *machine = machine_of(1 * MB, 4 * MB);
	for (int round = 0; round < 6; round++) {
		HANDLE process = ntmm_process_create(machine, NTMM_LAYOUT_NT32_2GB);
		ntmm_thread *thread = ntmm_thread_create(process, NULL);
		uint64_t base = (uint64_t)(uintptr_t)VirtualAllocEx(process, NULL, 2 * MB,
		                                                    MEM_RESERVE | MEM_COMMIT,
		                                                    PAGE_READWRITE);
		for (uint64_t at = 0; at < 2 * MB; at += 8) {
			uint64_t value = 1;
			assert_true(ntmm_load64(thread, base + at, &value));
			assert_int_equal(value, 0);
			assert_true(ntmm_store64(thread, base + at, UINT64_C(0xDEADBEEFDEADBEEF)));
		}
		ntmm_thread_destroy(thread);
		CloseHandle(process);
	}
	check(machine);
	ntmm_machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_times_ram),   cmocka_unit_test(random_pages),
		cmocka_unit_test(full_to_the_brim), cmocka_unit_test(sparse),
		cmocka_unit_test(poison),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
