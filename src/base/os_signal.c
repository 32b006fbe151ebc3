/* SPDX-License-Identifier: MIT
 *
 * Signals of the host, Linux with glibc.
 */
#include "base/os_signal.h"

#include <errno.h>
#include <pthread.h>
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

void os_signal_set_blocked(const sigset_t *signals)
{
	CHECK(!pthread_sigmask(SIG_SETMASK, signals, NULL));
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

void os_stack_unmap(void *stack, size_t bytes)
{
	CHECK(!munmap((char *)stack - GUARD_BYTES, bytes + GUARD_BYTES));
}

int os_thread_end_key(void (*end)(void *what), unsigned *key)
{
	pthread_key_t made;
	int error = pthread_key_create(&made, end);

	if (!error)
		*key = made;
	return error;
}

int os_thread_end_set(unsigned key, void *what)
{
	return pthread_setspecific(key, what);
}
