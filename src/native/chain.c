/* SPDX-License-Identifier: MIT
 *
 * The mark is uc_link, which the kernel sets to 0 and never reads.
 */
#include "native/chain.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/os_signal.h"

enum { MOST_ACTIONS = 4 };

struct chain {
	struct sigaction actions[MOST_ACTIONS]; /* oldest first */
	_Atomic bool spent[MOST_ACTIONS];       /* SA_RESETHAND: was called once */
	_Atomic unsigned count;
};
static struct chain chains[2];

static struct chain *chain_of(int signal)
{
	return &chains[signal == SIGBUS];
}

/* Whoever saves and restores with signal() puts a handler back without its flags:
 * it counts as ours, and is put back with them. */
static bool is_handler(const struct sigaction *action, signal_handler *handler)
{
	return action->sa_sigaction == handler;
}

static bool is_same(const struct sigaction *a, const struct sigaction *b)
{
	return a->sa_flags == b->sa_flags &&
	       (a->sa_flags & SA_SIGINFO ? a->sa_sigaction == b->sa_sigaction
	                                 : a->sa_handler == b->sa_handler);
}

static int remember(struct chain *chain, const struct sigaction *action)
{
	unsigned count = atomic_load(&chain->count);
	if (count && is_same(&chain->actions[count - 1], action))
		return 0;
	if (count == MOST_ACTIONS)
		return ENOSPC;
	chain->actions[count] = *action;
	atomic_store(&chain->count, count + 1);
	return 0;
}

int chain_put(int signal, signal_handler *handler)
{
	struct sigaction now, ours = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	ours.sa_sigaction = handler;
	sigemptyset(&ours.sa_mask);
	int error = os_signal_action(signal, NULL, &now);
	if (!error && !is_handler(&now, handler))
		error = remember(chain_of(signal), &now);
	return error ? error : os_signal_action(signal, &ours, NULL);
}

int chain_restore(int signal, signal_handler *handler)
{
	struct chain *chain = chain_of(signal);
	struct sigaction now;
	int error = os_signal_action(signal, NULL, &now);
	if (error || !is_handler(&now, handler))
		return error;
	return os_signal_action(signal, &chain->actions[atomic_load(&chain->count) - 1], NULL);
}

/* The number of the action that the state is marked with; none: as many as there are. */
static unsigned place_of(const struct chain *chain, const ucontext_t *state)
{
	unsigned count = atomic_load(&chain->count);
	for (unsigned i = 0; i < count; i++)
		if (state->uc_link == (const void *)&chain->actions[i])
			return i;
	return count;
}

bool chain_has_mark(int signal, const ucontext_t *state)
{
	const struct chain *chain = chain_of(signal);
	return place_of(chain, state) < atomic_load(&chain->count);
}

/* Sent again while it is blocked, it arrives at the instruction that was interrupted, when the
 * caller returns there: what the core dump shows is that. */
static void do_default(int signal, siginfo_t *info, ucontext_t *state)
{
	struct sigaction by_default = {.sa_handler = SIG_DFL};
	sigset_t alone;
	sigemptyset(&alone);
	sigaddset(&alone, signal);
	(void)os_signal_action(signal, &by_default, NULL);
	os_signal_block(&alone);
	(void)os_signal_again(signal, info);
	sigdelset(&state->uc_sigmask, signal);
}

static void call(const struct sigaction *action, int signal, siginfo_t *info, ucontext_t *state)
{
	sigset_t blocked = action->sa_mask;
	if (!(action->sa_flags & SA_NODEFER))
		sigaddset(&blocked, signal);
	os_signal_block(&blocked); /* until the kernel restores what was, or a longjmp */
	if (!(action->sa_flags & SA_SIGINFO)) {
		action->sa_handler(signal);
		return;
	}
	state->uc_link = (void *)(uintptr_t)action;
	action->sa_sigaction(signal, info, state);
	state->uc_link = NULL;
}

static bool has_function(const struct sigaction *action)
{
	return action->sa_flags & SA_SIGINFO ||
	       (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

void chain_call(int signal, siginfo_t *info, ucontext_t *state)
{
	struct chain *chain = chain_of(signal);
	unsigned place = place_of(chain, state);
	if (!place) {
		do_default(signal, info, state);
		return;
	}
	const struct sigaction *action = &chain->actions[--place];
	if (has_function(action) &&
	    !(action->sa_flags & SA_RESETHAND && atomic_exchange(&chain->spent[place], true)))
		call(action, signal, info, state);
	else if (has_function(action) || action->sa_handler == SIG_DFL || info->si_code > 0)
		do_default(signal, info, state); /* the kernel lets nobody ignore a fault */
}
