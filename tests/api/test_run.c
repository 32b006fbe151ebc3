/* SPDX-License-Identifier: MIT
 *
 * ntmm_thread_run: code of this program with the memory of a machine's process. What it does by
 * pointers goes the same way as ntmm_load and ntmm_store (S5): faults, guards, write watch, paging.
 */
#include "place.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "privilege.h"
#include "support/sanitized.h"

#define RC (MEM_RESERVE | MEM_COMMIT)
#define LAYOUT NTMM_LAYOUT_NT32_2GB /* there, sanitizers have nothing */

static const struct place *here; /* where the body of the test runs */

static ntmm_machine *shared_machine(uint64_t ram_bytes, uint32_t flags)
{
	ntmm_machine *machine = NULL;
	ntmm_machine_config config = {.size = sizeof config,
	                              .flags = test_mode() | NTMM_MACHINE_SHARED_RAM | flags,
	                              .ram_bytes = ram_bytes,
	                              .paging_file_bytes = 64 << 20};
	assert_int_equal(ntmm_machine_create(&config, &machine), STATUS_SUCCESS);
	return machine;
}

static void run_in(const struct place *place, void (*body)(void *context), void *context)
{
	here = place;
	assert_true(ntmm_native_take_signals()); /* in front of cmocka's */
	assert_true(ntmm_thread_run(place->thread, body, context));
	assert_true(ntmm_machine_check(place->machine));
}

static struct place open_place(uint64_t ram_bytes, uint32_t flags)
{
	struct place place = {.machine = shared_machine(ram_bytes, flags)};
	place.process = ntmm_process_create(place.machine, LAYOUT);
	assert_non_null(place.process);
	place.thread = ntmm_thread_create(place.process, NULL);
	assert_non_null(place.thread);
	return place;
}

static void close_place(struct place *place)
{
	ntmm_thread_destroy(place->thread);
	CloseHandle(place->process);
	ntmm_machine_destroy(place->machine);
}

static void run(void (*body)(void *context), void *context)
{
	struct place place = open_place(8 << 20, 0);
	run_in(&place, body, context);
	close_place(&place);
}

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

static void test_pages_come_back_from_the_paging_file(void **state) /* S3, S9 */
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
	assert_int_equal(peek(base), 0); /* S14 */
}

static void test_what_leaves_the_working_set_faults_again(void **state) /* WS-3 */
{
	(void)state;
	run(trim, NULL);
}

/* ---- exceptions ---------------------------------------------------------------------------------- */

static EXCEPTION_RECORD seen;
static unsigned times;

static void load_body(void *address)
{
	peek(address);
}

static void store_body(void *address)
{
	poke(address, 1);
}

static void call_body(void *address)
{
	run_code(address);
}

static void assert_raises(void (*body)(void *), void *address, DWORD code, ULONG_PTR kind)
{
	EXCEPTION_RECORD record = {0};
	if (ntmm_try(body, address, &record))
		fail_msg("nothing was raised at %p", address);
	assert_int_equal(record.ExceptionCode, code);
	assert_int_equal(record.NumberParameters, 2);
	assert_int_equal(record.ExceptionInformation[0], kind);
	assert_ptr_equal((void *)record.ExceptionInformation[1], address);
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

static void test_exceptions(void **state) /* EX-1, EX-2, GP-2, S18 */
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

/* ---- write watch, views, windows ------------------------------------------------------------------- */

static void watch(void *context)
{
	char *base = VirtualAlloc(NULL, 8 * PAGE, RC | MEM_WRITE_WATCH, PAGE_READWRITE);
	PVOID *pages = (void *)must_commit(PAGE, PAGE_READWRITE); /* the answer goes there */
	ULONG_PTR count = 8;
	DWORD granularity;
	(void)context;
	assert_non_null(base);
	assert_int_equal(peek(base), 0);
	poke(base + 2 * PAGE, 1);
	for (unsigned round = 0; round < 2; round++) {
		count = 8;
		assert_int_equal(GetWriteWatch(WRITE_WATCH_FLAG_RESET, base, 8 * PAGE, pages, &count,
		                               &granularity), 0);
		assert_int_equal(count, 1);
		assert_ptr_equal(pages[0], base + 2 * PAGE);
		poke(base + 2 * PAGE, 1); /* the same value: a store it is */
	}
}

static void test_write_watch(void **state) /* S51, WW-8 */
{
	(void)state;
	run(watch, NULL);
}

static void map_twice(void *context)
{
	HANDLE section = CreateFileMapping(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, PAGE, NULL);
	(void)context;
	assert_non_null(section);
	char *one = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	char *two = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	char *copy = MapViewOfFile(section, FILE_MAP_COPY, 0, 0, 0);
	assert_non_null(one);
	assert_non_null(two);
	assert_non_null(copy);
	poke(one + 5, 1);
	assert_int_equal(peek(two + 5), 1);
	assert_int_equal(peek(copy + 5), 1);
	poke(two + 5, 2);
	assert_int_equal(peek(one + 5), 2);
	assert_int_equal(peek(copy + 5), 2);
	poke(copy + 5, 3); /* CW-1 */
	poke(one + 5, 4);
	assert_int_equal(peek(two + 5), 4);
	assert_int_equal(peek(copy + 5), 3);
	assert_true(UnmapViewOfFile(one));
	assert_raises(load_body, one + 5, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT);
	assert_true(CloseHandle(section));
}

static void test_views(void **state) /* S30, CW-1 */
{
	(void)state;
	run(map_twice, NULL);
}

static void remap_window(void *context)
{
	ULONG_PTR frames[2], count = 2;
	(void)context;
	assert_true(with_privilege(SE_PRIVILEGE_ENABLED));
	assert_true(AllocateUserPhysicalPages(GetCurrentProcess(), &count, frames));
	assert_int_equal(count, 2);
	char *window = VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE);
	assert_non_null(window);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(MapUserPhysicalPages(window, 1, &frames[i % 2]));
		assert_int_equal(peek(window), i < 2 ? 0 : i % 2 + 1);
		poke(window, (uint8_t)(i % 2 + 1));
	}
	assert_true(MapUserPhysicalPages(window, 1, NULL));
	assert_raises(load_body, window, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT);
}

static void test_windows(void **state) /* S57, AW-6 */
{
	(void)state;
	run(remap_window, NULL);
}

/* ---- pointers that the system is given ------------------------------------------------------------- */

static void give_pointers(void *context)
{
	MEMORY_BASIC_INFORMATION *info = (void *)must_commit(PAGE, PAGE_READWRITE);
	char *guarded = must_commit(PAGE, PAGE_READWRITE | PAGE_GUARD);
	(void)context;
	assert_int_equal(VirtualQuery(info, info, sizeof *info), sizeof *info);
	assert_ptr_equal(info->BaseAddress, info);
	assert_int_equal(info->RegionSize, PAGE);
	SetLastError(0);
	assert_false(ntmm_native_probe(guarded, 1, false)); /* GP-6 */
	assert_true(ntmm_native_probe(guarded, PAGE, true));
	assert_fails(ntmm_native_probe(at(0x300000 + 0x1234567), 1, false), ERROR_NOACCESS);
	int file = open("/dev/zero", O_RDONLY);
	memset(guarded, 1, PAGE);
	assert_int_equal(ntmm_native_read(file, guarded, PAGE), PAGE);
	assert_int_equal(peek(guarded + PAGE - 1), 0);
	close(file);
}

static void test_system_calls(void **state) /* GP-6, S27 */
{
	(void)state;
	run(give_pointers, NULL);
}

/* Source and destination are both the process's, and neither has been shown. */
static void copy_within(void *context)
{
	enum { BYTES = 10 * PAGE };
	char *from = must_commit(BYTES, PAGE_READWRITE), *to = must_commit(BYTES, PAGE_READWRITE);
	SIZE_T done;
	uint64_t copied;
	(void)context;
	memset(from, 0x5A, BYTES);
	assert_true(SetProcessWorkingSetSize(GetCurrentProcess(), (SIZE_T)-1, (SIZE_T)-1));
	assert_true(ReadProcessMemory(GetCurrentProcess(), from, to, BYTES, &done));
	assert_int_equal(done, BYTES);
	assert_int_equal(to[BYTES - 1], 0x5A);
	assert_true(SetProcessWorkingSetSize(GetCurrentProcess(), (SIZE_T)-1, (SIZE_T)-1));
	assert_true(WriteProcessMemory(GetCurrentProcess(), to + 1, from, BYTES - 1, &done));
	assert_int_equal(ntmm_copy_in(here->thread, to, address_in(from), BYTES, &copied), 0);
	assert_int_equal(ntmm_copy_out(here->thread, address_in(from), to, BYTES, &copied), 0);
	/* the third page of the buffer cannot be written */
	must_protect(to + 2 * PAGE, PAGE, PAGE_READONLY);
	assert_int_equal(ntmm_copy_in(here->thread, to, address_in(from), BYTES, &copied),
	                 STATUS_ACCESS_VIOLATION);
	assert_int_equal(copied, 2 * PAGE);
	must_protect(from + PAGE, PAGE, PAGE_NOACCESS);
	assert_int_equal(ntmm_copy_out(here->thread, address_in(to), from, BYTES, &copied),
	                 STATUS_ACCESS_VIOLATION);
	assert_int_equal(copied, PAGE);
}

static void test_copies_within_the_process(void **state) /* S26, PM-5 */
{
	(void)state;
	run(copy_within, NULL);
}

/* A buffer of this process's own whose stores are noticed by faults. */
static void test_copies_to_watched_memory(void **state) /* WW-8 */
{
	struct place place = open_place(0, 0);
	char *base = VirtualAllocEx(place.process, NULL, PAGE, RC, PAGE_READWRITE);
	char *mine = VirtualAlloc(NULL, 4 * PAGE, RC | MEM_WRITE_WATCH, PAGE_READWRITE);
	PVOID pages[4];
	ULONG_PTR count = 4;
	DWORD granularity;
	SIZE_T done;
	(void)state;
	assert_non_null(base);
	assert_non_null(mine);
	assert_true(ntmm_native_take_signals());
	assert_true(ReadProcessMemory(place.process, base, mine + PAGE, PAGE, &done));
	assert_int_equal(GetWriteWatch(0, mine, 4 * PAGE, pages, &count, &granularity), 0);
	assert_int_equal(count, 1);
	assert_ptr_equal(pages[0], mine + PAGE);
	assert_true(VirtualFree(mine, 0, MEM_RELEASE));
	close_place(&place);
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
	if (!ntmm_native_set_watch_way(NTMM_WATCH_BY_FAULTS))
		return 1;
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
		cmocka_unit_test(test_write_watch),
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_system_calls),
		cmocka_unit_test(test_copies_within_the_process),
		cmocka_unit_test(test_copies_to_watched_memory),
		cmocka_unit_test(test_what_cannot_be_shown),
		cmocka_unit_test(test_one_process_at_a_time),
		cmocka_unit_test(test_the_large_layout),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
