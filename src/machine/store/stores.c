/* SPDX-License-Identifier: MIT */
#include "machine/store/stores.h"

#include "base/check.h"

#define PROBE_EVERY 16

void stores_add(struct stores *stores, struct store *store)
{
	CHECK(stores->count < SLOT_FILES);
	store->number = stores->count;
	stores->store[stores->count++] = store;
	atomic_fetch_add(&stores->commit->limit, store->slots.count);
}

void stores_grown(struct stores *stores, struct store *store, uint32_t count)
{
	CHECK(count >= store->slots.count && count <= store->slots.most);
	if (!store->failed)
		atomic_fetch_add(&stores->commit->limit, count - store->slots.count);
	store->slots.count = count;
}

void stores_close(struct stores *stores)
{
	while (stores->count) {
		struct store *store = stores->store[--stores->count];
		store->operations->close(store);
	}
}

/* Without the lock, too: what holds a slot is there to stay. */
static struct store *store_with(const struct stores *stores, slot_t slot)
{
	return stores->store[slot_file(slot)];
}

/* ---- slots --------------------------------------------------------------------------------- */

static uint32_t left(const struct store *store)
{
	return store->failed ? 0 : slots_left(&store->slots);
}

static bool is_better(const struct store *a, const struct store *b, bool probe)
{
	if (a->failures != b->failures)
		return (a->failures < b->failures) != probe;
	return left(a) > left(b);
}

static struct store *choose(struct stores *stores)
{
	bool probe = ++stores->takes % PROBE_EVERY == 0;
	struct store *best = NULL;
	for (uint32_t i = 0; i < stores->count; i++) {
		struct store *store = stores->store[i];
		if (left(store) && (!best || is_better(store, best, probe)))
			best = store;
	}
	return best;
}

uint32_t stores_take(struct stores *stores, uint32_t wanted, slot_t *first)
{
	struct store *store = choose(stores);
	uint32_t page;
	if (!store)
		return 0;
	uint32_t count = slots_take(&store->slots, store->alone ? 1 : wanted, &page);
	*first = slot_of(store->number, page);
	return count;
}

void stores_free(struct stores *stores, slot_t slot)
{
	struct store *store = store_with(stores, slot);
	if (store->failed)
		stores_lose(stores, slot);
	else
		slots_free(&store->slots, slot_page(slot));
}

void stores_lose(struct stores *stores, slot_t slot)
{
	slots_lose(&store_with(stores, slot)->slots, slot_page(slot));
	atomic_fetch_sub(&stores->commit->limit, 1);
}

bool stores_is_taken(const struct stores *stores, slot_t slot)
{
	return slot_file(slot) < stores->count &&
	       slots_is_taken(&store_with(stores, slot)->slots, slot_page(slot));
}

bool stores_can_write(const struct stores *stores, slot_t slot)
{
	return !store_with(stores, slot)->failed;
}

/* ---- transfers ----------------------------------------------------------------------------- */

int stores_read(const struct stores *stores, slot_t first, void *pages, uint32_t count)
{
	return store_read(store_with(stores, first), slot_page(first), pages, count);
}

int stores_write(const struct stores *stores, slot_t first, const void *pages, uint32_t count)
{
	return store_write(store_with(stores, first), slot_page(first), pages, count);
}

/* What is free in it can hold nothing; what it holds can still be read. */
static void give_up(struct stores *stores, struct store *store)
{
	atomic_fetch_sub(&stores->commit->limit, left(store));
	store->failed = true;
}

void stores_note_write(struct stores *stores, slot_t first, uint32_t count, int error)
{
	struct store *store = store_with(stores, first);
	if (store->alone)
		store->alone--;
	store->failures = error ? store->failures + 1 : 0;
	if (!error || store->failed)
		return;
	if (count > 1) { /* the same slots again, one by one: the bad one shows */
		store->alone = count;
		store->slots.next = slot_page(first);
	}
	if (store->failures >= STORE_PATIENCE)
		give_up(stores, store);
}

/* ---- figures ------------------------------------------------------------------------------- */

uint64_t stores_usable(const struct stores *stores)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < stores->count; i++)
		sum += left(stores->store[i]) + stores->store[i]->slots.used;
	return sum;
}

uint64_t stores_used(const struct stores *stores)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < stores->count; i++)
		sum += stores->store[i]->slots.used;
	return sum;
}

uint64_t stores_left(const struct stores *stores)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < stores->count; i++)
		sum += left(stores->store[i]);
	return sum;
}
