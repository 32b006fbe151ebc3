/* SPDX-License-Identifier: MIT
 *
 * Copies as a system service makes them: page by page, with a status instead of an exception (S27).
 */
#include "machine/thread/thread.h"

struct transfer {
	uint8_t *host;
	uint64_t address, bytes; /* of this page */
	bool out;
};

static NTSTATUS transfer_visitor(struct fault *fault, void *context)
{
	struct transfer *part = context;
	uint8_t *page =
		frame_bytes(&fault->map->pager->phys, pte_frame(pte_load(fault->place.entry)));
	uint8_t *guest = page + part->address % PAGE_BYTES;
	touch_copy(part->out ? guest : part->host, part->out ? part->host : guest, part->bytes);
	return STATUS_SUCCESS;
}

static NTSTATUS copy(struct ntmm_thread *thread, struct transfer part, uint64_t bytes,
                     uint64_t *done)
{
	uint64_t copied = 0;
	NTSTATUS status = STATUS_SUCCESS;
	struct touch touch = {
		thread->process,  0,    part.out ? NTMM_STORE : NTMM_LOAD, MODE_SERVICE,
		transfer_visitor, &part};
	while (copied < bytes) {
		touch.address = part.address;
		part.bytes = min_u64(bytes - copied, PAGE_BYTES - part.address % PAGE_BYTES);
		status = touch_as_service(&touch);
		if (status)
			break;
		copied += part.bytes;
		part.host += part.bytes;
		part.address += part.bytes;
	}
	if (done)
		*done = copied;
	return status;
}

NTSTATUS ntmm_copy_in(ntmm_thread *thread, void *host, uint64_t address, uint64_t bytes,
                      uint64_t *done)
{
	return copy(thread, (struct transfer){host, address, 0, false}, bytes, done);
}

NTSTATUS ntmm_copy_out(ntmm_thread *thread, uint64_t address, const void *host, uint64_t bytes,
                       uint64_t *done)
{
	return copy(thread, (struct transfer){(uint8_t *)(uintptr_t)host, address, 0, true}, bytes,
	            done);
}
