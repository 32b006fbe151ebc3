/* SPDX-License-Identifier: MIT
 *
 * The slot map: one bit a slot, next fit.
 */
#include <stddef.h>

#include "base/check.h"
#include "base/os.h"
#include "machine/store/store.h"

#define WORD_BITS 64

static bool is_set(const struct store *store, uint32_t slot)
{
	return store->map[slot / WORD_BITS] >> (slot % WORD_BITS) & 1;
}

static void set(struct store *store, uint32_t slot)
{
	store->map[slot / WORD_BITS] |= UINT64_C(1) << (slot % WORD_BITS);
}

bool slots_init(struct store *store, uint32_t slots)
{
	store->slots = slots;
	store->used = store->bad = 0;
	store->next = 1;
	store->map = os_alloc(((size_t)slots / WORD_BITS + 1) * sizeof *store->map);
	return store->map != NULL;
}

void slots_destroy(struct store *store)
{
	os_free(store->map);
}

/* The first free slot at or after `slot`; slots + 1 when there is none. */
static uint32_t next_free(const struct store *store, uint32_t slot)
{
	while (slot <= store->slots) {
		if (slot % WORD_BITS == 0 && store->map[slot / WORD_BITS] == UINT64_MAX)
			slot += WORD_BITS;
		else if (is_set(store, slot))
			slot++;
		else
			return slot;
	}
	return store->slots + 1;
}

uint32_t slots_take(struct store *store, uint32_t wanted, uint32_t *first)
{
	if (store->used == store->slots)
		return 0;
	uint32_t slot = next_free(store, store->next);
	if (slot > store->slots)
		slot = next_free(store, 1);
	CHECK(slot <= store->slots);
	uint32_t count = 0;
	while (count < wanted && slot + count <= store->slots && !is_set(store, slot + count))
		set(store, slot + count++);
	store->used += count;
	store->next = slot + count;
	*first = slot;
	return count;
}

void slots_free(struct store *store, uint32_t slot)
{
	CHECK(slot && slot <= store->slots && is_set(store, slot));
	store->map[slot / WORD_BITS] &= ~(UINT64_C(1) << (slot % WORD_BITS));
	store->used--;
}

void slots_mark_bad(struct store *store, uint32_t slot)
{
	CHECK(slot_is_taken(store, slot));
	store->bad++;
}

bool slot_is_taken(const struct store *store, uint32_t slot)
{
	return slot && slot <= store->slots && is_set(store, slot);
}
