/* SPDX-License-Identifier: MIT
 *
 * ntmm_try, stacks that end (ST-6), and system calls on memory that cannot be accessed (GP-7,
 * GP-8).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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

/* cmocka has handlers of its own, which it installs before each test. */
static void begin(void **state)
{
	(void)state;
	assert_true(ntmm_native_take_signals());
}

static void peek_body(void *address)
{
	peek(address);
}

static void poke_body(void *address)
{
	poke(address, 1);
}

static bool can_peek(void *address)
{
	return ntmm_try(peek_body, address, NULL);
}

static void bodies(void **state)
{
	EXCEPTION_RECORD record = {.ExceptionCode = 1};
	char *page = host_pages(PAGE, PROT_READ);
	begin(state);
	assert_true(ntmm_try(peek_body, page, &record));
	assert_int_equal(record.ExceptionCode, 1);
	assert_false(ntmm_try(poke_body, page + 9, &record));
	assert_int_equal(record.ExceptionCode, EXCEPTION_ACCESS_VIOLATION);
	assert_int_equal(record.NumberParameters, 2);
	assert_int_equal(record.ExceptionInformation[0], EXCEPTION_WRITE_FAULT);
	assert_int_equal(record.ExceptionInformation[1], (uintptr_t)page + 9);
	assert_false(can_peek(NULL));
	munmap(page, PAGE);
	assert_false(can_peek(page));
}

/* Tries within: the innermost takes it, one that has ended does not. */
static void inner_body(void *page)
{
	EXCEPTION_RECORD record;
	assert_false(ntmm_try(peek_body, page, &record));
	assert_int_equal(record.ExceptionInformation[1], (uintptr_t)page);
	assert_true(can_peek(&record));
	poke((char *)page + 1, 1);
}

static void nested(void **state)
{
	EXCEPTION_RECORD record;
	char *page = host_pages(PAGE, PROT_NONE);
	begin(state);
	for (unsigned i = 0; i < MANY_JUMPS / 100; i++) {
		assert_false(ntmm_try(inner_body, page, &record));
		assert_int_equal(record.ExceptionInformation[1], (uintptr_t)page + 1);
	}
	munmap(page, PAGE);
}

static unsigned calls;

/* A try in a handler; then one more fault, which no handler wants any more. */
static LONG NTAPI try_in_handler(EXCEPTION_POINTERS *pointers)
{
	char *page = (char *)pointers->ExceptionRecord->ExceptionInformation[1];
	if (calls++)
		return EXCEPTION_CONTINUE_SEARCH;
	assert_false(can_peek(page + 1));
	assert_int_equal(calls, 2);
	poke(page + 2, 1);
	return EXCEPTION_CONTINUE_EXECUTION;
}

static void in_handlers(void **state)
{
	EXCEPTION_RECORD record;
	char *page = host_pages(PAGE, PROT_NONE);
	void *handle = AddVectoredExceptionHandler(1, try_in_handler);
	begin(state);
	assert_false(ntmm_try(peek_body, page, &record));
	assert_int_equal(calls, 3);
	assert_int_equal(record.ExceptionInformation[1], (uintptr_t)page + 2);
	assert_int_not_equal(RemoveVectoredExceptionHandler(handle), 0);
	munmap(page, PAGE);
}

/* Rounding and the like stay as they are: of SSE, and of the x87 unit. */
struct modes {
	uint32_t sse;
	uint16_t x87;
};

static struct modes get_modes(void)
{
	struct modes modes;
	__asm__("stmxcsr %0\n\tfnstcw %1" : "=m"(modes.sse), "=m"(modes.x87));
	modes.sse &= ~0x3Fu; /* without what has been raised */
	return modes;
}

static void set_modes(const struct modes *modes)
{
	__asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(modes->sse), "m"(modes->x87));
}

static struct modes seen_modes;

static LONG NTAPI note_modes(EXCEPTION_POINTERS *pointers)
{
	(void)pointers;
	seen_modes = get_modes();
	return EXCEPTION_CONTINUE_SEARCH;
}

static void floating_point_modes(void **state)
{
	struct modes before = get_modes(), changed = {before.sse | 0xA040, before.x87 | 0x400};
	begin(state); /* rounding down; denormals are zero, going in and coming out */
	void *handle = AddVectoredExceptionHandler(1, note_modes);
	set_modes(&changed);
	bool can = can_peek(NULL);
	struct modes after = get_modes();
	set_modes(&before);
	assert_false(can);
	assert_true(seen_modes.sse == changed.sse && seen_modes.x87 == changed.x87);
	assert_true(after.sse == changed.sse && after.x87 == changed.x87);
	RemoveVectoredExceptionHandler(handle);
}

/* ---- stacks --------------------------------------------------------------------------------- */

static volatile unsigned depth;

__attribute__((noinline)) static unsigned sink(volatile char *above)
{
	volatile char frame[512];
	frame[0] = above ? above[0] : 0;
	unsigned below = ++depth ? sink(frame) : 0;
	return below + (unsigned)frame[0];
}

static void sink_body(void *context)
{
	(void)context;
	depth = 0;
	sink(NULL);
}

static DWORD handler_saw;

static LONG NTAPI note_code(EXCEPTION_POINTERS *pointers)
{
	handler_saw = pointers->ExceptionRecord->ExceptionCode;
	return EXCEPTION_CONTINUE_SEARCH;
}

static void *overflow_some_times(void *context)
{
	(void)context;
	for (unsigned i = 0; i < 10; i++) {
		EXCEPTION_RECORD record;
		handler_saw = 0;
		if (ntmm_try(sink_body, NULL, &record) ||
		    record.ExceptionCode != EXCEPTION_STACK_OVERFLOW ||
		    handler_saw != EXCEPTION_STACK_OVERFLOW || record.NumberParameters != 2 ||
		    record.ExceptionInformation[0] != EXCEPTION_WRITE_FAULT || depth < 10)
			return "wrong";
	}
	return NULL;
}

static void stack_overflow(void **state)
{
	void *handle = AddVectoredExceptionHandler(1, note_code), *wrong;
	pthread_attr_t attributes;
	pthread_t thread;
	begin(state);
	assert_null(overflow_some_times(NULL));
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 1 << 20);
	for (unsigned i = 0; i < 10; i++) { /* threads end, and leave nothing behind */
		assert_int_equal(pthread_create(&thread, &attributes, overflow_some_times, NULL),
		                 0);
		assert_int_equal(pthread_join(thread, &wrong), 0);
		assert_null(wrong);
	}
	pthread_attr_destroy(&attributes);
	RemoveVectoredExceptionHandler(handle);
}

/* A thread on a stack of the library's memory that grows as on Windows, by a handler: the guard
 * page is hit, the one beneath becomes the guard (ST-3). At the last page but one it does not go
 * on. */
#define STACK_BYTES ((SIZE_T)4 << 20)
#define OPEN_BYTES ((SIZE_T)1 << 20) /* at its top, where the C library has something, too */

static char *own_stack;
static unsigned grown;

static LONG NTAPI grow(EXCEPTION_POINTERS *pointers)
{
	const EXCEPTION_RECORD *record = pointers->ExceptionRecord;
	char *page = (char *)(record->ExceptionInformation[1] & ~(ULONG_PTR)(PAGE - 1));
	if (record->ExceptionCode != EXCEPTION_GUARD_PAGE || page <= own_stack + PAGE ||
	    !VirtualAlloc(page - PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD))
		return EXCEPTION_CONTINUE_SEARCH;
	grown++;
	return EXCEPTION_CONTINUE_EXECUTION;
}

static sigjmp_buf overflown;

static LONG NTAPI leave(EXCEPTION_POINTERS *pointers)
{
	handler_saw = pointers->ExceptionRecord->ExceptionCode;
	siglongjmp(overflown, 1);
}

/* The thread has done nothing else with the library. */
static void *run_on_own_stack(void *context)
{
	(void)context;
	if (!VirtualAlloc(own_stack + STACK_BYTES - OPEN_BYTES - PAGE, PAGE, MEM_COMMIT,
	                  PAGE_READWRITE | PAGE_GUARD))
		return "no guard";
	if (!sigsetjmp(overflown, 0))
		sink(NULL);
	return NULL;
}

static void growing_stack(void **state)
{
	pthread_attr_t attributes;
	pthread_t thread;
	void *wrong;
	begin(state);
	own_stack = VirtualAlloc(NULL, STACK_BYTES, MEM_RESERVE, PAGE_READWRITE);
	assert_non_null(own_stack);
	assert_non_null(VirtualAlloc(own_stack + STACK_BYTES - OPEN_BYTES, OPEN_BYTES, MEM_COMMIT,
	                             PAGE_READWRITE));
	void *last = AddVectoredExceptionHandler(1, leave);
	void *first = AddVectoredExceptionHandler(1, grow);
	pthread_attr_init(&attributes);
	assert_int_equal(pthread_attr_setstack(&attributes, own_stack, STACK_BYTES), 0);
	grown = 0;
	assert_int_equal(pthread_create(&thread, &attributes, run_on_own_stack, NULL), 0);
	assert_int_equal(pthread_join(thread, &wrong), 0);
	assert_null(wrong);
	/* the lowest page was never reached: the guard above it could not be moved down */
	assert_int_equal(grown, (STACK_BYTES - OPEN_BYTES) / PAGE - 2);
	assert_int_equal(handler_saw, EXCEPTION_GUARD_PAGE);
	pthread_attr_destroy(&attributes);
	RemoveVectoredExceptionHandler(first);
	RemoveVectoredExceptionHandler(last);
	assert_true(VirtualFree(own_stack, 0, MEM_RELEASE));
}

/* What is at neither end of the stack is an ordinary violation. */
static void not_an_overflow(void **state)
{
	EXCEPTION_RECORD record;
	char *page = host_pages(PAGE, PROT_NONE);
	begin(state);
	assert_false(ntmm_try(poke_body, page, &record));
	assert_int_equal(record.ExceptionCode, EXCEPTION_ACCESS_VIOLATION);
	munmap(page, PAGE);
}

/* ---- system calls --------------------------------------------------------------------------- */

static void probes(void **state)
{
	char *pages = host_pages(3 * PAGE, PROT_READ | PROT_WRITE);
	begin(state);
	mprotect(pages + PAGE, PAGE, PROT_READ);
	mprotect(pages + 2 * PAGE, PAGE, PROT_NONE);
	pages[3] = 7;
	SetLastError(1);
	assert_true(ntmm_native_probe(pages + 3, 10, true));
	assert_int_equal(pages[3], 7);
	assert_true(ntmm_native_probe(pages + 1, 2 * PAGE - 1, false));
	assert_true(ntmm_native_probe(pages + 2 * PAGE, 0, true));
	assert_true(ntmm_native_probe(NULL, 0, true));
	assert_int_equal(GetLastError(), 1);
	assert_false(ntmm_native_probe(pages + PAGE - 1, 2, true));
	assert_int_equal(GetLastError(), ERROR_NOACCESS);
	SetLastError(1);
	assert_false(ntmm_native_probe(pages + 1, 2 * PAGE, false));
	assert_int_equal(GetLastError(), ERROR_NOACCESS);
	assert_false(ntmm_native_probe(pages, SIZE_MAX, false));
	assert_false(ntmm_native_probe((void *)0x8000000000000000, 1, false));
	assert_int_equal(GetLastError(), ERROR_NOACCESS);
	munmap(pages, 3 * PAGE);
}

/* GP-7, GP-8: of files and of pipes. */
static void reading_and_writing(void **state)
{
	char path[] = "/tmp/ntmm-try-XXXXXX", *page = host_pages(PAGE, PROT_READ | PROT_WRITE);
	char *none = host_pages(PAGE, PROT_NONE);
	int fd = mkstemp(path), pipes[2];
	begin(state);
	assert_true(fd >= 0 && !unlink(path) && !pipe(pipes));
	memcpy(page, "hello", 5);
	assert_int_equal(ntmm_native_write(fd, page, 5), 5);
	assert_int_equal(ntmm_native_write(pipes[1], page, 5), 5);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(ntmm_native_read(fd, page + 10, 100), 5);
	assert_memory_equal(page + 10, "hello", 5);
	lseek(fd, 0, SEEK_SET);

	errno = 0;
	assert_int_equal(ntmm_native_read(fd, none, 5), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(GetLastError(), ERROR_NOACCESS);
	assert_int_equal(ntmm_native_write(fd, none, 5), -1);
	assert_int_equal(GetLastError(), ERROR_INVALID_USER_BUFFER);
	assert_int_equal(ntmm_native_write(pipes[1], none, 5), -1);
	assert_int_equal(GetLastError(), ERROR_NOACCESS);
	SetLastError(1);
	assert_int_equal(ntmm_native_read(-1, page, 5), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(GetLastError(), 1);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
	munmap(none, PAGE);
	munmap(page, PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies),
		cmocka_unit_test(nested),
		cmocka_unit_test(in_handlers),
		cmocka_unit_test(floating_point_modes),
		cmocka_unit_test(stack_overflow),
		cmocka_unit_test(growing_stack),
		cmocka_unit_test(not_an_overflow),
		cmocka_unit_test(probes),
		cmocka_unit_test(reading_and_writing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
