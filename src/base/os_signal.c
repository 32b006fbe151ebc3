/* SPDX-License-Identifier: MIT
 *
 * Signals of the host, Linux with glibc.
 */
#include "base/os_signal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"

#define GUARD_BYTES ((size_t)4096)

int os_signal_action(int signal, const struct sigaction *action, struct sigaction *before)
{
	return sigaction(signal, action, before) ? errno : 0;
}

void os_signal_block(const sigset_t *signals)
{
	CHECK(!pthread_sigmask(SIG_BLOCK, signals, NULL));
}

/* The kernel's set is shorter than the type: what follows it in a ucontext_t is something else. */
#define KERNEL_SET_BYTES 8

void os_signal_block_as_in(const ucontext_t *state)
{
	sigset_t set;

	sigemptyset(&set);
	memcpy(&set, &state->uc_sigmask, KERNEL_SET_BYTES);
	CHECK(!pthread_sigmask(SIG_SETMASK, &set, NULL));
}

bool os_signal_is_blocked_as_in(const ucontext_t *state)
{
	sigset_t set;

	CHECK(!pthread_sigmask(SIG_BLOCK, NULL, &set));
	return !memcmp(&set, &state->uc_sigmask, KERNEL_SET_BYTES);
}

int os_signal_again(int signal, siginfo_t *info)
{
	long error = syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), signal, info);

	return error ? errno : 0;
}

int os_signal_stack(const stack_t *stack, stack_t *before)
{
	return sigaltstack(stack, before) ? errno : 0;
}

void *os_stack_map(size_t bytes)
{
	char *memory = mmap(NULL, bytes + GUARD_BYTES, PROT_NONE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (!mprotect(memory + GUARD_BYTES, bytes, PROT_READ | PROT_WRITE))
		return memory + GUARD_BYTES;
	munmap(memory, bytes + GUARD_BYTES);
	return NULL;
}

/* Mapped anew rather than cleared: so that ThreadSanitizer knows that another thread's use of it
 * is over. */
void os_stack_renew(void *stack, size_t bytes)
{
	(void)mmap(stack, bytes, PROT_READ | PROT_WRITE,
	           MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
}

/* A robust mutex: the kernel marks it when the thread that has it ends. */
void os_claim_init(struct os_claim *claim)
{
	pthread_mutexattr_t robust;

	CHECK(!pthread_mutexattr_init(&robust));
	CHECK(!pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST));
	CHECK(!pthread_mutex_init(&claim->mutex, &robust));
	CHECK(!pthread_mutexattr_destroy(&robust));
}

bool os_claim_take(struct os_claim *claim)
{
	int error = pthread_mutex_trylock(&claim->mutex);

	if (error == EOWNERDEAD)
		error = pthread_mutex_consistent(&claim->mutex);
	return !error;
}

void os_claim_drop(struct os_claim *claim)
{
	CHECK(!pthread_mutex_unlock(&claim->mutex));
}
