/* SPDX-License-Identifier: MIT
 *
 * The host refuses what exceptions need: the call says so, and the next one is as if nothing had
 * been.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <ntmm/native.h>
#include <ntmm/windows.h>

#include "base/os.h"
#include "base/os_signal.h"
#include "support/touch.h"

enum { ACTION, STACK, STACK_MEMORY, MEMORY, KINDS };

/* From the `from`th request of the kind on, counted from 1, all fail; 0: none. */
static struct {
	unsigned from, requests;
} order[KINDS];

static bool fails(int kind)
{
	return ++order[kind].requests >= order[kind].from && order[kind].from;
}

int __real_os_signal_action(int signal, const struct sigaction *action, struct sigaction *before);
int __wrap_os_signal_action(int signal, const struct sigaction *action, struct sigaction *before);
int __wrap_os_signal_action(int signal, const struct sigaction *action, struct sigaction *before)
{
	return fails(ACTION) ? EINVAL : __real_os_signal_action(signal, action, before);
}

int __real_os_signal_stack(const stack_t *stack, stack_t *before);
int __wrap_os_signal_stack(const stack_t *stack, stack_t *before);
int __wrap_os_signal_stack(const stack_t *stack, stack_t *before)
{
	return fails(STACK) ? ENOMEM : __real_os_signal_stack(stack, before);
}

void *__real_os_stack_map(size_t bytes);
void *__wrap_os_stack_map(size_t bytes);
void *__wrap_os_stack_map(size_t bytes)
{
	return fails(STACK_MEMORY) ? NULL : __real_os_stack_map(bytes);
}

void *__real_os_map(size_t bytes);
void *__wrap_os_map(size_t bytes);
void *__wrap_os_map(size_t bytes)
{
	return fails(MEMORY) ? NULL : __real_os_map(bytes);
}

static void fail_from(int kind, unsigned number)
{
	order[kind].from = number;
	order[kind].requests = 0;
}

static void peek_body(void *address)
{
	peek(address);
}

static LONG NTAPI pass(EXCEPTION_POINTERS *pointers)
{
	(void)pointers;
	return EXCEPTION_CONTINUE_SEARCH;
}

static bool fault_is_caught(void)
{
	return !ntmm_try(peek_body, (char *)8, NULL);
}

/* Each of the four: asking and setting, of two signals. */
static void handlers_refused(void **state)
{
	(void)state;
	for (unsigned number = 1; number <= 4; number++) {
		fail_from(ACTION, number);
		SetLastError(0);
		assert_false(ntmm_native_take_signals());
		assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
		assert_int_equal(order[ACTION].requests, number);
		assert_null(AddVectoredExceptionHandler(1, pass));
	}
	fail_from(ACTION, 5);
	assert_true(ntmm_native_take_signals());
	fail_from(ACTION, 0);
	assert_true(fault_is_caught());
}

static void leaving_refused(void **state)
{
	(void)state;
	for (unsigned number = 1; number <= 4; number++) {
		fail_from(ACTION, 0);
		assert_true(ntmm_native_take_signals());
		fail_from(ACTION, number);
		assert_false(ntmm_native_leave_signals());
		assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
	}
	fail_from(ACTION, 0);
	assert_true(ntmm_native_take_signals());
	assert_true(fault_is_caught());
}

/* In a new thread, without an alternate stack: calls that can do without one succeed. */
static void *refuse_stack(int which)
{
	for (unsigned number = 1; number <= (which == STACK ? 2 : 1); number++) {
		fail_from(which, number);
		SetLastError(0);
		if (ntmm_native_thread_enter() || GetLastError() != ERROR_NOT_ENOUGH_MEMORY)
			return "entered";
		void *handle = AddVectoredExceptionHandler(1, pass);
		if (!handle || !RemoveVectoredExceptionHandler(handle) || !fault_is_caught())
			return "not without";
	}
	fail_from(which, 0);
	stack_t stack;
	if (!ntmm_native_thread_enter() || sigaltstack(NULL, &stack) || stack.ss_flags & SS_DISABLE)
		return "not entered";
	return fault_is_caught() ? NULL : "not caught";
}

/* A sanitizer may have given it a stack, and wants that back. */
static void *without_stack(void *kind)
{
	stack_t none = {.ss_flags = SS_DISABLE}, before;
	sigaltstack(&none, &before);
	void *wrong = refuse_stack(*(int *)kind);
	sigaltstack(&before, NULL);
	return wrong;
}

static void stacks_refused(void **state)
{
	static int kinds[] = {STACK_MEMORY, STACK}; /* the second takes the stack of the first */
	(void)state;
	assert_true(ntmm_native_take_signals());
	for (unsigned i = 0; i < 2; i++) {
		pthread_t thread;
		void *wrong;
		pthread_create(&thread, NULL, without_stack, &kinds[i]);
		pthread_join(thread, &wrong);
		if (wrong)
			fail_msg("%s", (char *)wrong);
	}
}

/* Whenever more than a block is needed. */
static void no_memory_for_handlers(void **state)
{
	enum { MANY = 2000 };
	static void *handles[MANY];
	unsigned count = 0;
	(void)state;
	fail_from(MEMORY, 3);
	while (count < MANY && (handles[count] = AddVectoredExceptionHandler(1, pass)))
		count++;
	assert_in_range(count, 100, MANY - 1);
	assert_int_equal(GetLastError(), ERROR_NOT_ENOUGH_MEMORY);
	assert_int_not_equal(RemoveVectoredExceptionHandler(handles[--count]), 0);
	assert_non_null(handles[count] = AddVectoredExceptionHandler(1, pass));
	assert_null(AddVectoredExceptionHandler(1, pass));
	fail_from(MEMORY, 0);
	void *one_more = AddVectoredExceptionHandler(1, pass);
	assert_int_equal(RemoveVectoredExceptionHandler(one_more), 1);
	for (unsigned i = 0; i <= count; i++)
		assert_int_equal(RemoveVectoredExceptionHandler(handles[i]), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handlers_refused), /* first: there are none yet */
		cmocka_unit_test(no_memory_for_handlers), /* no blocks yet */
		cmocka_unit_test(leaving_refused),
		cmocka_unit_test(stacks_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
