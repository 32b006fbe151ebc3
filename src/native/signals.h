/* SPDX-License-Identifier: MIT
 *
 * SIGSEGV and SIGBUS of this process: whose they are, and what becomes of them.
 *
 *      the kernel → on_signal → trap.h     what the processor refused
 *                             → fault.h    what that means by the rules: go on, or raise
 *                             → user.h     the library's own touches end with a status
 *                             → raise.h    vectored handlers, then ntmm_try
 *                             → chain.h    the handlers that were there before
 *
 * Everything here is safe in signal handlers: no lock that is held while memory is touched, no
 * allocation. Threads: any. Elsewhere than on x86-64 nothing begins.
 */
#ifndef NTMM_NATIVE_SIGNALS_H
#define NTMM_NATIVE_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include <ntmm/status.h>

#include "base/lock.h"

/* Guards what is marked (lock) in the files above; a leaf, held for moments. Whoever forks holds it
 * meanwhile. */
extern struct lock signals_lock;

/* Installs the handlers unless that has been done, or the program keeps the signals to itself.
 * Nearly free when done. STATUS_NOT_SUPPORTED; STATUS_INSUFFICIENT_RESOURCES. */
NTSTATUS signals_begin(void);
/* The same, but puts them in front again when others have been installed since; and what ends
 * that. */
NTSTATUS signals_take(void);
NTSTATUS signals_leave(void);

/* Whether execution can go on. Does not return when an ntmm_try takes it. errno is kept. */
bool signals_handle(int signal, siginfo_t *info, void *context);

/* The calling thread has an alternate stack of at least 32 KB from now on; its own is kept if it
 * is large enough. When the thread ends, another may have it. Nearly free when done.
 * STATUS_NO_MEMORY. */
extern _Thread_local bool signals_thread_entered __attribute__((tls_model("initial-exec")));
NTSTATUS signals_give_stack(void);
static inline NTSTATUS signals_enter_thread(void)
{
	return signals_thread_entered ? STATUS_SUCCESS : signals_give_stack();
}

#endif
