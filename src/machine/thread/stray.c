/* SPDX-License-Identifier: MIT
 *
 * Stores to the system's memory of a Windows 9x: made under the pager's lock, one by one, so that each is
 * seen. No translation of such a page may be stored by.
 */
#include "machine/pager/stray.h"
#include "machine/thread/cell.h"
#include "machine/thread/thread.h"

struct stray {
	uint64_t address;
	unsigned bytes;
	void *value;                     /* to be stored; or */
	const struct exchange *exchange; /* to be compared and exchanged, aligned */
	bool done;
};

/* Where `address` is, if its page can be stored to as it is; NULL if not. */
static void *cell_at(const struct page_map *map, uint64_t address)
{
	const struct phys *phys = &map->pager->phys;
	struct place place = map_walk(phys, map->root, page_of(address));
	struct pte pte = pte_load(place.entry);
	if (place.level != 1 || !pte_is_ready(pte, PTE_FOR_STORE))
		return NULL;
	return (uint8_t *)frame_bytes(phys, pte_frame(pte)) + address % PAGE_BYTES;
}

static void store_parts(const struct stray *stray, void *low, void *high)
{
	unsigned first = (unsigned)min_u64(stray->bytes, PAGE_BYTES - stray->address % PAGE_BYTES);
	if (is_aligned(stray->address, stray->bytes)) {
		cell_move(low, NTMM_STORE, stray->value, stray->bytes);
		return;
	}
	cell_move_part(low, NTMM_STORE, stray->value, first);
	if (first < stray->bytes)
		cell_move_part(high, NTMM_STORE, (uint8_t *)stray->value + first, stray->bytes - first);
}

/* The last page of the store is there. The first, if it is another, was; it may have gone again. */
static NTSTATUS store_visitor(struct fault *fault, void *context)
{
	struct stray *stray = context;
	uint64_t last = stray->address + stray->bytes - 1, stored = stray->address;
	void *low = cell_at(fault->map, stray->address);
	bool writes = true;
	if (!low)
		return STATUS_SUCCESS;
	if (stray->exchange) {
		cell_exchange(low, stray->bytes, stray->exchange);
		writes = *stray->exchange->swapped;
	} else {
		store_parts(stray, low, cell_at(fault->map, last & ~(PAGE_BYTES - 1)));
	}
	stray->done = true;
	if (writes)
		stray_note(fault, max_u64(stored, address_of(fault->map->stray_start)));
	return STATUS_SUCCESS;
}

static bool store(struct ntmm_thread *thread, struct stray *stray)
{
	uint64_t last = (stray->address + stray->bytes - 1) & ~(PAGE_BYTES - 1);
	uint64_t at = max_u64(stray->address, last);
	while (!stray->done) {
		if (at != stray->address && !thread_fault(thread, NTMM_STORE, stray->address))
			return false;
		if (!thread_touch(thread, NTMM_STORE, at, store_visitor, stray))
			return false;
	}
	return true;
}

bool thread_store_stray(struct ntmm_thread *thread, uint64_t address, void *value, unsigned bytes)
{
	return store(thread, &(struct stray){.address = address, .bytes = bytes, .value = value});
}

bool thread_exchange_stray(struct ntmm_thread *thread, uint64_t address, unsigned bytes,
                           const struct exchange *exchange)
{
	return store(thread,
	             &(struct stray){.address = address, .bytes = bytes, .exchange = exchange});
}
