/* SPDX-License-Identifier: MIT */
#include "machine/pager/transfer.h"

/* What lies within one page. */
struct part {
	uint8_t *host;
	uint64_t address, bytes;
	bool store;
};

static NTSTATUS copy_part(struct fault *fault, void *context)
{
	const struct part *part = context;
	frame_t frame = pte_frame(pte_load(fault->place.entry));
	uint8_t *page = frame_bytes(&fault->map->pager->phys, frame);
	uint8_t *guest = page + part->address % PAGE_BYTES;
	if (part->store)
		touch_copy(guest, part->host, part->bytes);
	else
		touch_copy(part->host, guest, part->bytes);
	return STATUS_SUCCESS;
}

NTSTATUS transfer_bytes(const struct transfer *transfer, uint64_t *done)
{
	struct part part = {.store = transfer->access == NTMM_STORE};
	struct touch touch = {transfer->process, 0,         transfer->access,
	                      transfer->mode,    copy_part, &part};
	NTSTATUS status = STATUS_SUCCESS;
	for (*done = 0; *done < transfer->bytes; *done += part.bytes) {
		part.address = transfer->address + *done;
		part.host = (uint8_t *)transfer->host + *done;
		part.bytes =
			min_u64(transfer->bytes - *done, PAGE_BYTES - part.address % PAGE_BYTES);
		touch.address = part.address;
		status = touch_as_service(&touch);
		if (status)
			break;
	}
	return status;
}
