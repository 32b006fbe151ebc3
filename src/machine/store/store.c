/* SPDX-License-Identifier: MIT
 *
 * What is common to all stores: transfers are numbered, and a schedule may delay them or let them
 * fail.
 */
#include "machine/store/store.h"

#include "base/os.h"

/* A transfer about to be made, as the schedule wants it. */
static ntmm_transfer next_transfer(struct store *store, ntmm_transfer_kind kind, uint32_t page,
                                   uint32_t count)
{
	ntmm_transfer transfer = {
		.kind = kind, .file = store->number, .page = page, .pages = count};
	transfer.number = atomic_fetch_add(&store->transfers[kind], 1) + 1;
	if (store->schedule)
		store->schedule(store->context, &transfer);
	if (transfer.delay)
		os_sleep(transfer.delay);
	return transfer;
}

static uint32_t pages_to_do(const ntmm_transfer *transfer, uint32_t count)
{
	return transfer->error && transfer->done < count ? transfer->done : count;
}

int store_read(struct store *store, uint32_t page, void *pages, uint32_t count)
{
	ntmm_transfer transfer = next_transfer(store, NTMM_TRANSFER_READ, page, count);
	uint32_t now = pages_to_do(&transfer, count);
	int error = now ? store->operations->read(store, page, pages, now) : 0;
	error = error ? error : transfer.error;
	store->read_errors += error != 0;
	return error;
}

int store_write(struct store *store, uint32_t page, const void *pages, uint32_t count)
{
	ntmm_transfer transfer = next_transfer(store, NTMM_TRANSFER_WRITE, page, count);
	uint32_t now = pages_to_do(&transfer, count);
	int error = now ? store->operations->write(store, page, pages, now) : 0;
	error = error ? error : transfer.error;
	store->write_errors += error != 0;
	return error;
}

int store_grow(struct store *store, uint32_t count)
{
	uint32_t more = count - store->slots.count;
	ntmm_transfer transfer =
		next_transfer(store, NTMM_TRANSFER_GROW, store->slots.count + 1, more);
	return transfer.error ? transfer.error : store->operations->grow(store, count);
}
