/* SPDX-License-Identifier: MIT
 *
 * A stack that grows downward through a guard page, as the system grows the stacks of threads.
 *
 *      reserved | guard | committed, in use          addresses rise to the right
 *      ---------+-------+------------------
 *          <-- the guard moves          top
 *
 * A push that meets the guard page raises an exception, once: that page is plain memory from then on.
 * The handler makes the page below it the guard. The lowest page stays reserved for good; when the
 * guard cannot move any more, the handler notes that the stack is full, and the page where the guard was
 * is left to whoever has to deal with that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#define PAGE_BYTES 4096u
#define STACK_PAGES 64u

static struct {
	char *base;         /* lowest address */
	unsigned *top;      /* of the last entry; entries lie below each other */
	char *guard;        /* the page that is the guard, or was the last one */
	volatile BOOL full; /* the guard has nowhere to go */
	volatile unsigned moves;
} stack;

static void must(BOOL holds, const char *what)
{
	if (holds)
		return;
	printf("wrong: %s (last error %u)\n", what, (unsigned)GetLastError());
	exit(1);
}

static LONG WINAPI move_guard(EXCEPTION_POINTERS *exception)
{
	const EXCEPTION_RECORD *record = exception->ExceptionRecord;
	if (record->ExceptionCode != EXCEPTION_GUARD_PAGE ||
	    record->ExceptionInformation[1] - (ULONG_PTR)stack.guard >= PAGE_BYTES)
		return EXCEPTION_CONTINUE_SEARCH;
	char *next = stack.guard - PAGE_BYTES;
	if (next > stack.base &&
	    VirtualAlloc(next, PAGE_BYTES, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD)) {
		stack.guard = next;
		stack.moves++;
	} else {
		stack.full = TRUE;
	}
	return EXCEPTION_CONTINUE_EXECUTION;
}

static void stack_begin(void)
{
	SIZE_T bytes = STACK_PAGES * PAGE_BYTES;
	stack.base = VirtualAlloc(NULL, bytes, MEM_RESERVE, PAGE_READWRITE);
	must(stack.base != NULL, "the stack's addresses");
	char *end = stack.base + bytes;
	stack.guard = end - 2 * PAGE_BYTES;
	must(VirtualAlloc(end - PAGE_BYTES, PAGE_BYTES, MEM_COMMIT, PAGE_READWRITE) != NULL &&
	             VirtualAlloc(stack.guard, PAGE_BYTES, MEM_COMMIT,
	                          PAGE_READWRITE | PAGE_GUARD) != NULL,
	     "a page, and the guard below it");
	stack.top = (unsigned *)end;
}

static void push(unsigned value)
{
	*(volatile unsigned *)--stack.top = value;
}

static BOOL is_empty(void)
{
	return (char *)stack.top == stack.base + STACK_PAGES * PAGE_BYTES;
}

/* Ackermann's function: little code, and much stack. */
static unsigned ackermann(unsigned m, unsigned n)
{
	push(m);
	while (!is_empty()) {
		m = *stack.top++;
		if (m == 0) {
			n++;
		} else if (n == 0) {
			push(m - 1);
			n = 1;
		} else {
			push(m - 1);
			push(m);
			n--;
		}
	}
	return n;
}

static MEMORY_BASIC_INFORMATION query(const void *address)
{
	MEMORY_BASIC_INFORMATION region;
	must(VirtualQuery(address, &region, sizeof region) == sizeof region, "VirtualQuery");
	return region;
}

static void report(const char *what)
{
	char *end = stack.base + STACK_PAGES * PAGE_BYTES;
	printf("%-36s the guard has moved %2u times, %2u pages are above it\n", what, stack.moves,
	       (unsigned)((end - stack.guard) / PAGE_BYTES) - 1);
}

int main(void)
{
	stack_begin();
	PVOID handler = AddVectoredExceptionHandler(1, move_guard);
	must(handler != NULL, "AddVectoredExceptionHandler");
	report("an empty stack:");

	must(ackermann(3, 9) == 4093, "A(3, 9) is 4093");
	report("A(3, 9) is 4093:");
	must(stack.moves == 3, "4094 numbers need four pages, one was there");
	must(query(stack.guard).Protect == (PAGE_READWRITE | PAGE_GUARD), "there is a guard");
	must(query(stack.guard - 1).State == MEM_RESERVE, "nothing is committed below it");

	unsigned count = 0;
	while (!stack.full)
		push(count++);
	report("numbers pushed until it was full:");
	must(stack.moves == STACK_PAGES - 3, "but for the lowest page, the guard and the first");
	must(query(stack.guard).Protect == PAGE_READWRITE, "the last guard page can be used");
	must(query(stack.base).State == MEM_RESERVE, "the lowest page never");

	while (count > 0)
		must(*stack.top++ == --count, "what was pushed is popped");
	must(is_empty(), "all of it");

	must(RemoveVectoredExceptionHandler(handler) != 0, "RemoveVectoredExceptionHandler");
	must(VirtualFree(stack.base, 0, MEM_RELEASE), "VirtualFree");
	return 0;
}
