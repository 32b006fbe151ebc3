/* SPDX-License-Identifier: MIT
 *
 * What a fault of the processor in this host process means by the rules.
 *
 * Threads: called by the thread that faulted, in a signal handler: it holds no lock of the library,
 * and nothing here calls the host's allocator.
 */
#ifndef NTMM_NATIVE_FAULT_H
#define NTMM_NATIVE_FAULT_H

#include <ntmm/thread.h>

#include "space/space.h"

/* An access by the program is MODE_USER; one by the library on its behalf MODE_SERVICE (a guard goes)
 * or MODE_FOREIGN (a guard stays). */
struct fault {
	uint64_t address;
	ntmm_access access;
	enum access_mode mode;
};

enum fault_answer {
	FAULT_RETRY, /* the page can be accessed now */
	FAULT_RAISE, /* *status says what it is; a guard that was hit is gone (GP-2) */
	/* In no allocation of the library's: *status is STATUS_ACCESS_VIOLATION, unless it is the end of
	 * a stack. */
	FAULT_FOREIGN,
};

enum fault_answer fault_resolve(const struct fault *fault, NTSTATUS *status);

#endif
