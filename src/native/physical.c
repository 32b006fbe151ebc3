/* SPDX-License-Identifier: MIT
 *
 * Frames given out and taken back. They are mapped in physical_map.c.
 */
#include "native/physical.h"

#include "base/os_pages.h"
#include "native/native.h"

/* Made at a time: those before the one that the host has no memory for are had. */
#define FILL_FRAMES (UINT64_C(1) << 14)

/* Numbers in a row, of a list. */
static uint64_t row(const uint64_t *frames, uint64_t count)
{
	uint64_t i = 1;
	while (i < count && frames[i] == frames[i - 1] + 1)
		i++;
	return i;
}

/* ---- giving out ------------------------------------------------------------------------------ */

/* No lock is held: nobody knows the frames yet. How many there really are. */
static uint64_t fill(const struct physical *physical, const uint64_t *frames, uint64_t count)
{
	for (uint64_t i = 0, pages; i < count; i += pages) {
		pages = row(frames + i, min_u64(count - i, FILL_FRAMES));
		if (os_memory_fill(physical->fd, address_of(frames[i]), address_of(pages)))
			return i;
	}
	return count;
}

static uint64_t take(struct native *native, uint64_t *frames, uint64_t count)
{
	shared_lock_write(&native->space.lock);
	uint64_t taken = frames_take(&native->physical, frames, count);
	shared_lock_drop(&native->space.lock);
	return taken;
}

/* The first `got` of them can be had, the others not. */
static void finish(struct native *native, const uint64_t *frames, uint64_t got, uint64_t count)
{
	shared_lock_write(&native->space.lock);
	frames_give(&native->physical, frames, got);
	for (uint64_t i = got, pages; i < count; i += pages) {
		pages = row(frames + i, count - i);
		frames_put(&native->physical, (uint32_t)frames[i], (uint32_t)pages);
	}
	shared_lock_drop(&native->space.lock);
}

NTSTATUS native_physical_allocate(struct space *space, uint64_t *frames, uint64_t *count)
{
	struct native *native = native_of(space);
	struct os_memory host;
	os_memory(&host);
	uint64_t wanted = min_u64(*count, page_of(host.available));
	uint64_t charged = ledger_charge_most(space->ledger, wanted);
	uint64_t taken = take(native, frames, charged);
	uint64_t got = fill(&native->physical, frames, taken);
	finish(native, frames, got, taken);
	ledger_return(space->ledger, charged - got);
	if (*count && !got)
		return STATUS_INSUFFICIENT_RESOURCES;
	*count = got;
	return STATUS_SUCCESS;
}

/* ---- taking back ----------------------------------------------------------------------------- */

/* How many of the frames, in a row, are the process's, and not mapped or at pages in a row; 0: the
 * first is not the process's. */
static uint64_t alike(const struct physical *physical, const uint64_t *frames, uint64_t count)
{
	uint64_t i = 0;
	for (; i < count && frame_is_own(physical, frames[i]); i++) {
		if (!i)
			continue;
		uint64_t page = physical->frames[frames[i]].page;
		uint64_t before = physical->frames[frames[i - 1]].page;
		uint64_t next = before == PAGE_NONE ? PAGE_NONE : before + 1;
		if (frames[i] != frames[i - 1] + 1 || page != next)
			break;
	}
	return i;
}

static NTSTATUS free_row(struct native *native, uint64_t first, uint64_t count)
{
	struct physical *physical = &native->physical;
	uint64_t page = physical->frames[first].page;
	if (page != PAGE_NONE) {
		if (os_pages_shut(pointer_to_page(page), address_of(count)))
			return STATUS_INSUFFICIENT_RESOURCES;
		for (uint64_t i = 0; i < count; i++) {
			frame_leave(physical, (uint32_t)(first + i));
			physical_page_gone(native, page + i);
		}
	}
	frames_put(physical, (uint32_t)first, (uint32_t)count);
	ledger_return(native->space.ledger, count);
	return STATUS_SUCCESS;
}

NTSTATUS native_physical_free(struct space *space, const uint64_t *frames, uint64_t *count)
{
	struct native *native = native_of(space);
	uint64_t wanted = *count, pages;
	NTSTATUS status = STATUS_SUCCESS;
	for (*count = 0; *count < wanted && !status;) {
		pages = alike(&native->physical, frames + *count, wanted - *count);
		status = pages ? free_row(native, frames[*count], pages)
		               : STATUS_CONFLICTING_ADDRESSES;
		*count += status ? 0 : pages;
	}
	return status;
}
