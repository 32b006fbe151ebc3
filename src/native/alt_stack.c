/* SPDX-License-Identifier: MIT
 *
 * Alternate stacks of threads: the handlers run on them, so that they run on a stack overflow too.
 *
 * Nothing of ours is called when a thread ends (what the C library has for that allocates). A
 * stack is claimed by its thread; when that has ended, the next thread that needs one takes it.
 */
#include "base/os_signal.h"
#include "base/units.h"
#include "native/signals.h"

/* Handlers of the program run there too, and nested faults; populated as it is touched. */
#define STACK_BYTES ((size_t)256 << 10)
/* The state that the kernel saves is up to 11 KB. */
#define ENOUGH_BYTES ((size_t)32 << 10)

_Thread_local bool signals_thread_entered __attribute__((tls_model("initial-exec")));

/* In a page of its own above each stack. */
struct keeper {
	struct os_claim claim;
	struct keeper *next; /* (lock) */
};

static struct keeper *keepers; /* (lock) all there are */

static char *stack_of(struct keeper *keeper)
{
	return (char *)keeper - STACK_BYTES;
}

static struct keeper *make_locked(void)
{
	char *stack = os_stack_map(STACK_BYTES + PAGE_BYTES);
	if (!stack)
		return NULL;
	struct keeper *keeper = (struct keeper *)(void *)(stack + STACK_BYTES);
	os_claim_init(&keeper->claim);
	(void)os_claim_take(&keeper->claim);
	keeper->next = keepers;
	keepers = keeper;
	return keeper;
}

static struct keeper *claim_one(void)
{
	lock_take(&signals_lock);
	struct keeper *keeper = keepers;
	while (keeper && !os_claim_take(&keeper->claim))
		keeper = keeper->next;
	if (keeper)
		os_stack_renew(stack_of(keeper), STACK_BYTES);
	else
		keeper = make_locked();
	lock_drop(&signals_lock);
	return keeper;
}

static NTSTATUS give(void)
{
	struct keeper *keeper = claim_one();
	if (!keeper)
		return STATUS_NO_MEMORY;
	stack_t stack = {.ss_sp = stack_of(keeper), .ss_size = STACK_BYTES};
	if (!os_signal_stack(&stack, NULL))
		return STATUS_SUCCESS;
	os_claim_drop(&keeper->claim);
	return STATUS_NO_MEMORY;
}

NTSTATUS signals_give_stack(void)
{
	stack_t now;
	if (os_signal_stack(NULL, &now))
		return STATUS_NO_MEMORY;
	if (now.ss_flags & SS_ONSTACK) /* cannot be changed now; a later call will look again */
		return STATUS_SUCCESS;
	bool has_enough = !(now.ss_flags & SS_DISABLE) && now.ss_size >= ENOUGH_BYTES;
	NTSTATUS status = has_enough ? STATUS_SUCCESS : give();
	signals_thread_entered = !status;
	return status;
}
