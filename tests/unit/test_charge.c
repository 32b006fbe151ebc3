/* SPDX-License-Identifier: MIT
 *
 * The commit ledger: what is charged, and how the limit is raised (CM-4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "space/charge.h"

static void up_to_the_limit(void **state)
{
	struct ledger ledger = {.limit = 10};
	(void)state;
	assert_true(ledger_charge(&ledger, 7));
	assert_false(ledger_charge(&ledger, 4));
	assert_false(ledger_charge(&ledger, UINT64_MAX));
	assert_true(ledger_charge(&ledger, 3));
	assert_true(ledger_charge(&ledger, 0));
	ledger_return(&ledger, 8);
	assert_int_equal(ledger.total, 2);
	assert_int_equal(ledger.peak, 10);
	ledger.limit = 1; /* storage that failed */
	assert_false(ledger_charge(&ledger, 1));
	assert_int_equal(ledger.total, 2);
}

/* What a test wants of it: how much a call adds, and how many calls there may be. */
struct grower {
	struct ledger ledger;
	uint64_t step, asked;
	unsigned calls, most;
};

static bool grow(void *context, uint64_t pages)
{
	struct grower *g = context;
	g->asked = pages;
	if (g->calls == g->most)
		return false;
	g->calls++;
	g->ledger.limit += g->step;
	return true;
}

/* Asked only when it is needed, with the whole charge, again until that fits or it says no. */
static void beyond_it(void **state)
{
	struct grower g = {.ledger = {.limit = 10, .grow = grow}, .step = 3, .most = 4};
	(void)state;
	g.ledger.context = &g;
	assert_true(ledger_charge(&g.ledger, 10));
	assert_int_equal(g.calls, 0);
	assert_true(ledger_charge(&g.ledger, 1));
	assert_int_equal(g.calls, 1);
	assert_int_equal(g.asked, 1);
	assert_true(ledger_charge(&g.ledger, 7)); /* another charge took the first step's room */
	assert_int_equal(g.calls, 3);
	assert_int_equal(g.asked, 7);
	assert_false(ledger_charge(&g.ledger, 20));
	assert_int_equal(g.calls, 4);
	assert_int_equal(g.ledger.total, 18);
	assert_int_equal(g.ledger.limit, 22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_to_the_limit),
		cmocka_unit_test(beyond_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
