/* SPDX-License-Identifier: MIT */
#include "space/charge.h"

#include "base/check.h"
#include "base/lock.h"

static void raise_peak(struct ledger *ledger, uint64_t total)
{
	uint64_t peak = atomic_load(&ledger->peak);
	while (peak < total && !atomic_compare_exchange_weak(&ledger->peak, &peak, total))
		;
}

static bool add(struct ledger *ledger, uint64_t pages)
{
	uint64_t total = atomic_load(&ledger->total);
	do {
		uint64_t limit = atomic_load(&ledger->limit);
		if (total > limit || pages > limit - total)
			return false;
	} while (!atomic_compare_exchange_weak(&ledger->total, &total, total + pages));
	return true;
}

static bool charge(struct ledger *ledger, uint64_t pages)
{
	bool charged = add(ledger, pages);
	if (charged)
		raise_peak(ledger, atomic_load(&ledger->total));
	return charged;
}

bool ledger_charge(struct ledger *ledger, uint64_t pages)
{
	if (!pages)
		return true;
	if (ledger->grow)
		lock_may_take(RANK_GROWTH);
	while (!charge(ledger, pages))
		if (!ledger->grow || !ledger->grow(ledger->context, pages))
			return false;
	return true;
}

uint64_t ledger_charge_most(struct ledger *ledger, uint64_t pages)
{
	while (pages && !ledger_charge(ledger, pages)) {
		uint64_t total = atomic_load(&ledger->total), limit = atomic_load(&ledger->limit);
		uint64_t room = limit > total ? limit - total : 0;
		pages = pages - 1 < room ? pages - 1 : room;
	}
	return pages;
}

void ledger_return(struct ledger *ledger, uint64_t pages)
{
	if (!pages)
		return;
	uint64_t before = atomic_fetch_sub(&ledger->total, pages);
	CHECK(before >= pages);
}

bool ledger_reserve(struct ledger *ledger, uint64_t pages)
{
	if (ledger->grow)
		lock_may_take(RANK_GROWTH);
	while (!add(ledger, pages))
		if (!ledger->grow || !ledger->grow(ledger->context, pages))
			return false;
	return true;
}

void ledger_lower(struct ledger *ledger, uint64_t pages)
{
	atomic_fetch_sub(&ledger->limit, pages);
	ledger_return(ledger, pages);
}
