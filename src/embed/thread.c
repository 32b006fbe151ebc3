/* SPDX-License-Identifier: MIT
 *
 * ntmm/thread.h: threads, and which host thread acts as which.
 */
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#include "base/os.h"
#include "embed/embed.h"
#include "embed/stack.h"
#include "machine/thread/thread.h"
#include "win32/error.h"

/* A thread with the reference to its process that it holds. */
struct owned_thread {
	struct ntmm_thread thread; /* first */
	struct process *process;
};

static struct owned_thread *owned(ntmm_thread *thread)
{
	return (struct owned_thread *)(void *)thread;
}

static _Thread_local __attribute__((tls_model("initial-exec"))) struct ntmm_thread *attached;

static bool options_ok(const ntmm_thread_options *options)
{
	return !options || (options->size == sizeof *options &&
	                    !(options->flags & ~(uint32_t)NTMM_THREAD_STACK));
}

static NTSTATUS begin(struct owned_thread *made, struct machine_process *inside,
                      const ntmm_thread_options *options)
{
	NTSTATUS status = thread_start(&made->thread, inside);
	if (status || !options || !(options->flags & NTMM_THREAD_STACK))
		return status;
	status = stack_create(made->process, &made->thread, options);
	if (status)
		thread_stop(&made->thread);
	return status;
}

static NTSTATUS create(HANDLE handle, const ntmm_thread_options *options, ntmm_thread **thread)
{
	struct process *process;
	struct machine_process *inside;
	if (!options_ok(options))
		return STATUS_INVALID_PARAMETER;
	NTSTATUS status = embed_process(handle, PROCESS_CREATE_THREAD, &process, &inside);
	if (status)
		return status;
	struct owned_thread *made = os_alloc(sizeof *made);
	status = STATUS_NO_MEMORY;
	if (made) {
		made->process = process;
		status = begin(made, inside, options);
	}
	if (status) {
		os_free(made);
		process_release(process);
		return status;
	}
	*thread = &made->thread;
	return STATUS_SUCCESS;
}

ntmm_thread *ntmm_thread_create(HANDLE process, const ntmm_thread_options *options)
{
	ntmm_thread *thread = NULL;
	return win32_ok(create(process, options, &thread)) ? thread : NULL;
}

void ntmm_thread_destroy(ntmm_thread *thread)
{
	if (!thread)
		return;
	struct process *process = owned(thread)->process;
	stack_release(process, thread);
	thread_stop(thread);
	os_free(thread);
	process_release(process);
}

bool ntmm_thread_attach(ntmm_thread *thread)
{
	bool expected = false;
	if (attached || !__atomic_compare_exchange_n(&thread->attached, &expected, true, false,
	                                             __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return win32_fail(ERROR_BUSY);
	object_retain(&owned(thread)->process->object);
	attached = thread;
	process_set_current(owned(thread)->process);
	return true;
}

void ntmm_thread_detach(void)
{
	if (!attached)
		return;
	struct process *process = owned(attached)->process;
	process_set_current(NULL);
	__atomic_store_n(&attached->attached, false, __ATOMIC_RELEASE);
	attached = NULL;
	process_release(process);
}

const EXCEPTION_RECORD *ntmm_thread_exception(const ntmm_thread *thread)
{
	return &thread->exception;
}

NTSTATUS ntmm_thread_get_stack(const ntmm_thread *thread, ntmm_thread_stack *stack)
{
	if (!stack || stack->size != sizeof *stack)
		return STATUS_INFO_LENGTH_MISMATCH;
	struct space *space = &thread->process->space;
	shared_lock_read(&space->lock);
	struct stack now = thread->stack;
	shared_lock_drop(&space->lock);
	if (!now.base)
		return STATUS_INVALID_PARAMETER;
	*stack = (ntmm_thread_stack){sizeof *stack, now.base, now.limit, now.deallocation, now.guarantee};
	return STATUS_SUCCESS;
}

NTSTATUS ntmm_thread_set_stack_guarantee(ntmm_thread *thread, uint64_t bytes)
{
	struct space *space = &thread->process->space;
	NTSTATUS status = STATUS_INVALID_PARAMETER;
	shared_lock_write(&space->lock);
	if (thread->stack.base && bytes < thread->stack.base - thread->stack.deallocation) {
		thread->stack.guarantee = address_of(pages_for(bytes));
		status = STATUS_SUCCESS;
	}
	shared_lock_drop(&space->lock);
	return status;
}
