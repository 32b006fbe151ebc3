/* SPDX-License-Identifier: MIT
 *
 * Running an instruction again, but not for ever.
 *
 * That the rules allow an access and the processor refuses it is usual: another thread has just
 * made the page accessible. A program that takes accesses away in a loop may even fault there
 * each time. If the same access is refused many times in a row, it is tried here: what succeeds
 * here was progress.
 */
#include "base/user.h"
#include "native/trap.h"

enum { TRIES_PER_TEST = 16, MOST_TRIES = 256 };

struct tried {
	uint64_t rip, address, turn;
	unsigned times;
};
static _Thread_local struct tried last __attribute__((tls_model("initial-exec")));

static bool is_same(const struct tried *a, const struct tried *b)
{
	return a->rip == b->rip && a->address == b->address && a->turn == b->turn;
}

/* A call of the library's own has a turn of its own, and is not tested: its faults are. */
static bool succeeds_here(const struct trap *trap)
{
	const struct tried now = last;
	if (trap->access == NTMM_FETCH || user_is_at(trap->rip))
		return false;
	bool refused = user_probe((const void *)(uintptr_t)trap->address, 1,
	                          trap->access == NTMM_STORE, USER_OTHER, NULL);
	last = now;
	return !refused;
}

bool trap_may_retry(const struct trap *trap)
{
	struct tried now = {trap->rip, trap->address, user_is_at(trap->rip) ? user_turn() : 0, 1};
	if (!is_same(&now, &last)) {
		last = now;
		return true;
	}
	if (++last.times % TRIES_PER_TEST)
		return true;
	if (succeeds_here(trap))
		last.times = 0;
	return last.times < MOST_TRIES;
}
