/* SPDX-License-Identifier: MIT
 *
 * Exceptions on many threads at once: handlers that come and go, or leave by longjmp; guards and
 * tries; signals sent meanwhile; threads that end.
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <ntmm/native.h>

#include "race.h"
#include "support/sanitized.h"
#include "support/touch.h"

enum { THREADS = 4, PAGES = 16, FAULTING = 3 };

static char *pages; /* of the host's, inaccessible */

static void begin(void **state)
{
	(void)state;
	MUST(ntmm_native_take_signals()); /* in front of cmocka's */
	race_begin(5);
}

static _Thread_local volatile uint64_t handled_here;
static _Thread_local volatile uint64_t expected;
static _Thread_local sigjmp_buf out;

static bool is_mine(const EXCEPTION_POINTERS *pointers)
{
	return pointers->ExceptionRecord->ExceptionInformation[1] == expected;
}

/* Every thread meets its own fault. */
static LONG NTAPI jump(EXCEPTION_POINTERS *pointers)
{
	MUST(is_mine(pointers));
	handled_here++;
	siglongjmp(out, 1);
}

static LONG NTAPI look(EXCEPTION_POINTERS *pointers)
{
	MUST(is_mine(pointers));
	return EXCEPTION_CONTINUE_SEARCH;
}

/* Steps over `movb (%reg), %reg`, of two bytes. */
static LONG NTAPI step_over(EXCEPTION_POINTERS *pointers)
{
	MUST(is_mine(pointers));
	pointers->ContextRecord->Rip += 2;
	return EXCEPTION_CONTINUE_EXECUTION;
}

__attribute__((noinline)) static void load(const char *address)
{
	expected = (uintptr_t)address;
	__asm__ volatile("movb (%0), %%al" : : "d"(address) : "rax", "memory");
}

static char *somewhere(uint64_t *chance)
{
	return pages + draw(chance) % ((uint64_t)PAGES * PAGE);
}

/* ---- handlers come and go ------------------------------------------------------------------ */

static void load_body(void *address)
{
	load(address);
}

static void fault_and_jump(void *context, unsigned number)
{
	uint64_t chance = number + 1;
	volatile uint64_t rounds = 0;
	(void)context;
	while (race_goes_on()) {
		if (!sigsetjmp(out, 0)) {
			load(somewhere(&chance));
			MUST(false);
		}
		rounds++;
		MUST(handled_here == rounds);
	}
	MUST(rounds);
}

static void change_handlers(void *context, unsigned number)
{
	static const PVECTORED_EXCEPTION_HANDLER functions[] = {look, jump};
	void *handles[20] = {0};
	uint64_t chance = number + 100;
	(void)context;
	while (race_goes_on()) {
		void **handle = &handles[draw(&chance) % 20];
		bool was = *handle;
		MUST(!was || RemoveVectoredExceptionHandler(*handle));
		MUST(!was || !RemoveVectoredExceptionHandler(*handle));
		ULONG first = draw(&chance) & 1;
		*handle = AddVectoredExceptionHandler(first, functions[draw(&chance) & 1]);
		MUST(*handle);
	}
	for (unsigned i = 0; i < 20; i++)
		MUST(!handles[i] || RemoveVectoredExceptionHandler(handles[i]));
}

static void run(void (*work)(void *, unsigned), void (*last)(void *, unsigned))
{
	struct runner runners[THREADS];
	for (unsigned i = 0; i < THREADS; i++)
		race_start(&runners[i], i < FAULTING ? work : last, NULL, i);
	race_join(runners, THREADS);
}

static void handlers_that_change(void **state)
{
	begin(state);
	void *always = AddVectoredExceptionHandler(0, jump);
	run(fault_and_jump, change_handlers);
	MUST(RemoveVectoredExceptionHandler(always));
}

/* ---- continuing, and signals sent meanwhile ------------------------------------------------ */

static _Atomic uint64_t sent_seen;

static void see_sent(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	MUST(info->si_code <= 0);
	sent_seen++;
}

/* ThreadSanitizer lets this signal in even while it holds a lock of its own, which the handler
 * needs: there every thread sends it to itself. */
static _Atomic uint64_t sent;

static void fault_and_go_on(void *context, unsigned number)
{
	uint64_t chance = number + 7;
	(void)context;
	while (race_goes_on()) {
		for (unsigned i = 0; i < 100; i++)
			load(somewhere(&chance));
		sent += IS_THREAD_SANITIZED && !raise(SIGSEGV);
	}
}

static void send(void *context, unsigned number)
{
	uint64_t chance = number;
	(void)context;
	while (race_goes_on()) {
		sent += !IS_THREAD_SANITIZED && !kill(getpid(), SIGSEGV);
		race_pause(&chance);
	}
}

static void signals_sent_meanwhile(void **state)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO};
	action.sa_sigaction = see_sent;
	sigemptyset(&action.sa_mask);
	MUST(!sigaction(SIGSEGV, &action, NULL));
	begin(state);
	void *always = AddVectoredExceptionHandler(0, step_over);
	run(fault_and_go_on, send);
	MUST(sent_seen && sent_seen <= sent);
	MUST(RemoveVectoredExceptionHandler(always));
}

/* ---- guards -------------------------------------------------------------------------------- */

static char *guarded;
static _Atomic uint64_t guards_set, guards_met;

static void touch_body(void *address)
{
	peek(address);
}

/* One guard, one exception, whoever meets it. */
static void meet_guards(void *context, unsigned number)
{
	uint64_t chance = number + 9;
	(void)context;
	while (race_goes_on()) {
		EXCEPTION_RECORD record;
		char *address = guarded + draw(&chance) % PAGES * PAGE;
		if (ntmm_try(touch_body, address, &record))
			continue;
		MUST(record.ExceptionCode == EXCEPTION_GUARD_PAGE);
		MUST(record.ExceptionInformation[1] == (uintptr_t)address);
		guards_met++;
	}
}

static void set_guards(void *context, unsigned number)
{
	uint64_t chance = number + 9;
	(void)context;
	while (race_goes_on()) {
		DWORD old;
		char *address = guarded + draw(&chance) % PAGES * PAGE;
		MUST(VirtualProtect(address, PAGE, PAGE_READWRITE | PAGE_GUARD, &old));
		guards_set += !(old & PAGE_GUARD);
	}
}

static void guards_and_threads(void **state)
{
	begin(state);
	guarded = VirtualAlloc(NULL, PAGES * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	MUST(guarded);
	run(meet_guards, set_guards);
	for (unsigned i = 0; i < PAGES; i++)
		guards_met += !ntmm_try(touch_body, guarded + i * PAGE, NULL);
	MUST(guards_set && guards_met == guards_set);
	MUST(VirtualFree(guarded, 0, MEM_RELEASE));
}

/* ---- probes for writing lose nobody's stores ----------------------------------------------- */

static uint64_t *cell;

static void add_to_cell(void *context, unsigned number)
{
	uint64_t *rounds = context;
	while (race_goes_on())
		rounds[number] = __atomic_add_fetch(&cell[number], 1, __ATOMIC_RELAXED);
}

static void probe_cell(void *context, unsigned number)
{
	(void)context;
	while (race_goes_on())
		for (unsigned i = 0; i < number; i++)
			MUST(ntmm_native_probe(&cell[i], 1, true));
}

static void probes_and_stores(void **state)
{
	uint64_t rounds[THREADS] = {0};
	struct runner runners[THREADS];
	begin(state);
	cell = VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	MUST(cell);
	for (unsigned i = 0; i < THREADS; i++)
		race_start(&runners[i], i < FAULTING ? add_to_cell : probe_cell, rounds, i);
	race_join(runners, THREADS);
	for (unsigned i = 0; i < FAULTING; i++)
		MUST(cell[i] == rounds[i]);
	MUST(VirtualFree(cell, 0, MEM_RELEASE));
}

/* ---- threads that end ---------------------------------------------------------------------- */

static void *fault_once(void *address)
{
	EXCEPTION_RECORD record;
	stack_t stack;
	MUST(!ntmm_try(load_body, address, &record));
	MUST(record.ExceptionInformation[1] == (uintptr_t)address);
	MUST(!sigaltstack(NULL, &stack) && !(stack.ss_flags & SS_DISABLE));
	return stack.ss_size < 128 << 10 ? NULL : stack.ss_sp; /* a sanitizer's own */
}

/* Their stacks are used again: a thousand threads, one after the other, and some at once, need
 * few. */
static void threads_that_end(void **state)
{
	void *stacks[THREADS + 1] = {0};
	unsigned known = 0;
	begin(state);
	for (unsigned round = 0; round < 1000 && race_goes_on(); round++) {
		pthread_t threads[THREADS];
		for (unsigned i = 0; i < THREADS; i++)
			MUST(!pthread_create(&threads[i], NULL, fault_once, pages + i));
		for (unsigned i = 0; i < THREADS; i++) {
			void *stack;
			unsigned at = 0;
			MUST(!pthread_join(threads[i], &stack));
			if (!stack)
				continue;
			while (at < known && stacks[at] != stack)
				at++;
			MUST(at <= THREADS);
			known += at == known;
			stacks[at] = stack;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handlers_that_change),
		cmocka_unit_test(signals_sent_meanwhile),
		cmocka_unit_test(guards_and_threads),
		cmocka_unit_test(probes_and_stores),
		cmocka_unit_test(threads_that_end),
	};
	pages = host_pages(PAGES * PAGE, PROT_NONE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
