/* SPDX-License-Identifier: MIT
 *
 * Vectored handlers: what they see (EX-1 to EX-7), their order (EX-10), what they may do (EX-11).
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
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

/* What the last handler saw, and what it is to do. */
static struct {
	EXCEPTION_RECORD record;
	CONTEXT context;
	unsigned calls;
	jmp_buf out;
	char *open; /* a page to make accessible */
} seen;

static LONG NTAPI note(EXCEPTION_POINTERS *pointers)
{
	seen.record = *pointers->ExceptionRecord;
	seen.context = *pointers->ContextRecord;
	seen.calls++;
	return EXCEPTION_CONTINUE_SEARCH;
}

static LONG NTAPI note_and_jump(EXCEPTION_POINTERS *pointers)
{
	note(pointers);
	longjmp(seen.out, 1);
}

static LONG NTAPI note_and_open(EXCEPTION_POINTERS *pointers)
{
	note(pointers);
	mprotect(seen.open, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	return EXCEPTION_CONTINUE_EXECUTION;
}

static void *install(PVECTORED_EXCEPTION_HANDLER handler)
{
	void *handle = AddVectoredExceptionHandler(1, handler);
	assert_non_null(handle);
	memset(&seen.record, 0xEE, sizeof seen.record);
	seen.calls = 0;
	return handle;
}

static void remove_it(void *handle)
{
	assert_int_not_equal(RemoveVectoredExceptionHandler(handle), 0);
}

#define FAULTS(access) \
	do { \
		void *handle_ = install(note_and_jump); \
		if (!setjmp(seen.out)) { \
			access; \
			fail_msg("no exception"); \
		} \
		remove_it(handle_); \
		assert_int_equal(seen.calls, 1); \
	} while (0)

static void saw(DWORD code, ULONG_PTR kind, const volatile void *address)
{
	assert_int_equal(seen.record.ExceptionCode, code);
	assert_int_equal(seen.record.ExceptionFlags, 0);
	assert_null(seen.record.ExceptionRecord);
	assert_int_equal((uintptr_t)seen.record.ExceptionAddress, seen.context.Rip);
	assert_int_equal(seen.record.NumberParameters, code == EXCEPTION_IN_PAGE_ERROR ? 3 : 2);
	assert_int_equal(seen.record.ExceptionInformation[0], kind);
	assert_int_equal(seen.record.ExceptionInformation[1], (uintptr_t)address);
}

/* EX-1: what was refused, and the address to the byte. */
static void an_access_violation(void **state)
{
	char *none = host_pages(PAGE, PROT_NONE), *code = host_pages(PAGE, PROT_READ | PROT_WRITE);
	begin(state);
	FAULTS(peek(none + 5));
	saw(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT, none + 5);
	FAULTS(poke(none + 4095, 1));
	saw(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_WRITE_FAULT, none + 4095);
	poke(code + 16, 0xC3);
	FAULTS(run_code(code + 16)); /* EX-2: where NX is in force */
	saw(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_EXECUTE_FAULT, code + 16);
	assert_ptr_equal(seen.record.ExceptionAddress, code + 16);
	FAULTS(peek(NULL));
	saw(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT, NULL);
	munmap(none, PAGE);
	munmap(code, PAGE);
}

/* EX-3: the first byte on the page that fails. EX-4: reading and writing is a write. */
static void parts_of_an_access(void **state)
{
	char *pages = host_pages(2 * PAGE, PROT_READ | PROT_WRITE);
	begin(state);
	mprotect(pages + PAGE, PAGE, PROT_NONE);
	FAULTS(peek32(pages + PAGE - 2));
	saw(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT, pages + PAGE);
	FAULTS(bump(pages + PAGE + 7));
	saw(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_WRITE_FAULT, pages + PAGE + 7);
	mprotect(pages + PAGE, PAGE, PROT_READ);
	FAULTS(bump(pages + PAGE + 7));
	saw(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_WRITE_FAULT, pages + PAGE + 7);
	munmap(pages, 2 * PAGE);
}

/* EX-5 */
static void addresses_that_no_process_has(void **state)
{
	begin(state);
	FAULTS(peek((void *)0x8000000000000000));
	saw(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT, (void *)UINTPTR_MAX);
	FAULTS(poke((void *)0x1234000000000000, 1));
	saw(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT, (void *)UINTPTR_MAX);
	FAULTS(peek((void *)0xFFFF800000001234));
	saw(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT, (void *)0xFFFF800000001234);
}

/* EX-7: the file has been cut. */
static void an_in_page_error(void **state)
{
	char path[] = "/tmp/ntmm-exception-XXXXXX";
	int fd = mkstemp(path);
	begin(state);
	assert_true(fd >= 0 && !unlink(path) && !ftruncate(fd, 2 * PAGE));
	char *view = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	poke(view + PAGE, 1);
	assert_int_equal(ftruncate(fd, 10), 0);
	poke(view + 20, 1); /* the rest of its last page is there */
	FAULTS(peek(view + PAGE + 9));
	saw(EXCEPTION_IN_PAGE_ERROR, EXCEPTION_READ_FAULT, view + PAGE + 9);
	assert_int_equal(seen.record.ExceptionInformation[2], (DWORD)STATUS_END_OF_FILE);
	FAULTS(poke(view + PAGE + 9, 1));
	saw(EXCEPTION_IN_PAGE_ERROR, EXCEPTION_WRITE_FAULT, view + PAGE + 9);
	munmap(view, 2 * PAGE);
	close(fd);
}

/* EX-11: the access is made again, and so on for each page. */
static void a_handler_that_makes_room(void **state)
{
	void *handle = install(note_and_open);
	char *pages = host_pages(10 * PAGE, PROT_NONE);
	begin(state);
	for (unsigned i = 0; i < 10; i++) {
		seen.open = pages + i * PAGE;
		errno = 77;
		poke(pages + i * PAGE + i, (uint8_t)(i + 1));
		assert_int_equal(errno, 77);
		assert_int_equal(seen.calls, i + 1);
	}
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(peek(pages + i * PAGE + i), i + 1);
	seen.open = host_pages(PAGE, PROT_READ | PROT_WRITE);
	poke(seen.open, 0xC3);
	run_code(seen.open);
	assert_int_equal(seen.calls, 11);
	remove_it(handle);
	munmap(seen.open, PAGE);
	munmap(pages, 10 * PAGE);
}

/* ---- order ---------------------------------------------------------------------------------- */

static char order[16];

static LONG called(char letter, LONG answer)
{
	order[strlen(order)] = letter;
	return answer;
}

static LONG NTAPI pass_a(EXCEPTION_POINTERS *pointers)
{
	(void)pointers;
	return called('a', EXCEPTION_CONTINUE_SEARCH);
}

static LONG NTAPI pass_b(EXCEPTION_POINTERS *pointers)
{
	(void)pointers;
	return called('b', EXCEPTION_EXECUTE_HANDLER); /* not an answer that means anything here */
}

static LONG NTAPI open_c(EXCEPTION_POINTERS *pointers)
{
	note_and_open(pointers);
	return called('c', EXCEPTION_CONTINUE_EXECUTION);
}

static LONG NTAPI pass_d(EXCEPTION_POINTERS *pointers)
{
	(void)pointers;
	return called('d', EXCEPTION_CONTINUE_SEARCH);
}

static void fault_in_order(const char *expected)
{
	memset(order, 0, sizeof order);
	mprotect(seen.open, PAGE, PROT_NONE);
	poke(seen.open, 1);
	assert_string_equal(order, expected);
}

static void handlers_in_order(void **state)
{
	begin(state);
	seen.open = host_pages(PAGE, PROT_NONE);
	void *c = AddVectoredExceptionHandler(0, open_c);
	void *a = AddVectoredExceptionHandler(1, pass_a);
	fault_in_order("ac");
	void *d = AddVectoredExceptionHandler(0, pass_d);
	void *b = AddVectoredExceptionHandler(7, pass_b);
	fault_in_order("bac");
	void *again = AddVectoredExceptionHandler(1, pass_a); /* the same one, twice */
	fault_in_order("abac");
	remove_it(a);
	fault_in_order("abc");
	assert_int_equal(RemoveVectoredExceptionHandler(a), 0);
	assert_int_equal(RemoveVectoredExceptionHandler(NULL), 0);
	a = AddVectoredExceptionHandler(1, pass_a); /* stale handles stay stale */
	remove_it(b);
	assert_int_equal(RemoveVectoredExceptionHandler(b), 0);
	fault_in_order("aac");
	remove_it(a);
	remove_it(again);
	remove_it(c);
	c = AddVectoredExceptionHandler(0, open_c);
	fault_in_order("dc");
	remove_it(d);
	remove_it(c);
	munmap(seen.open, PAGE);
}

static void bad_handlers(void **state)
{
	begin(state);
	SetLastError(0);
	assert_null(AddVectoredExceptionHandler(1, NULL));
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
	assert_null(AddVectoredContinueHandler(1, NULL));
}

/* More than there is room for at first. */
static void many_handlers(void **state)
{
	enum { MANY = 1000 };
	static void *handles[MANY];
	begin(state);
	seen.open = host_pages(PAGE, PROT_NONE);
	for (unsigned i = 0; i < MANY; i++)
		handles[i] = AddVectoredExceptionHandler(i & 1, note);
	void *last = AddVectoredExceptionHandler(0, note_and_open);
	seen.calls = 0;
	poke(seen.open, 1);
	assert_int_equal(seen.calls, MANY + 1);
	for (unsigned i = 0; i < MANY; i++)
		remove_it(handles[i]);
	mprotect(seen.open, PAGE, PROT_NONE);
	poke(seen.open, 1);
	assert_int_equal(seen.calls, MANY + 2);
	remove_it(last);
	munmap(seen.open, PAGE);
}

static void continue_handlers(void **state)
{
	begin(state);
	seen.open = host_pages(PAGE, PROT_NONE);
	void *c = AddVectoredExceptionHandler(1, open_c);
	void *a = AddVectoredContinueHandler(1, pass_a), *d = AddVectoredContinueHandler(0, pass_d);
	fault_in_order("cad");
	assert_int_equal(RemoveVectoredExceptionHandler(a), 0); /* of the other list */
	assert_int_not_equal(RemoveVectoredContinueHandler(a), 0);
	fault_in_order("cd");
	assert_int_not_equal(RemoveVectoredContinueHandler(d), 0);
	assert_int_equal(RemoveVectoredContinueHandler(d), 0);
	remove_it(c);
	munmap(seen.open, PAGE);
}

/* ---- the context --------------------------------------------------------------------------- */

/* Loads with something in every register; what the handler leaves in rax, or xmm0, is returned. */
uint64_t load_integer(const void *address);
double load_double(const void *address);
extern const char load_integer_at[], load_integer_next[], load_double_at[], load_double_next[];

__asm__(".pushsection .text\n"
        "load_integer:\n"
        "	pushq %rbx\n	pushq %rbp\n	pushq %r12\n"
        "	pushq %r13\n	pushq %r14\n	pushq %r15\n"
        "	movq $1, %rax\n	movq $2, %rcx\n	movq $3, %rdx\n	movq $4, %rbx\n"
        "	movq $5, %rbp\n	movq $6, %rsi\n	movq $8, %r8\n	movq $9, %r9\n"
        "	movq $10, %r10\n	movq $11, %r11\n	movq $12, %r12\n"
        "	movq $13, %r13\n	movq $14, %r14\n	movq $-15, %r15\n"
        "	stc\n"
        "load_integer_at:\n"
        "	movq (%rdi), %rax\n"
        "load_integer_next:\n"
        "	popq %r15\n	popq %r14\n	popq %r13\n"
        "	popq %r12\n	popq %rbp\n	popq %rbx\n"
        "	ret\n"
        "load_double:\n"
        "	movq %rdi, %xmm15\n"
        "load_double_at:\n"
        "	movsd (%rdi), %xmm0\n"
        "load_double_next:\n"
        "	ret\n"
        ".popsection\n");

static LONG NTAPI emulate(EXCEPTION_POINTERS *pointers)
{
	CONTEXT *context = pointers->ContextRecord;
	note(pointers);
	if (context->Rip == (uintptr_t)load_integer_at) {
		context->Rax = 0x123456789ABCDEF0;
		context->Rip = (uintptr_t)load_integer_next;
	} else {
		double value = 2.5;
		memcpy(&context->Xmm0.Low, &value, sizeof value);
		context->Rip = (uintptr_t)load_double_next;
	}
	return EXCEPTION_CONTINUE_EXECUTION;
}

static void registers(void **state)
{
	void *handle = install(emulate);
	char *none = host_pages(PAGE, PROT_NONE);
	const CONTEXT *c = &seen.context;
	begin(state);
	assert_int_equal(load_integer(none + 8), 0x123456789ABCDEF0);
	saw(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_READ_FAULT, none + 8);
	assert_int_equal(c->ContextFlags & CONTEXT_FULL, CONTEXT_FULL);
	assert_int_equal(c->Rip, (uintptr_t)load_integer_at);
	assert_true(c->Rax == 1 && c->Rcx == 2 && c->Rdx == 3 && c->Rbx == 4 && c->Rbp == 5);
	assert_true(c->Rsi == 6 && c->Rdi == (uintptr_t)none + 8 && c->R8 == 8 && c->R9 == 9);
	assert_true(c->R10 == 10 && c->R11 == 11 && c->R12 == 12 && c->R13 == 13 && c->R14 == 14);
	assert_true(c->R15 == (DWORD64)-15 && c->EFlags & 1 && c->Rsp);
	assert_true(load_double(none) == 2.5);
	assert_int_equal(c->Xmm15.Low, (uintptr_t)none);
	assert_int_equal(c->MxCsr, c->FltSave.MxCsr);
	assert_int_equal(c->MxCsr & 0x1F80, 0x1F80); /* all floating-point exceptions masked */
	remove_it(handle);
	munmap(none, PAGE);
}

/* ---- leaving, nesting ---------------------------------------------------------------------- */

static void jumping_out_many_times(void **state)
{
	char *none = host_pages(PAGE, PROT_NONE);
	void *handle = install(note_and_jump);
	volatile unsigned times = 0;
	begin(state);
	while (times < MANY_JUMPS)
		if (!setjmp(seen.out))
			peek(none);
		else
			times++;
	assert_int_equal(seen.calls, MANY_JUMPS);
	remove_it(handle);
	munmap(none, PAGE);
}

static char *inner_page;

/* Faults itself, before it opens the page; that fault is its own to handle, too. */
static LONG NTAPI fault_and_open(EXCEPTION_POINTERS *pointers)
{
	ULONG_PTR address = pointers->ExceptionRecord->ExceptionInformation[1];
	char *page = (char *)(address & ~(ULONG_PTR)(PAGE - 1));
	seen.calls++;
	if (page != inner_page)
		poke(inner_page, peek(inner_page) + 1);
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
	return EXCEPTION_CONTINUE_EXECUTION;
}

static void faults_in_handlers(void **state)
{
	void *handle = install(fault_and_open);
	char *page = host_pages(PAGE, PROT_NONE);
	begin(state);
	inner_page = host_pages(PAGE, PROT_NONE);
	poke(page, 3);
	assert_int_equal(seen.calls, 2);
	assert_int_equal(peek(page), 3);
	assert_int_equal(peek(inner_page), 1);
	remove_it(handle);
	munmap(inner_page, PAGE);
	munmap(page, PAGE);
}

static unsigned deepest;

static LONG NTAPI dive(EXCEPTION_POINTERS *pointers)
{
	if (++seen.calls < deepest)
		peek((void *)pointers->ExceptionRecord->ExceptionInformation[1]);
	longjmp(seen.out, 1);
}

static void faults_in_faults(void **state)
{
	char *none = host_pages(PAGE, PROT_NONE);
	void *handle = install(dive);
	stack_t stack;
	begin(state);
	assert_int_equal(sigaltstack(NULL, &stack), 0);
	deepest = stack.ss_size >= 128 << 10 ? 20 : 3; /* less: a sanitizer's own */
	if (!setjmp(seen.out))
		peek(none);
	assert_int_equal(seen.calls, deepest);
	remove_it(handle);
	munmap(none, PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_access_violation),
		cmocka_unit_test(parts_of_an_access),
		cmocka_unit_test(addresses_that_no_process_has),
		cmocka_unit_test(an_in_page_error),
		cmocka_unit_test(a_handler_that_makes_room),
		cmocka_unit_test(handlers_in_order),
		cmocka_unit_test(bad_handlers),
		cmocka_unit_test(many_handlers),
		cmocka_unit_test(continue_handlers),
		cmocka_unit_test(registers),
		cmocka_unit_test(jumping_out_many_times),
		cmocka_unit_test(faults_in_handlers),
		cmocka_unit_test(faults_in_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
