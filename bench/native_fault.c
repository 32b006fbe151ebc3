/* SPDX-License-Identifier: MIT
 *
 * Exceptions of this process: from the access to a vectored handler and back, against a handler of
 * SIGSEGV that a program would install itself.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "native.h"

#define PAGES 2048
#define LOAD_BYTES 2 /* of the instruction in load() */

/* movb (%rdi), %al: two bytes, so that a handler can go on behind it */
static void load(const char *address)
{
	__asm__ volatile("movb (%%rdi), %%al" ::"D"(address)
	                 : "rax", "memory");
}

/* ---- handlers ----------------------------------------------------------------------------------- */

static void skip_theirs(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += LOAD_BYTES;
}

static LONG WINAPI skip_ours(EXCEPTION_POINTERS *exception)
{
	exception->ContextRecord->Rip += LOAD_BYTES;
	return EXCEPTION_CONTINUE_EXECUTION;
}

static void open_theirs(int number, siginfo_t *info, void *context)
{
	uintptr_t address = (uintptr_t)info->si_addr;
	(void)number;
	(void)context;
	if (mprotect((void *)(address - address % PAGE), PAGE, PROT_READ | PROT_WRITE))
		abort();
}

static LONG WINAPI open_ours(EXCEPTION_POINTERS *exception)
{
	DWORD old;
	PVOID address = (PVOID)exception->ExceptionRecord->ExceptionInformation[1];
	if (!VirtualProtect(address, 1, PAGE_READWRITE, &old))
		abort();
	return EXCEPTION_CONTINUE_EXECUTION;
}

static LONG WINAPI count_guard(EXCEPTION_POINTERS *exception)
{
	return exception->ExceptionRecord->ExceptionCode == EXCEPTION_GUARD_PAGE
	               ? EXCEPTION_CONTINUE_EXECUTION
	               : EXCEPTION_CONTINUE_SEARCH;
}

/* ---- rows --------------------------------------------------------------------------------------- */

static const struct kind {
	void (*theirs)(int number, siginfo_t *info, void *context);
	PVECTORED_EXCEPTION_HANDLER ours;
	DWORD protection;
} kinds[] = {
	{skip_theirs, skip_ours, PAGE_NOACCESS},
	{open_theirs, open_ours, PAGE_NOACCESS},
	{open_theirs, count_guard, PAGE_READWRITE | PAGE_GUARD},
};

struct state {
	const struct kind *kind;
	uint64_t bytes;
	char *theirs, *ours;
};

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	if (!bench_native_begin(why))
		return NULL;
	struct state *state = bench_alloc(1, sizeof *state);
	state->kind = &kinds[row->size];
	state->bytes = bench_times(bench, PAGES) * PAGE;
	state->theirs = host_map(state->bytes);
	state->ours = native_reserve(state->bytes, MEM_COMMIT);
	touch(state->theirs, state->bytes);
	touch(state->ours, state->bytes);
	return state;
}

static void end(void *context)
{
	struct state *state = context;
	host_unmap(state->theirs, state->bytes);
	native_release(state->ours);
	free(state);
}

static double load_all(const char *base, uint64_t bytes)
{
	double start = now();
	for (uint64_t at = 0; at < bytes; at += PAGE)
		load(base + at);
	return (now() - start) / (double)(bytes / PAGE);
}

static double fault_theirs(void *context)
{
	const struct state *state = context;
	struct sigaction before, action = {.sa_sigaction = state->kind->theirs,
	                                   .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
	must(!mprotect(state->theirs, state->bytes, PROT_NONE), "mprotect");
	must(!sigaction(SIGSEGV, &action, &before), "sigaction");
	double time = load_all(state->theirs, state->bytes);
	must(!sigaction(SIGSEGV, &before, NULL), "sigaction");
	return time;
}

static double fault_ours(void *context)
{
	const struct state *state = context;
	native_protect(state->ours, state->bytes, state->kind->protection);
	PVOID handler = AddVectoredExceptionHandler(1, state->kind->ours);
	must(handler != NULL, "AddVectoredExceptionHandler");
	double time = load_all(state->ours, state->bytes);
	must(RemoveVectoredExceptionHandler(handler), "RemoveVectoredExceptionHandler");
	return time;
}

#define FAULT_ROW(row_name, what, raw, number) \
	{ \
		.name = row_name, \
		.operation = what, \
		.against = raw, \
		.target = {TARGET_RATIO, 1.1}, \
		.size = number, \
		.begin = begin, \
		.theirs = fault_theirs, \
		.ours = fault_ours, \
		.end = end, \
	}

const struct row rows_native_fault[] = {
	FAULT_ROW("native-fault", "access violation, handler, continue behind it", "SIGSEGV", 0),
	FAULT_ROW("native-fault-open", "the same; the handler makes the page accessible",
                  "SIGSEGV, mprotect", 1),
	FAULT_ROW("native-guard", "guard page, handler, continue", "SIGSEGV, mprotect", 2),
	{0},
};
