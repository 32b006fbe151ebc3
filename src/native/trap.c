/* SPDX-License-Identifier: MIT
 *
 * Page faults are told apart by the error code that the processor pushed, which the kernel leaves
 * in the context: bit 1, a write; bit 4, an instruction fetch.
 */
#include "native/trap.h"

#include "base/user.h"

#ifdef __x86_64__

enum { STACK_FAULT = 12, GENERAL_PROTECTION = 13, PAGE_FAULT = 14 };
enum { ERROR_WRITE = 1 << 1, ERROR_FETCH = 1 << 4 };

static ntmm_access access_of(uint64_t error)
{
	if (error & ERROR_FETCH)
		return NTMM_FETCH;
	return error & ERROR_WRITE ? NTMM_STORE : NTMM_LOAD;
}

bool trap_read(struct trap *trap, int signal, const siginfo_t *info, const ucontext_t *state)
{
	const greg_t *registers = state->uc_mcontext.gregs;
	uint64_t number = (uint64_t)registers[REG_TRAPNO];
	if (info->si_code <= 0) /* kill, sigqueue ... */
		return false;
	*trap = (struct trap){
		.rip = (uint64_t)registers[REG_RIP],
		.rsp = (uint64_t)registers[REG_RSP],
		.status = STATUS_ACCESS_VIOLATION,
		.way = (uint64_t)registers[REG_RDX],
	};
	if (info->si_code == SI_KERNEL) { /* the kernel tells no address */
		trap->address = UINT64_MAX;
		trap->access = NTMM_LOAD;
		return number == GENERAL_PROTECTION || number == STACK_FAULT;
	}
	trap->address = (uintptr_t)info->si_addr;
	trap->access = access_of((uint64_t)registers[REG_ERR]);
	trap->is_page_fault = signal == SIGSEGV;
	if (signal == SIGBUS) {
		trap->status = STATUS_IN_PAGE_ERROR;
		trap->cause = STATUS_END_OF_FILE;
	}
	return number == PAGE_FAULT && (signal == SIGSEGV || info->si_code == BUS_ADRERR);
}

bool trap_slow_down(const struct trap *trap, ucontext_t *state)
{
	uint64_t slower = user_slower(trap->rip);
	if (slower)
		state->uc_mcontext.gregs[REG_RIP] = (greg_t)slower;
	return slower;
}

void trap_land(const struct trap *trap, ucontext_t *state)
{
	greg_t *registers = state->uc_mcontext.gregs;
	registers[REG_RDX] = (greg_t)(uint32_t)trap->status;
	registers[REG_R9] = (greg_t)trap->address;
	registers[REG_RIP] = (greg_t)user_landing();
}

#else

bool trap_read(struct trap *trap, int signal, const siginfo_t *info, const ucontext_t *state)
{
	(void)trap, (void)signal, (void)info, (void)state;
	return false;
}

bool trap_slow_down(const struct trap *trap, ucontext_t *state)
{
	(void)trap, (void)state;
	return false;
}

void trap_land(const struct trap *trap, ucontext_t *state)
{
	(void)trap, (void)state;
}

#endif

void trap_take(struct trap *trap, const EXCEPTION_RECORD *record)
{
	trap->status = (NTSTATUS)record->ExceptionCode;
	trap->cause = (NTSTATUS)record->ExceptionInformation[2];
	trap->address = record->ExceptionInformation[1];
	if (record->ExceptionInformation[0] == EXCEPTION_READ_FAULT) /* EX-2: a fetch, without NX */
		trap->access = NTMM_LOAD;
}

void trap_record(const struct trap *trap, EXCEPTION_RECORD *record)
{
	static const ULONG_PTR kinds[] = {
		[NTMM_LOAD] = EXCEPTION_READ_FAULT,
		[NTMM_STORE] = EXCEPTION_WRITE_FAULT,
		[NTMM_FETCH] = EXCEPTION_EXECUTE_FAULT,
	};
	*record = (EXCEPTION_RECORD){
		.ExceptionCode = (DWORD)trap->status,
		.ExceptionAddress = (PVOID)(uintptr_t)trap->rip,
		.NumberParameters = 2,
		.ExceptionInformation = {kinds[trap->access], trap->address},
	};
	if (trap->status != STATUS_IN_PAGE_ERROR)
		return;
	record->NumberParameters = 3;
	record->ExceptionInformation[2] = (DWORD)trap->cause;
}

/* How far below the stack pointer an access can be by which a thread extends its stack, and how
 * large a frame may be that begins with one step over the guard page. */
#define BELOW_BYTES (UINT64_C(64) << 10)
#define FRAME_BYTES (UINT64_C(1) << 20)

/* Right below the stack pointer there is stack, or its end. Above, only if the pointer itself is
 * beyond. */
bool trap_is_stack_overflow(const struct trap *trap)
{
	if (trap->access == NTMM_FETCH || trap->address == UINT64_MAX)
		return false;
	if (trap->address < trap->rsp)
		return trap->rsp - trap->address <= BELOW_BYTES;
	return trap->address - trap->rsp < FRAME_BYTES &&
	       user_probe((const void *)(uintptr_t)trap->rsp, 1, false, USER_OTHER, NULL);
}
