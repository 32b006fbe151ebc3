/* SPDX-License-Identifier: MIT
 *
 * Slots in blocks, in no order. A slot is free when its key is 0; a reader that finds the same
 * key before and after it has read the function knows that they belong together, for no key comes
 * twice.
 */
#include "native/handlers.h"

#include <stdatomic.h>

#include "base/os.h"
#include "base/units.h"
#include "native/signals.h"

struct slot {
	_Atomic uint64_t key;
	_Atomic PVECTORED_EXCEPTION_HANDLER function;
};

#define SLOTS 254
struct block {
	struct block *_Atomic next;
	_Atomic unsigned used; /* the slots from here on never were */
	struct slot slots[SLOTS];
};
_Static_assert(sizeof(struct block) <= PAGE_BYTES, "a block is a page");

static struct {
	struct block *_Atomic blocks;
	_Atomic unsigned count;
} lists[2];

/* (lock) The next keys, before all others and after them. */
static uint64_t first_key = (UINT64_C(1) << 62) - 1, last_key = UINT64_C(1) << 62;

static unsigned used_of(struct block *block)
{
	return atomic_load_explicit(&block->used, memory_order_acquire);
}

#define each_slot(slot, block, list) \
	(struct block * block = atomic_load_explicit(&lists[list].blocks, memory_order_acquire); \
	 block; block = atomic_load_explicit(&block->next, memory_order_acquire)) \
		for (struct slot *slot = block->slots, *end = slot + used_of(block); slot < end; slot++)

static struct slot *find_locked(enum handler_list list, uint64_t key)
{
	for each_slot(slot, block, list)
		if (atomic_load_explicit(&slot->key, memory_order_relaxed) == key)
			return slot;
	return NULL;
}

static struct slot *free_slot_locked(enum handler_list list)
{
	struct slot *slot = find_locked(list, 0);
	struct block *first = atomic_load_explicit(&lists[list].blocks, memory_order_relaxed);
	if (slot)
		return slot;
	if (first && first->used < SLOTS)
		return &first->slots[first->used++];
	struct block *more = os_map(PAGE_BYTES);
	if (!more)
		return NULL;
	atomic_init(&more->next, first);
	atomic_init(&more->used, 1);
	atomic_store_explicit(&lists[list].blocks, more, memory_order_release);
	return more->slots;
}

uint64_t handlers_add(enum handler_list list, bool first, PVECTORED_EXCEPTION_HANDLER function)
{
	uint64_t key = 0;
	lock_take(&signals_lock);
	struct slot *slot = free_slot_locked(list);
	if (slot) {
		key = first ? first_key-- : last_key++;
		atomic_store_explicit(&slot->function, function, memory_order_release);
		atomic_store_explicit(&slot->key, key, memory_order_release);
		atomic_fetch_add(&lists[list].count, 1);
	}
	lock_drop(&signals_lock);
	return key;
}

bool handlers_remove(enum handler_list list, uint64_t key)
{
	lock_take(&signals_lock);
	struct slot *slot = key ? find_locked(list, key) : NULL;
	if (slot) {
		atomic_store_explicit(&slot->key, 0, memory_order_relaxed);
		atomic_fetch_sub(&lists[list].count, 1);
	}
	lock_drop(&signals_lock);
	return slot;
}

bool handlers_any(enum handler_list list)
{
	return atomic_load_explicit(&lists[list].count, memory_order_acquire);
}

/* The first after *key, which becomes its key; NULL at the end. */
static PVECTORED_EXCEPTION_HANDLER next_after(enum handler_list list, uint64_t *key)
{
	PVECTORED_EXCEPTION_HANDLER found = NULL;
	uint64_t best = UINT64_MAX;
	for each_slot(slot, block, list) {
		uint64_t at = atomic_load_explicit(&slot->key, memory_order_acquire);
		if (!at && !atomic_load_explicit(&slot->function, memory_order_relaxed))
			break; /* nor have those behind it in the block ever been used */
		if (at <= *key || at >= best)
			continue;
		PVECTORED_EXCEPTION_HANDLER function =
			atomic_load_explicit(&slot->function, memory_order_acquire);
		if (atomic_load_explicit(&slot->key, memory_order_relaxed) != at)
			continue;
		best = at;
		found = function;
	}
	*key = best;
	return found;
}

bool handlers_call(enum handler_list list, EXCEPTION_POINTERS *pointers)
{
	PVECTORED_EXCEPTION_HANDLER function;
	for (uint64_t key = 0; (function = next_after(list, &key));)
		if (function(pointers) == EXCEPTION_CONTINUE_EXECUTION)
			return true;
	return false;
}
