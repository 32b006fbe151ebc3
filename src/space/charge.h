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
};

/* False when the limit would be passed; then nothing is charged. */
bool ledger_charge(struct ledger *ledger, uint64_t pages);
void ledger_return(struct ledger *ledger, uint64_t pages);

#endif
