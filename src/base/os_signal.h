/* SPDX-License-Identifier: MIT
 *
 * What the library asks of the host about signals. As os.h: 0 or an errno value; calls of their
 * own, so that a test can make each fail. All may be called in signal handlers.
 */
#ifndef NTMM_BASE_OS_SIGNAL_H
#define NTMM_BASE_OS_SIGNAL_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <ucontext.h>

/* What happens at `signal`; *before is what did. Either may be NULL. */
int os_signal_action(int signal, const struct sigaction *action, struct sigaction *before);
/* More signals are kept from the calling thread. */
void os_signal_block(const sigset_t *signals);
/* Those, and no others, that were when a signal interrupted `state`; and whether it is so. */
void os_signal_block_as_in(const ucontext_t *state);
bool os_signal_is_blocked_as_in(const ucontext_t *state);
/* The signal that `info` tells of is sent to the calling thread once more. */
int os_signal_again(int signal, siginfo_t *info);

/* The calling thread's alternate stack. EPERM: it is on it. Either may be NULL. */
int os_signal_stack(const stack_t *stack, stack_t *before);
/* Memory for a stack of `bytes`, whole pages, with a page beneath that cannot be accessed. NULL. */
void *os_stack_map(size_t bytes);
/* A part of it reads as zero again, as far as the host can do that: nothing of its last use is
 * left. */
void os_stack_renew(void *stack, size_t bytes);

/* Something that one thread has until it ends: the host takes it away then, without a call of
 * ours. */
struct os_claim {
	pthread_mutex_t mutex;
};
void os_claim_init(struct os_claim *claim);
/* Whether it is the calling thread's now: nobody had it, or who did has ended. In a forked child,
 * what threads of the parent had stays taken. */
bool os_claim_take(struct os_claim *claim);
void os_claim_drop(struct os_claim *claim);

#endif
