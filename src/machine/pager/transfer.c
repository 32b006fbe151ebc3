/* SPDX-License-Identifier: MIT */
#include "machine/pager/transfer.h"

#include "base/user.h"
#include "machine/pager/stray.h"

#define PAGES_AT_ONCE 16 /* the locks are held meanwhile */
#define BLOCK_BYTES ((uint64_t)16 << 10)

/* From one touched page on. */
struct part {
	struct machine_process *process;
	uint8_t *host;
	uint64_t address, bytes; /* bytes: wanted; when it is over, copied */
	bool store;
};

static bool can_go_on(const struct part *part, struct pte pte)
{
	return pte_is_present(pte) && pte_is_accessed(pte) &&
	       (!part->store || (pte_is_writable(pte) && pte_is_dirty(pte)));
}

static void copy_in_page(const struct phys *phys, const struct part *part, struct pte pte,
                         uint64_t done, uint64_t bytes)
{
	uint8_t *guest =
		(uint8_t *)frame_bytes(phys, pte_frame(pte)) + (part->address + done) % PAGE_BYTES;
	if (part->store)
		touch_copy(guest, part->host + done, bytes);
	else
		touch_copy(part->host + done, guest, bytes);
}

/* The pages up to which what holds for the first one holds: of one run, with entries in one table.
 * Whether a section has committed them is not asked: what it has not is not present. */
static uint64_t pages_alike(const struct part *part, struct place place)
{
	uint64_t page = page_of(part->address);
	const struct space *space = space_at(&part->process->space, part->address);
	uint64_t alike = runs_at(&space->runs, page).end - page;
	uint64_t index = place.level == 2 ? page % LARGE_PAGES : place.index;
	return min_u64(min_u64(alike, MAP_FANOUT - index), PAGES_AT_ONCE);
}

/* The page that was touched, and those after it that need no touch. */
static NTSTATUS copy_part(struct fault *fault, void *context)
{
	struct part *part = context;
	const struct phys *phys = &fault->map->pager->phys;
	uint64_t n = 0, most = pages_alike(part, fault->place) * PAGE_BYTES - part->address % PAGE_BYTES;
	uint64_t wanted = min_u64(part->bytes, most), done = 0;
	do {
		uint64_t bytes =
			min_u64(wanted - done, PAGE_BYTES - (part->address + done) % PAGE_BYTES);
		copy_in_page(phys, part, fault_pte(fault, n++), done, bytes);
		done += bytes;
	} while (done < wanted && can_go_on(part, fault_pte(fault, n)));
	part->bytes = done;
	if (part->store && fault->page >= fault->map->stray_start)
		stray_note(fault, part->address);
	return STATUS_SUCCESS;
}

static NTSTATUS transfer_at_once(const struct transfer *transfer, uint64_t *done)
{
	struct part part = {.process = transfer->process, .store = transfer->access == NTMM_STORE};
	struct touch touch = {transfer->process, 0,         transfer->access,
	                      transfer->mode,    copy_part, &part};
	NTSTATUS status = STATUS_SUCCESS;
	for (*done = 0; *done < transfer->bytes; *done += part.bytes) {
		part.address = transfer->address + *done;
		part.host = (uint8_t *)transfer->host + *done;
		part.bytes = transfer->bytes - *done;
		touch.address = part.address;
		status = touch_as_service(&touch);
		if (status)
			break;
	}
	return status;
}

/* *bytes: wanted; when it is over, copied. */
static NTSTATUS touch_host(void *to, const void *from, uint64_t *bytes)
{
	struct user_end end;
	NTSTATUS status = user_copy(to, from, *bytes, USER_SERVICE, &end);
	*bytes -= status ? end.left : 0;
	return status;
}

/* The host's buffer is touched with no lock held: it may be memory whose faults are handled by the library,
 * which takes locks, even these. */
static NTSTATUS transfer_through_block(const struct transfer *transfer, uint64_t *done)
{
	uint8_t block[BLOCK_BYTES];
	const bool store = transfer->access == NTMM_STORE;
	NTSTATUS status = STATUS_SUCCESS;
	for (*done = 0; *done < transfer->bytes && !status;) {
		uint8_t *host = (uint8_t *)transfer->host + *done;
		struct transfer part = *transfer;
		uint64_t copied;
		part.address += *done;
		part.bytes = min_u64(transfer->bytes - *done, BLOCK_BYTES);
		part.host = block;
		NTSTATUS touched = store ? touch_host(block, host, &part.bytes) : STATUS_SUCCESS;
		status = transfer_at_once(&part, &copied);
		if (!store)
			touched = touch_host(host, block, &copied);
		*done += copied;
		status = status ? status : touched;
	}
	return status;
}

NTSTATUS transfer_bytes(const struct transfer *transfer, uint64_t *done)
{
	return user_is_guarded() ? transfer_through_block(transfer, done)
	                         : transfer_at_once(transfer, done);
}
