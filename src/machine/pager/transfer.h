/* SPDX-License-Identifier: MIT
 *
 * Copies between a host buffer and a process, page by page.
 *
 * (0) no lock is held. May block on I/O.
 */
#ifndef NTMM_MACHINE_PAGER_TRANSFER_H
#define NTMM_MACHINE_PAGER_TRANSFER_H

#include "machine/pager/touch.h"

struct transfer {
	struct machine_process *process;
	uint64_t address, bytes;
	void *host;         /* read from, for a store; written to, for a load; may be memory that faults */
	ntmm_access access;
	enum access_mode mode;
};

/* Stops at the first page that refuses. *done bytes were copied. STATUS_SUCCESS,
 * STATUS_ACCESS_VIOLATION, STATUS_GUARD_PAGE_VIOLATION (MODE_SERVICE), STATUS_IN_PAGE_ERROR; of the
 * host's buffer, too, where its faults are handled. */
NTSTATUS transfer_bytes(const struct transfer *transfer, uint64_t *done);

#endif
