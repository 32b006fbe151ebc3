/* SPDX-License-Identifier: MIT
 *
 * What the processor refused, read from a signal.
 */
#ifndef NTMM_NATIVE_TRAP_H
#define NTMM_NATIVE_TRAP_H

#include <signal.h>
#include <stdbool.h>
#include <ucontext.h>

#include <ntmm/exception.h>
#include <ntmm/status.h>
#include <ntmm/thread.h>

struct trap {
	uint64_t rip, rsp;
	uint64_t address;   /* the first byte that was refused; all ones: unknown (EX-5) */
	ntmm_access access; /* EX-1, EX-4 */
	bool is_page_fault; /* the rules have to say what it means */
	NTSTATUS status;    /* what is raised, as far as is known */
	NTSTATUS cause;     /* of STATUS_IN_PAGE_ERROR (EX-7) */
	uint64_t way;       /* enum user_way, if `rip` is the library's */
};

/* False when the signal tells of something else: somebody sent it, or an alignment check. */
bool trap_read(struct trap *trap, int signal, const siginfo_t *info, const ucontext_t *state);

/* The access raises what the record says, another's: a thread of a machine's. */
void trap_take(struct trap *trap, const EXCEPTION_RECORD *record);
/* EX-1, EX-6 to EX-8. */
void trap_record(const struct trap *trap, EXCEPTION_RECORD *record);

/* Whether an access to what is nobody's was one beyond the end of the thread's stack (ST-6). */
bool trap_is_stack_overflow(const struct trap *trap);

/* The page could be accessed when the trap was looked at. False when that has been so for the
 * same access again and again, and it is no use to run it once more. */
bool trap_may_retry(const struct trap *trap);

/* If it was one of the library's that copy many bytes at once: they are copied one by one from
 * now on. */
bool trap_slow_down(const struct trap *trap, ucontext_t *state);
/* The library's instruction at `rip` ends, with the trap's status. */
void trap_land(const struct trap *trap, ucontext_t *state);

#endif
