/* SPDX-License-Identifier: MIT
 *
 * Threads of a machine's processes: the inside of ntmm_thread.
 */
#ifndef NTMM_MACHINE_THREAD_THREAD_H
#define NTMM_MACHINE_THREAD_THREAD_H

#include "machine/pager/shoot.h"
#include "machine/pager/touch.h"
#include "machine/thread/cell.h"

/* Addresses. Guarded by the space's lock. */
struct stack {
	uint64_t base, limit, deallocation;
	uint64_t guarantee; /* bytes */
};

struct ntmm_thread {
	struct ntmm_tlb tlb; /* first: ntmm_tlb_of() */
	struct machine_process *process;
	struct translator translator;
	struct translator shared; /* of Windows 9x: in the arena's map, with the same TLB; else all 0 */
	uint64_t stores_end;      /* no store from this page on may hit the TLB (S8e) */
	struct ntmm_thread *next; /* of the same process; guarded by the space's lock */
	struct stack stack;       /* base 0: none */
	EXCEPTION_RECORD exception;
	bool attached;
};

/* Enters the process's lists. STATUS_PROCESS_IS_TERMINATING when it has ended. */
NTSTATUS thread_start(struct ntmm_thread *thread, struct machine_process *process);
void thread_stop(struct ntmm_thread *thread);
/* Its process ends: it walks no more in the arena. The space's lock, for writing, and the pager's are held. */
void thread_leave_arena(struct ntmm_thread *thread);

/* ---- miss.c ---------------------------------------------------------------------------------- */

/* Where a walk does not lead to the page: fills the line, or raises. False: thread->exception says
 * what. */
bool thread_fault(struct ntmm_thread *thread, ntmm_access access, uint64_t address);
/* The same, with something else to do than to fill a line. */
bool thread_touch(struct ntmm_thread *thread, ntmm_access access, uint64_t address,
                  touch_visitor visit, void *context);

/* ---- access.c -------------------------------------------------------------------------------- */

/* Where to access `address`, while inside; NULL: nowhere yet. */
void *thread_find(struct ntmm_thread *thread, ntmm_access access, uint64_t address);

/* ---- run.c ----------------------------------------------------------------------------------- */

/* The host's processor runs the thread's code from now on: pages of thread_run_range can be shown in
 * this host process where the thread has them. STATUS_NOT_SUPPORTED, also for a Windows 9x;
 * STATUS_CONFLICTING_ADDRESSES, STATUS_NO_MEMORY, STATUS_PROCESS_IS_TERMINATING. */
NTSTATUS thread_run_begin(struct ntmm_thread *thread);
void thread_run_end(struct ntmm_thread *thread);
struct range thread_run_range(const struct ntmm_thread *thread);
/* The host's processor cannot access `address`, of these pages. It can now; false:
 * thread->exception says why not. */
bool thread_run_fault(struct ntmm_thread *thread, ntmm_access access, uint64_t address);

/* ---- stray.c --------------------------------------------------------------------------------- */

/* A store whose last byte lies at stores_end or above; false: an exception was raised. */
bool thread_store_stray(struct ntmm_thread *thread, uint64_t address, void *value, unsigned bytes);
bool thread_exchange_stray(struct ntmm_thread *thread, uint64_t address, unsigned bytes,
                           const struct exchange *exchange);

/* ---- thread.c -------------------------------------------------------------------------------- */

/* Always false. */
bool thread_raise(struct ntmm_thread *thread, NTSTATUS code, ntmm_access access, uint64_t address);
bool thread_raise_in_page(struct ntmm_thread *thread, ntmm_access access, uint64_t address,
                          NTSTATUS reason);

/* ---- stack.c --------------------------------------------------------------------------------- */

/* A guard page was hit. If it is the thread's own stack's: grows it (STATUS_SUCCESS: try again), or
 * STATUS_STACK_OVERFLOW. Else as touch_clear_guard. */
NTSTATUS stack_guard_hit(struct ntmm_thread *thread, uint64_t address);
/* ST-5: pages of `range` became guard pages. The space's lock is held. */
void stack_note_guard(struct machine_process *process, struct range range);

#endif
