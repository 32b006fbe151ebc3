/* SPDX-License-Identifier: MIT
 *
 * Calls by code that runs as a machine's thread: what they change is what its pointers see, and what
 * they are given may be memory of its process.
 */
#include "run.h"

#include <fcntl.h>
#include <unistd.h>

#include "privilege.h"

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

static void test_views(void **state) /* S26, CW-1 */
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

static void test_windows(void **state) /* AW-6, AW-10, AW-11 */
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

static void test_copies_within_the_process(void **state) /* PM-5 */
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

int main(void)
{
	if (!ntmm_native_set_watch_way(NTMM_WATCH_BY_FAULTS))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_watch),
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_system_calls),
		cmocka_unit_test(test_copies_within_the_process),
		cmocka_unit_test(test_copies_to_watched_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
