/* SPDX-License-Identifier: MIT
 *
 * The commit ledger: pages promised against pages there are (rules CM).
 *
 * Units: pages. Threads: any; the figures are atomic, and total never exceeds limit.
 */
#ifndef NTMM_SPACE_CHARGE_H
#define NTMM_SPACE_CHARGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ledger {
	_Atomic uint64_t total, peak, limit;
	/* Asked when a charge of `pages` would pass the limit: true when it has been raised enough, or
	 * need not be any more (CM-4). NULL: never. May block on I/O: callers hold no lock of rank
	 * growth or higher. */
	bool (*grow)(void *context, uint64_t pages);
	void *context;
};

/* False when the limit would be passed and cannot be raised; then nothing is charged. */
bool ledger_charge(struct ledger *ledger, uint64_t pages);
/* As much of `pages` as there is room for; 0 at worst. */
uint64_t ledger_charge_most(struct ledger *ledger, uint64_t pages);
void ledger_return(struct ledger *ledger, uint64_t pages);
/* To lower the limit: first the pages are reserved, which is a charge that the peak does not tell
 * of. Then they are returned, or go for good and the limit with them. */
bool ledger_reserve(struct ledger *ledger, uint64_t pages);
void ledger_lower(struct ledger *ledger, uint64_t pages);

#endif
