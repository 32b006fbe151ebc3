/* SPDX-License-Identifier: MIT
 *
 * Space is allocated on the disk first, and promised after.
 */
#include "machine/pager/grow.h"

#define LEAST_STEP UINT64_C(256) /* pages: 1 MB */
#define MOST_STEP (UINT64_C(1) << 30 >> PAGE_SHIFT)
#define STEP_SHARE 8 /* a file grows by an eighth of its size */

bool pager_add_store(struct pager *pager, struct store *store)
{
	lock_take(&pager->growth);
	bool fits = pager->stores.count < SLOT_FILES;
	if (fits) {
		lock_take(&pager->lock);
		stores_add(&pager->stores, store);
		lock_drop(&pager->lock);
	}
	lock_drop(&pager->growth);
	return fits;
}

static uint64_t room_of(const struct store *store)
{
	return store->failed ? 0 : store->slots.most - store->slots.count;
}

static uint64_t step_of(const struct store *store, uint64_t missing)
{
	uint64_t step = min_u64(max_u64(store->slots.count / STEP_SHARE, LEAST_STEP), MOST_STEP);
	return min_u64(max_u64(missing, step), room_of(store));
}

/* Whether the files may grow by so much. */
static bool is_allowed(struct pager *pager, uint64_t missing)
{
	uint64_t room = 0;
	lock_take(&pager->lock);
	for (uint32_t i = 0; i < pager->stores.count; i++)
		room += room_of(pager->stores.store[i]);
	lock_drop(&pager->lock);
	return room >= missing;
}

/* The whole step, or what is missing, on a disk that has no more. Returns the pages added. */
static uint64_t grow_one(struct pager *pager, struct store *store, uint64_t missing)
{
	uint32_t before = store->slots.count;
	lock_take(&pager->lock);
	uint64_t step = step_of(store, missing), least = min_u64(step, missing);
	lock_drop(&pager->lock);
	if (step && store_grow(store, (uint32_t)(before + step)))
		step = step > least && !store_grow(store, (uint32_t)(before + least)) ? least : 0;
	lock_take(&pager->lock);
	stores_grown(&pager->stores, store, (uint32_t)(before + step));
	lock_drop(&pager->lock);
	return step;
}

/* What a charge of `pages` lacks now. */
static uint64_t missing_for(const struct ledger *commit, uint64_t pages)
{
	uint64_t limit = atomic_load(&commit->limit), total = atomic_load(&commit->total);
	return total + pages > limit ? total + pages - limit : 0;
}

bool pager_grow(void *context, uint64_t pages)
{
	struct pager *pager = context;
	lock_take(&pager->growth);
	uint64_t missing = missing_for(&pager->commit, pages);
	bool allowed = is_allowed(pager, missing);
	for (uint32_t i = 0; allowed && missing && i < pager->stores.count; i++) {
		uint64_t more = grow_one(pager, pager->stores.store[i], missing);
		missing -= min_u64(missing, more);
	}
	lock_drop(&pager->growth);
	return allowed && !missing;
}
