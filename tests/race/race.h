/* SPDX-License-Identifier: MIT
 *
 * What the tests with several host threads share.
 *
 * Failures end the program, since they may happen in any thread. NTMM_SECONDS says how long all
 * tests of a program run together; NTMM_STRESS: a minute each.
 */
#ifndef TESTS_RACE_RACE_H
#define TESTS_RACE_RACE_H

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ntmm/machine.h>
#include <ntmm/ntapi.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#define PAGE UINT64_C(4096)

#define MUST(condition) \
	((condition) ? (void)0 : race_failed(__FILE__, __LINE__, #condition))

_Noreturn void race_failed(const char *file, int line, const char *what);

/* ---- time ----------------------------------------------------------------------------------- */

/* The time that one of `tests` tests has begins now. */
void race_begin(unsigned tests);
/* Until it is over. */
bool race_goes_on(void);

/* ---- chance --------------------------------------------------------------------------------- */

static inline uint64_t draw(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

/* A moment, of random length up to about 100 us. */
void race_pause(uint64_t *state);

/* ---- threads -------------------------------------------------------------------------------- */

struct runner {
	pthread_t host;
	void (*run)(void *context, unsigned number);
	void *context;
	unsigned number;
};
void race_start(struct runner *runner, void (*run)(void *context, unsigned number), void *context,
                unsigned number);
void race_join(struct runner *runners, unsigned count);

/* ---- machines ------------------------------------------------------------------------------- */

ntmm_machine *race_machine(uint64_t frames, uint64_t slots);
/* The check holds, every process has ended, nothing is left; destroys it. */
void race_machine_end(ntmm_machine *machine);
/* A thread of the process. */
ntmm_thread *race_thread(HANDLE process);
/* Committed, PAGE_READWRITE. */
uint64_t race_commit(HANDLE process, uint64_t pages);

static inline void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

#endif
