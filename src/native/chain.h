/* SPDX-License-Identifier: MIT
 *
 * Who had SIGSEGV and SIGBUS before: handlers that get what is not ours.
 *
 * When the library's handler is put in front of another one that calls it in turn, what it is
 * called with bears a mark, and goes to the next older one. Threads: chain_put and chain_restore
 * under the caller's lock; chain_call any, in signal handlers.
 */
#ifndef NTMM_NATIVE_CHAIN_H
#define NTMM_NATIVE_CHAIN_H

#include <signal.h>
#include <stdbool.h>
#include <ucontext.h>

typedef void signal_handler(int signal, siginfo_t *info, void *context);

/* `handler` is in front when it returns 0; what was is remembered. ENOSPC, or why the host
 * refused. */
int chain_put(int signal, signal_handler *handler);
/* If `handler` is in front, what was before it comes back. */
int chain_restore(int signal, signal_handler *handler);

/* Whether an earlier handler has passed this on: it was ours before. */
bool chain_has_mark(int signal, const ucontext_t *state);
/* As the kernel would call the next older handler; without one, the signal does what it does by
 * default once the caller has returned, as if it had just been raised. */
void chain_call(int signal, siginfo_t *info, ucontext_t *state);

#endif
