/* SPDX-License-Identifier: MIT */
#include "native/signals.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/os_signal.h"
#include "base/user.h"
#include "native/chain.h"
#include "native/context.h"
#include "native/fault.h"
#include "native/guest.h"
#include "native/raise.h"
#include "native/trap.h"

struct lock signals_lock = {PTHREAD_MUTEX_INITIALIZER, RANK_LEAF};
static _Atomic bool begun; /* changes under the lock; nothing is left to do for signals_begin */

static enum access_mode mode_of(const struct trap *trap)
{
	if (!user_is_at(trap->rip))
		return MODE_USER;
	if (trap->way == USER_OTHER)
		return MODE_FOREIGN;
	if (trap->way == (trap->access == NTMM_STORE ? USER_STORE_OTHER : USER_LOAD_OTHER))
		return MODE_FOREIGN;
	return MODE_SERVICE;
}

/* As resolve, by whom the memory is. */
static bool resolve_by(const struct guest *guest, struct trap *trap)
{
	const EXCEPTION_RECORD *record = guest->touch(guest->context, trap->access, trap->address);
	if (record)
		trap_take(trap, record);
	return !record;
}

/* Whether the instruction can run again; if not, the trap has the status. */
static bool resolve(struct trap *trap)
{
	const struct guest *guest = guest_at(trap->address);
	if (guest)
		return resolve_by(guest, trap);
	struct fault fault = {trap->address, trap->access, mode_of(trap)};
	enum fault_answer answer = fault_resolve(&fault, &trap->status);
	if (answer == FAULT_RETRY) {
		trap->status = STATUS_ACCESS_VIOLATION;
		return trap_may_retry(trap);
	}
	if (answer == FAULT_FOREIGN && fault.mode == MODE_USER && trap_is_stack_overflow(trap))
		trap->status = STATUS_STACK_OVERFLOW;
	return false;
}

/* Whether execution goes on without anybody being told. */
static bool settle(struct trap *trap, ucontext_t *state)
{
	if (trap_slow_down(trap, state) || (trap->is_page_fault && resolve(trap)))
		return true;
	if (!user_is_at(trap->rip))
		return false;
	trap_land(trap, state);
	return true;
}

bool signals_handle(int signal, siginfo_t *info, void *context)
{
	int error = errno;
	struct trap trap;
	EXCEPTION_RECORD record;
	if (!trap_read(&trap, signal, info, context))
		return false;
	bool goes_on = settle(&trap, context);
	if (!goes_on) {
		trap_record(&trap, &record);
		context_keep_modes(context);
		goes_on = raise_to_handlers(&record, context);
	}
	errno = error;
	if (!goes_on)
		raise_to_try(&record, context);
	return goes_on;
}

/* The handler is to run with nothing more blocked than what it interrupted had, so that it may
 * fault itself, and be left by longjmp. That is what was asked for; some runtimes
 * (ThreadSanitizer's) block all signals in every handler. The first signal tells. */
static void unblock(const ucontext_t *state)
{
	static _Atomic enum { UNKNOWN, AS_ASKED, ALL_BLOCKED } blocking;
	if (atomic_load_explicit(&blocking, memory_order_relaxed) == UNKNOWN)
		atomic_store(&blocking, os_signal_is_blocked_as_in(state) ? AS_ASKED : ALL_BLOCKED);
	if (atomic_load_explicit(&blocking, memory_order_relaxed) == ALL_BLOCKED)
		os_signal_block_as_in(state);
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
	int error = errno;
	unblock(context);
	if (chain_has_mark(signal, context) || !signals_handle(signal, info, context))
		chain_call(signal, info, context);
	errno = error;
}

static NTSTATUS install_locked(void)
{
	if (chain_put(SIGSEGV, on_signal) || chain_put(SIGBUS, on_signal))
		return STATUS_INSUFFICIENT_RESOURCES;
	return STATUS_SUCCESS;
}

NTSTATUS signals_take(void)
{
#ifdef __x86_64__
	lock_take(&signals_lock);
	NTSTATUS status = install_locked();
	if (!status) {
		user_set_guarded(true);
		atomic_store(&begun, true);
	}
	lock_drop(&signals_lock);
	return status;
#else
	return STATUS_NOT_SUPPORTED;
#endif
}

NTSTATUS signals_begin(void)
{
	return atomic_load_explicit(&begun, memory_order_acquire) ? STATUS_SUCCESS : signals_take();
}

NTSTATUS signals_leave(void)
{
	NTSTATUS status = signals_begin();
	if (status)
		return status;
	lock_take(&signals_lock);
	if (chain_restore(SIGSEGV, on_signal) || chain_restore(SIGBUS, on_signal))
		status = STATUS_INSUFFICIENT_RESOURCES;
	lock_drop(&signals_lock);
	return status;
}
