/* SPDX-License-Identifier: MIT
 *
 * Copies as a system service makes them: with a status instead of an exception (S27).
 */
#include "machine/pager/transfer.h"
#include "machine/thread/thread.h"

static NTSTATUS copy(const struct transfer *transfer, uint64_t *done)
{
	uint64_t copied = 0;
	NTSTATUS status = transfer_bytes(transfer, &copied);
	if (done)
		*done = copied;
	return status;
}

NTSTATUS ntmm_copy_in(ntmm_thread *thread, void *host, uint64_t address, uint64_t bytes,
                      uint64_t *done)
{
	struct transfer in = {thread->process, address, bytes, host, NTMM_LOAD, MODE_SERVICE};
	return copy(&in, done);
}

NTSTATUS ntmm_copy_out(ntmm_thread *thread, uint64_t address, const void *host, uint64_t bytes,
                       uint64_t *done)
{
	struct transfer out = {thread->process,         address,    bytes,
	                       (void *)(uintptr_t)host, NTMM_STORE, MODE_SERVICE};
	return copy(&out, done);
}
