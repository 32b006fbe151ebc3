/* SPDX-License-Identifier: MIT
 *
 * Guard pages, sparse commit and system calls in this very process (rules GP, EX-11).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <ntmm/native.h>
#include <ntmm/windows.h>

#include "support/touch.h"

#define PAGE 4096

static void begin(void **state)
{
	(void)state;
	assert_true(ntmm_native_take_signals()); /* in front of cmocka's */
}

static char *commit(SIZE_T bytes, DWORD protect)
{
	char *memory = VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, protect);
	assert_non_null(memory);
	return memory;
}

static void release(void *memory)
{
	assert_true(VirtualFree(memory, 0, MEM_RELEASE));
}

static DWORD protection(const void *address)
{
	MEMORY_BASIC_INFORMATION info;
	assert_int_equal(VirtualQuery(address, &info, sizeof info), sizeof info);
	return info.Protect;
}

static DWORD old;

static void guard(void *address, SIZE_T bytes, DWORD base)
{
	assert_true(VirtualProtect(address, bytes, base | PAGE_GUARD, &old));
}

static void peek_body(void *address)
{
	peek(address);
}

static void poke_body(void *address)
{
	poke(address, 1);
}

static void run_body(void *address)
{
	run_code(address);
}

static void raises(void (*body)(void *), char *address, DWORD code, ULONG_PTR kind)
{
	EXCEPTION_RECORD record;
	assert_false(ntmm_try(body, address, &record));
	assert_int_equal(record.ExceptionCode, code);
	assert_int_equal(record.NumberParameters, 2);
	assert_int_equal(record.ExceptionInformation[0], kind);
	assert_int_equal(record.ExceptionInformation[1], (uintptr_t)address);
}

static void succeeds(void (*body)(void *), char *address)
{
	assert_true(ntmm_try(body, address, NULL));
}

/* S27, GP-2, GP-3, EX-6: one shot, of that page alone. */
static void one_shot(void **state)
{
	char *memory = commit(3 * PAGE, PAGE_READWRITE);
	begin(state);
	memory[PAGE] = 42;
	guard(memory, 3 * PAGE, PAGE_READWRITE);
	raises(peek_body, memory + PAGE + 5, EXCEPTION_GUARD_PAGE, EXCEPTION_READ_FAULT);
	assert_int_equal(protection(memory + PAGE), PAGE_READWRITE);
	assert_int_equal(protection(memory), PAGE_READWRITE | PAGE_GUARD);
	assert_int_equal(protection(memory + 2 * PAGE), PAGE_READWRITE | PAGE_GUARD);
	succeeds(peek_body, memory + PAGE + 5);
	succeeds(poke_body, memory + PAGE + 6);
	assert_int_equal(memory[PAGE], 42); /* what was there is */
	raises(poke_body, memory + 9, EXCEPTION_GUARD_PAGE, EXCEPTION_WRITE_FAULT);
	succeeds(poke_body, memory + 9);
	raises(peek_body, memory + 2 * PAGE, EXCEPTION_GUARD_PAGE, EXCEPTION_READ_FAULT);
	guard(memory + PAGE, PAGE, PAGE_READWRITE); /* again */
	raises(poke_body, memory + PAGE, EXCEPTION_GUARD_PAGE, EXCEPTION_WRITE_FAULT);
	release(memory);
}

/* GP-4, GP-5: the guard first, then what the protection says. */
static void guard_then_violation(void **state)
{
	char *memory = commit(PAGE, PAGE_READWRITE);
	begin(state);
	memory[8] = (char)0xC3;
	guard(memory, PAGE, PAGE_READWRITE);
	raises(run_body, memory + 8, EXCEPTION_GUARD_PAGE, EXCEPTION_EXECUTE_FAULT);
	raises(run_body, memory + 8, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_EXECUTE_FAULT);
	guard(memory, PAGE, PAGE_READONLY);
	raises(poke_body, memory, EXCEPTION_GUARD_PAGE, EXCEPTION_WRITE_FAULT);
	raises(poke_body, memory, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_WRITE_FAULT);
	succeeds(peek_body, memory);
	guard(memory, PAGE, PAGE_EXECUTE_READ);
	raises(run_body, memory + 8, EXCEPTION_GUARD_PAGE, EXCEPTION_EXECUTE_FAULT);
	succeeds(run_body, memory + 8);
	release(memory);
}

/* Reserved, decommitted, freed: violations, S23 too. */
static void no_access(void **state)
{
	char *memory = VirtualAlloc(NULL, 16 * PAGE, MEM_RESERVE, PAGE_READWRITE);
	begin(state);
	raises(peek_body, memory, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT);
	assert_ptr_equal(VirtualAlloc(memory, PAGE, MEM_COMMIT, PAGE_READWRITE), memory);
	succeeds(poke_body, memory);
	raises(poke_body, memory + PAGE, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_WRITE_FAULT);
	assert_true(VirtualProtect(memory, PAGE, PAGE_NOACCESS, &old));
	raises(peek_body, memory, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT);
	assert_true(VirtualFree(memory, PAGE, MEM_DECOMMIT));
	raises(peek_body, memory, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT);
	release(memory);
	raises(peek_body, memory, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT);
}

static unsigned calls;

static LONG NTAPI commit_page(EXCEPTION_POINTERS *pointers)
{
	const EXCEPTION_RECORD *record = pointers->ExceptionRecord;
	void *page = (void *)(record->ExceptionInformation[1] & ~(ULONG_PTR)(PAGE - 1));
	calls++;
	if (record->ExceptionCode != EXCEPTION_ACCESS_VIOLATION ||
	    !VirtualAlloc(page, PAGE, MEM_COMMIT, PAGE_READWRITE))
		return EXCEPTION_CONTINUE_SEARCH;
	return EXCEPTION_CONTINUE_EXECUTION;
}

/* EX-11: memory is committed where it is touched. */
static void sparse_commit(void **state)
{
	enum { PAGES = 4096 };
	char *memory = VirtualAlloc(NULL, (SIZE_T)PAGES * PAGE, MEM_RESERVE, PAGE_READWRITE);
	begin(state);
	void *handle = AddVectoredExceptionHandler(1, commit_page);
	calls = 0;
	for (unsigned i = 0; i < PAGES; i += 7)
		poke(memory + (SIZE_T)i * PAGE + i, (uint8_t)i);
	assert_int_equal(calls, (PAGES + 6) / 7);
	for (unsigned i = 0; i < PAGES; i += 7)
		assert_int_equal(peek(memory + (SIZE_T)i * PAGE + i), (uint8_t)i);
	assert_int_equal(calls, (PAGES + 6) / 7);
	memset(memory + PAGE + 100, 3, 6 * PAGE); /* any instruction */
	assert_int_equal(RemoveVectoredExceptionHandler(handle), 1);
	release(memory);
	raises(poke_body, memory, EXCEPTION_ACCESS_VIOLATION, EXCEPTION_WRITE_FAULT);
}

static LONG NTAPI count(EXCEPTION_POINTERS *pointers)
{
	(void)pointers;
	calls++;
	return EXCEPTION_CONTINUE_SEARCH;
}

/* GP-6: a guard met by a service fails the call once; no handler sees it. */
static void probes(void **state)
{
	char *memory = commit(4 * PAGE, PAGE_READWRITE);
	begin(state);
	void *handle = AddVectoredExceptionHandler(1, count);
	calls = 0;
	guard(memory + PAGE, 2 * PAGE, PAGE_READWRITE);
	for (unsigned i = 1; i <= 2; i++) { /* one guard at a time */
		SetLastError(0);
		assert_false(ntmm_native_probe(memory, 4 * PAGE, i == 1));
		assert_int_equal(GetLastError(), ERROR_GUARD_PAGE_VIOLATION);
		assert_int_equal(protection(memory + i * PAGE), PAGE_READWRITE);
	}
	assert_true(ntmm_native_probe(memory, 4 * PAGE, true));
	assert_true(VirtualFree(memory + 3 * PAGE, PAGE, MEM_DECOMMIT));
	assert_false(ntmm_native_probe(memory, 4 * PAGE, false));
	assert_int_equal(GetLastError(), ERROR_NOACCESS);
	assert_int_equal(calls, 0);
	RemoveVectoredExceptionHandler(handle);
	release(memory);
}

/* GP-7, GP-8 */
static void reading_and_writing(void **state)
{
	char path[] = "/tmp/ntmm-guard-XXXXXX", *memory = commit(4 * PAGE, PAGE_READWRITE);
	int fd = mkstemp(path);
	begin(state);
	assert_true(fd >= 0 && !unlink(path) && !ftruncate(fd, 4 * PAGE));
	guard(memory, PAGE, PAGE_READWRITE);
	assert_int_equal(ntmm_native_read(fd, memory, 2 * PAGE), -1);
	assert_int_equal(GetLastError(), ERROR_GUARD_PAGE_VIOLATION);
	assert_int_equal(ntmm_native_read(fd, memory, 2 * PAGE), 2 * PAGE);
	guard(memory + PAGE, PAGE, PAGE_READWRITE);
	assert_int_equal(ntmm_native_write(fd, memory, 2 * PAGE), -1);
	assert_int_equal(GetLastError(), ERROR_GUARD_PAGE_VIOLATION);
	assert_int_equal(ntmm_native_write(fd, memory, 2 * PAGE), 2 * PAGE);

	assert_true(VirtualProtect(memory, PAGE, PAGE_READONLY, &old));
	assert_int_equal(ntmm_native_read(fd, memory, 1), -1);
	assert_int_equal(GetLastError(), ERROR_NOACCESS);
	assert_int_equal(ntmm_native_write(fd, memory, 1), 1);
	assert_true(VirtualProtect(memory, PAGE, PAGE_NOACCESS, &old));
	assert_int_equal(ntmm_native_write(fd, memory, 1), -1);
	assert_int_equal(GetLastError(), ERROR_INVALID_USER_BUFFER);
	close(fd);
	release(memory);
}

/* GP-9, GP-10: as by another process, the guard stays. */
static void foreign_reads(void **state)
{
	char *memory = commit(2 * PAGE, PAGE_READWRITE), here[2 * PAGE];
	SIZE_T done = 1;
	begin(state);
	memory[PAGE - 1] = 5;
	guard(memory + PAGE, PAGE, PAGE_READWRITE);
	assert_false(ReadProcessMemory(GetCurrentProcess(), memory, here, 2 * PAGE, &done));
	assert_int_equal(GetLastError(), ERROR_PARTIAL_COPY);
	assert_int_equal(done, PAGE);
	assert_int_equal(here[PAGE - 1], 5);
	assert_int_equal(protection(memory + PAGE), PAGE_READWRITE | PAGE_GUARD);
	raises(peek_body, memory + PAGE, EXCEPTION_GUARD_PAGE, EXCEPTION_READ_FAULT);
	release(memory);
}

static ULONG_PTR written(char *memory, SIZE_T bytes, void **first)
{
	void *pages[16];
	ULONG_PTR found = 16;
	DWORD granularity;
	assert_int_equal(GetWriteWatch(WRITE_WATCH_FLAG_RESET, memory, bytes, pages, &found,
	                               &granularity), 0);
	*first = found ? pages[0] : NULL;
	return found;
}

/* GP-11, and what a probe or a system call writes is seen. */
static void watched_pages(void **state)
{
	void *first;
	char *memory = VirtualAlloc(NULL, 4 * PAGE, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH,
	                            PAGE_READWRITE);
	int pipes[2];
	begin(state);
	assert_non_null(memory);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(written(memory, 4 * PAGE, &first), 0);
	assert_int_equal(write(pipes[1], "abc", 3), 3);
	assert_int_equal(ntmm_native_read(pipes[0], memory + PAGE, 3), 3);
	assert_int_equal(written(memory, 4 * PAGE, &first), 1);
	assert_ptr_equal(first, memory + PAGE);
	assert_int_equal(ntmm_native_write(pipes[1], memory + 2 * PAGE, 3), 3);
	assert_int_equal(written(memory, 4 * PAGE, &first), 0);
	guard(memory + 3 * PAGE, PAGE, PAGE_READWRITE);
	raises(peek_body, memory + 3 * PAGE, EXCEPTION_GUARD_PAGE, EXCEPTION_READ_FAULT);
	assert_int_equal(written(memory, 4 * PAGE, &first), 0);
	guard(memory + 3 * PAGE, PAGE, PAGE_READWRITE);
	raises(poke_body, memory + 3 * PAGE, EXCEPTION_GUARD_PAGE, EXCEPTION_WRITE_FAULT);
	assert_int_equal(written(memory, 4 * PAGE, &first), 0);
	succeeds(poke_body, memory + 3 * PAGE);
	assert_int_equal(written(memory, 4 * PAGE, &first), 1);
	assert_ptr_equal(first, memory + 3 * PAGE);
	close(pipes[0]);
	close(pipes[1]);
	release(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_shot),
		cmocka_unit_test(guard_then_violation),
		cmocka_unit_test(no_access),
		cmocka_unit_test(sparse_commit),
		cmocka_unit_test(probes),
		cmocka_unit_test(reading_and_writing),
		cmocka_unit_test(foreign_reads),
		cmocka_unit_test(watched_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
