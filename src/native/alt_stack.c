/* SPDX-License-Identifier: MIT
 *
 * Alternate stacks of threads: the handlers run on them, so that they run on a stack overflow too.
 */
#include "base/os_signal.h"
#include "native/signals.h"

/* Handlers of the program run there too, and nested faults; populated as it is touched. */
#define STACK_BYTES ((size_t)256 << 10)
/* The state that the kernel saves is up to 11 KB. */
#define ENOUGH_BYTES ((size_t)64 << 10)

_Thread_local bool signals_thread_entered __attribute__((tls_model("initial-exec")));

/* The stack that was made for this thread, NULL if none was, and what there was before. */
static _Thread_local struct {
	void *stack;
	stack_t before;
} given __attribute__((tls_model("initial-exec")));

static unsigned end_key; /* set once, by signals_prepare_stacks */

/* The earlier stack comes back, for it is looked for by whoever frees it. */
static void take_back(void *stack)
{
	stack_t now;
	signals_thread_entered = false;
	given.stack = NULL;
	if (!os_signal_stack(NULL, &now) && now.ss_sp == stack &&
	    os_signal_stack(&given.before, NULL))
		return; /* it is being run on */
	os_stack_unmap(stack, STACK_BYTES);
}

NTSTATUS signals_prepare_stacks(void)
{
	return os_thread_end_key(take_back, &end_key) ? STATUS_INSUFFICIENT_RESOURCES
	                                              : STATUS_SUCCESS;
}

static NTSTATUS give(const stack_t *before)
{
	void *stack = os_stack_map(STACK_BYTES);
	stack_t wanted = {.ss_sp = stack, .ss_size = STACK_BYTES};
	if (!stack)
		return STATUS_NO_MEMORY;
	given.stack = stack;
	given.before = *before;
	if (os_thread_end_set(end_key, stack) || os_signal_stack(&wanted, NULL)) {
		(void)os_thread_end_set(end_key, NULL);
		given.stack = NULL;
		os_stack_unmap(stack, STACK_BYTES);
		return STATUS_NO_MEMORY;
	}
	return STATUS_SUCCESS;
}

NTSTATUS signals_give_stack(void)
{
	stack_t now;
	if (os_signal_stack(NULL, &now))
		return STATUS_NO_MEMORY;
	if (now.ss_flags & SS_ONSTACK) /* cannot be changed now; a later call will look again */
		return STATUS_SUCCESS;
	signals_thread_entered = true; /* first: what follows may allocate, and so come here */
	if (!(now.ss_flags & SS_DISABLE) && now.ss_size >= ENOUGH_BYTES)
		return STATUS_SUCCESS;
	NTSTATUS status = give(&now);
	signals_thread_entered = !status;
	return status;
}
