/* SPDX-License-Identifier: MIT
 *
 * Code that a host thread runs for another process: a machine's, which has memory of its own at some
 * of the addresses.
 *
 * Threads: each has its own. Safe in signal handlers.
 */
#ifndef NTMM_NATIVE_GUEST_H
#define NTMM_NATIVE_GUEST_H

#include <ntmm/exception.h>
#include <ntmm/thread.h>

struct guest {
	uint64_t start, end; /* addresses, [start, end) */
	/* NULL: it can be accessed now. Else what the access raises; valid until the next. */
	const EXCEPTION_RECORD *(*touch)(void *context, ntmm_access access, uint64_t address);
	void *context;
};

/* The calling thread's; NULL: it runs code of its own process. */
void guest_set(const struct guest *guest);
/* The one that has memory at `address`, or NULL. */
const struct guest *guest_at(uint64_t address);

#endif
