/* SPDX-License-Identifier: MIT
 *
 * ntmm_thread_run: code of this program with the memory of a machine's process. What it does by
 * pointers goes the same way as ntmm_load and ntmm_store (S5): faults, guards, paging.
 */
#include "run.h"

#include <pthread.h>

#include "support/sanitized.h"

/* ---- memory ------------------------------------------------------------------------------------ */

static void use_memory(void *context)
{
	char **base = context;
	uint64_t value = 0;
	*base = must_commit(2 * PAGE, PAGE_READWRITE);
	assert_int_equal(peek(*base), 0);
	memset(*base, 0x5A, 2 * PAGE);
	(*base)[PAGE - 1] = 7;
	bump(*base + PAGE - 1);
	assert_true(ntmm_load64(here->thread, address_in(*base) + PAGE - 8, &value));
	assert_int_equal(value, UINT64_C(0x085A5A5A5A5A5A5A));
	assert_true(ntmm_store8(here->thread, address_in(*base), 1));
	assert_int_equal(peek(*base), 1);
	assert_int_equal(own_counters().demand_zero, 2);
	assert_int_equal(GetProcessId(GetCurrentProcess()), GetProcessId(here->process));
}

static void test_pointers_are_the_processs(void **state) /* S5, S17 */
{
	struct place place = open_place(0, 0);
	char *base, byte = 0, *mine;
	(void)state;
	run_in(&place, use_memory, &base);
	assert_true(ReadProcessMemory(place.process, base + PAGE - 1, &byte, 1, NULL));
	assert_int_equal(byte, 8);
	/* and nothing of it is this process's */
	mine = mmap(base, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_ptr_equal(mine, base);
	munmap(mine, PAGE);
	close_place(&place);
}

static void read_shared_page(void *context)
{
	(void)context;
	assert_int_equal(peek(at(0x7FFE0000)), 77);
}

/* The page at 0x7FFE0000 is the machine's during a run, and this process's own before and after. */
static void test_the_shared_page(void **state) /* AS-4 */
{
	struct place place = open_place(0, 0);
	(void)state;
	*(uint8_t *)ntmm_machine_shared_page(place.machine) = 77;
	run_in(&place, read_shared_page, NULL);
	assert_true(VirtualFree(must_commit(PAGE, PAGE_READWRITE), 0, MEM_RELEASE));
	assert_int_equal(peek(at(0x7FFE0000)), 0);
	run_in(&place, read_shared_page, NULL);
	assert_int_equal(peek(at(0x7FFE0000)), 0);
	close_place(&place);
}

static void fill_more_than_ram(void *context)
{
	enum { COUNT = 600 }; /* RAM has 256 pages */
	uint64_t *words = (void *)must_commit(COUNT * PAGE, PAGE_READWRITE);
	(void)context;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < COUNT; i++) {
			assert_int_equal(words[i * 512 + i % 512], round ? i + round : 0);
			words[i * 512 + i % 512] = i + round + 1;
		}
	}
	assert_true(own_counters().page_ins > COUNT);
}

static void test_pages_come_back_from_the_paging_file(void **state) /* S9 */
{
	struct place place = open_place(1 << 20, 0);
	(void)state;
	run_in(&place, fill_more_than_ram, NULL);
	close_place(&place);
}

static void show_very_many(void *context)
{
	enum { COUNT = 40000 }; /* more than are shown at a time */
	char *base = must_commit((SIZE_T)COUNT * PAGE, PAGE_READWRITE);
	(void)context;
	for (unsigned i = 0; i < COUNT; i++)
		poke(base + (SIZE_T)i * PAGE, (uint8_t)(i % 251));
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(peek(base + (SIZE_T)i * PAGE), i % 251);
}

static void test_more_pages_than_the_host_has_mappings_for(void **state)
{
	struct place place = open_place(200 << 20, 0);
	(void)state;
	run_in(&place, show_very_many, NULL);
	close_place(&place);
}

static void trim(void *context)
{
	char *base = must_commit(8 * PAGE, PAGE_READWRITE);
	(void)context;
	for (unsigned i = 0; i < 8; i++)
		poke(base + i * PAGE, (uint8_t)(i + 1));
	uint64_t soft = own_counters().soft;
	assert_true(SetProcessWorkingSetSize(GetCurrentProcess(), (SIZE_T)-1, (SIZE_T)-1));
	assert_int_equal(own_counters().working_set, 0);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(peek(base + i * PAGE), i + 1);
	assert_int_equal(own_counters().soft - soft, 8);
	assert_true(VirtualFree(base, PAGE, MEM_DECOMMIT));
	assert_non_null(VirtualAlloc(base, PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_int_equal(peek(base), 0); /* VA-45 */
}

static void test_what_leaves_the_working_set_faults_again(void **state) /* WS-3 */
{
	(void)state;
	run(trim, NULL);
}

/* ---- exceptions ---------------------------------------------------------------------------------- */

static EXCEPTION_RECORD seen;
static unsigned times;

static void call_body(void *address)
{
	run_code(address);
}

static void raise_all(void *context)
{
	char *base = must_commit(4 * PAGE, PAGE_READWRITE);
	(void)context;
	poke(base, 1);
	must_protect(base, PAGE, PAGE_READONLY);
	assert_raises(store_body, base, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_WRITE_FAULT);
	assert_int_equal(peek(base), 1);
	must_protect(base, PAGE, PAGE_NOACCESS);
	assert_raises(load_body, base + 5, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT);
	assert_true(VirtualFree(base, PAGE, MEM_DECOMMIT));
	assert_raises(load_body, base, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT);
	assert_raises(load_body, at(0x12345678), EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT);
	assert_raises(store_body, NULL, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_WRITE_FAULT);
	assert_raises(store_body, at(0x7FFE0000), EXCEPTION_ACCESS_VIOLATION, EXCEPTION_WRITE_FAULT);
	must_protect(base + PAGE, PAGE, PAGE_READWRITE | PAGE_GUARD);
	assert_raises(store_body, base + PAGE, EXCEPTION_GUARD_PAGE, EXCEPTION_WRITE_FAULT);
	poke(base + PAGE, 2); /* GP-2: one-shot */
	assert_raises(call_body, base + PAGE, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_EXECUTE_FAULT);
	assert_true(VirtualFree(base, 0, MEM_RELEASE));
	assert_raises(load_body, base + PAGE, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT);
}

static void test_exceptions(void **state) /* EX-1, EX-2, GP-2, S27 */
{
	(void)state;
	run(raise_all, NULL);
}

static LONG NTAPI commit_on_touch(EXCEPTION_POINTERS *pointers)
{
	seen = *pointers->ExceptionRecord;
	times++;
	void *address = at(seen.ExceptionInformation[1]);
	bool done = VirtualAlloc(address, 1, MEM_COMMIT, PAGE_READWRITE);
	return done ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

static void grow(void *context)
{
	char *base = VirtualAlloc(NULL, 16 * PAGE, MEM_RESERVE, PAGE_NOACCESS);
	(void)context;
	assert_non_null(base);
	for (unsigned i = 0; i < 16 * PAGE; i += 64)
		poke(base + i, 1);
	assert_int_equal(times, 16);
	assert_ptr_equal(at(seen.ExceptionInformation[1]), base + 15 * PAGE);
	/* one access to two pages, neither of them there */
	assert_true(VirtualFree(base, 16 * PAGE, MEM_DECOMMIT));
	assert_int_equal(peek32(base + PAGE - 2), 0);
	assert_int_equal(times, 18);
}

static void test_handlers_continue(void **state) /* EX-11 */
{
	(void)state;
	void *handler = AddVectoredExceptionHandler(1, commit_on_touch);
	times = 0;
	run(grow, NULL);
	assert_true(RemoveVectoredExceptionHandler(handler));
}

static void end_itself(void *context)
{
	char *base = must_commit(PAGE, PAGE_READWRITE);
	(void)context;
	poke(base, 1);
	assert_true(TerminateProcess(here->process, 3));
	assert_raises(load_body, base, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT);
}

static void test_a_process_that_ends_meanwhile(void **state) /* S17, G-5 */
{
	struct place place = open_place(0, 0);
	(void)state;
	run_in(&place, end_itself, NULL);
	assert_fails(ntmm_thread_run(place.thread, end_itself, NULL), ERROR_ACCESS_DENIED);
	close_place(&place);
}

/* ---- code --------------------------------------------------------------------------------------- */

static const uint8_t ret[] = {0xC3};

static void run_own_code(void *context)
{
	char *base = must_commit(PAGE, PAGE_EXECUTE_READWRITE);
	(void)context;
	memcpy(base, ret, sizeof ret);
	run_code(base);
	poke(base + 1, 0xC3); /* stored to while it is run */
	run_code(base + 1);
}

static void run_data(void *context)
{
	char *base = must_commit(PAGE, PAGE_READWRITE);
	(void)context;
	memcpy(base, ret, sizeof ret);
	run_code(base);
	assert_true(VirtualFree(base, 0, MEM_RELEASE));
	assert_raises(call_body, base, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT);
}

static void test_code_runs(void **state) /* PR-10, EX-2 */
{
	struct place old = open_place(0, NTMM_MACHINE_NO_NX);
	(void)state;
	run(run_own_code, NULL);
	run_in(&old, run_data, NULL);
	close_place(&old);
}

/* ---- refusals ---------------------------------------------------------------------------------- */

static void nothing(void *context)
{
	++*(unsigned *)context;
}

static void assert_refused(ntmm_machine *machine, ntmm_layout layout, DWORD error)
{
	unsigned runs = 0;
	HANDLE process = ntmm_process_create(machine, layout);
	ntmm_thread *thread = ntmm_thread_create(process, NULL);
	assert_non_null(thread);
	assert_fails(ntmm_thread_run(thread, nothing, &runs), error);
	assert_string_not_equal(ntmm_error_message(), "");
	assert_int_equal(runs, 0);
	assert_succeeds(ntmm_thread_attach(thread)); /* nothing is left of the attempt */
	ntmm_thread_detach();
	ntmm_thread_destroy(thread);
	CloseHandle(process);
}

static void test_what_cannot_be_shown(void **state)
{
	ntmm_machine *machine = place_machine(0, 0);
	(void)state;
	assert_refused(machine, LAYOUT, ERROR_NOT_SUPPORTED);
	ntmm_machine_destroy(machine);
	machine = shared_machine(0, NTMM_MACHINE_WIN9X);
	assert_refused(machine, NTMM_LAYOUT_WIN9X, ERROR_NOT_SUPPORTED);
	ntmm_machine_destroy(machine);
	machine = shared_machine(0, 0);
	assert_refused(machine, NTMM_LAYOUT_NT64_128TB, ERROR_INVALID_ADDRESS); /* our own stack */
	void *mine = mmap(at(0x12340000), PAGE, PROT_READ,
	                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_ptr_equal(mine, at(0x12340000));
	assert_refused(machine, LAYOUT, ERROR_INVALID_ADDRESS);
	munmap(mine, PAGE);
	ntmm_machine_destroy(machine);
}

/* By another host thread: another process of the same addresses. */
static void *run_another(void *result)
{
	unsigned runs = 0;
	HANDLE process = ntmm_process_create(here->machine, LAYOUT);
	ntmm_thread *thread = ntmm_thread_create(process, NULL);
	bool done = ntmm_thread_run(thread, nothing, &runs);
	*(DWORD *)result = done || runs ? 0 : GetLastError();
	ntmm_thread_destroy(thread);
	CloseHandle(process);
	return NULL;
}

static void run_within(void *context)
{
	DWORD error = 0;
	pthread_t other;
	assert_fails(ntmm_thread_run(here->thread, nothing, context), ERROR_BUSY);
	assert_int_equal(pthread_create(&other, NULL, run_another, &error), 0);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_int_equal(error, ERROR_INVALID_ADDRESS);
	nothing(context);
}

static void test_one_process_at_a_time(void **state)
{
	unsigned runs = 0;
	struct place place = open_place(0, 0);
	(void)state;
	run_in(&place, run_within, &runs);
	run_in(&place, nothing, &runs);
	assert_int_equal(runs, 2);
	close_place(&place);
}

static void test_the_large_layout(void **state)
{
	unsigned runs = 0;
	struct place place = {.machine = shared_machine(0, 0)};
	(void)state;
	if (IS_SANITIZED)
		skip();
	place.process = ntmm_process_create(place.machine, NTMM_LAYOUT_NT64_8TB);
	place.thread = ntmm_thread_create(place.process, NULL);
	run_in(&place, nothing, &runs);
	assert_int_equal(runs, 1);
	close_place(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pointers_are_the_processs),
		cmocka_unit_test(test_the_shared_page),
		cmocka_unit_test(test_pages_come_back_from_the_paging_file),
		cmocka_unit_test(test_more_pages_than_the_host_has_mappings_for),
		cmocka_unit_test(test_what_leaves_the_working_set_faults_again),
		cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_handlers_continue),
		cmocka_unit_test(test_a_process_that_ends_meanwhile),
		cmocka_unit_test(test_code_runs),
		cmocka_unit_test(test_what_cannot_be_shown),
		cmocka_unit_test(test_one_process_at_a_time),
		cmocka_unit_test(test_the_large_layout),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
