/* SPDX-License-Identifier: MIT
 *
 * Memory of this process that may not be accessible: touched and copied without raising anything.
 *
 * What this is: a few instructions that are known by address. When one of them faults, whoever
 * handles the host's signals finds user_is_at() true, asks what the fault means by the way of the
 * access, and either lets the instruction run again or goes on at user_landing with a status:
 * then the call ends, and says so. Nothing is spent while nothing faults.
 *
 * Statuses are NTSTATUS values: STATUS_SUCCESS, STATUS_ACCESS_VIOLATION,
 * STATUS_GUARD_PAGE_VIOLATION, STATUS_IN_PAGE_ERROR. The handlers must be installed. Elsewhere
 * than on x86-64 all is STATUS_NOT_SUPPORTED. Threads: any; no lock is held.
 */
#ifndef NTMM_BASE_USER_H
#define NTMM_BASE_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* On whose behalf: a service consumes the guards that it meets (GP-6), an access as by another
 * process leaves them (GP-9). */
enum user_way {
	USER_SERVICE,    /* all of it */
	USER_LOAD_OTHER, /* what is read is another's, what is written the caller's */
	USER_STORE_OTHER, /* the other way round */
	USER_OTHER,      /* all is another's */
};

/* Where a call came to its end. */
struct user_end {
	uint64_t left;    /* bytes that were not copied, from the first that cannot be on */
	uint64_t status;  /* NTSTATUS, as 32 bits */
	uint64_t address; /* the byte that could not be accessed; 0 on success */
};

/* The regions do not overlap. `end` may be NULL. */
int32_t user_copy(void *to, const void *from, size_t bytes, enum user_way way,
                  struct user_end *end);

/* Touches a byte of each page of the range: reads it; with `store` also writes it back, in one
 * step, so that no other thread's store is lost. The range may not wrap. `end` may be NULL, its
 * `left` is of no meaning. */
int32_t user_probe(const void *start, size_t bytes, bool store, enum user_way way,
                   struct user_end *end);

/* Whether the handlers are installed: without them a fault here is one of the library. */
bool user_is_guarded(void);

/* ---- for who handles the signals ------------------------------------------------------------- */

/* If the instruction at `rip` is one that copies many bytes at once: where the same is done byte by
 * byte, to go on there whatever the fault means; else 0. */
uint64_t user_slower(uint64_t rip);

/* Whether the instruction at `rip` is one that may fault. Rdx is then its enum user_way. To go on
 * at user_landing, Rdx must be the status and R9 the address. */
bool user_is_at(uint64_t rip);
uint64_t user_landing(void);

void user_set_guarded(bool guarded);

/* Changes with each call of the thread, so that faults of one can be told from those of the
 * next. */
uint64_t user_turn(void);

#endif
