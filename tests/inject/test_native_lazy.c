/* SPDX-License-Identifier: MIT
 *
 * Memory of the test's own process that is reset or offered, of which the host takes what it may,
 * with the N-th request to the host failing: nothing is lost that was not given up, and what is
 * lost is told (VA-64, VA-69, OF-4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/os_lazy.h"
#include "native.h"
#include "support/processor.h"
#include "support/touch.h"

#define ALL 32
#define SPAN 20 /* pages that are given up */
#define LOST 8  /* of these, at the beginning, where the host takes pages early */
#define TRIES 4

static bool host_takes; /* else all is kept */

/* ---- contents -------------------------------------------------------------------------------- */

/* In two granules, of which one has pages of several protections. */
static void filled(struct stage *s)
{
	allocate(s, 0, ALL, BOTH, RW);
	fill(s, 0, ALL);
	protect(s, SPAN + 4, 4, RO);
}

/* As `fill` left it. */
static bool is_whole(const struct stage *s, unsigned n)
{
	return peek((char *)at_page(s, n) + n) == n + 1;
}

static void expect_whole(const struct stage *s, unsigned page, unsigned pages)
{
	for (unsigned n = page; n < page + pages; n++)
		if (!is_whole(s, n))
			fail_msg("page %u was lost", n);
}

/* VL-23: the host takes what it may. */
static void press(const struct stage *s, unsigned page, unsigned pages)
{
	for (unsigned i = 0; i < TRIES; i++)
		assert_false(VirtualUnlock(at_page(s, page), pages * PAGE));
}

static void press_again(const struct stage *s)
{
	struct order now = order;
	order.off = true;
	press(s, 0, SPAN);
	order = now;
}

/* ---- places to begin from -------------------------------------------------------------------- */

static bool reset(struct stage *s)
{
	return VirtualAlloc(at_page(s, 0), SPAN * PAGE, MEM_RESET, RW);
}

static void was_reset(struct stage *s)
{
	filled(s);
	assert_true(reset(s));
	press(s, 0, LOST);
}

static bool offer(struct stage *s)
{
	SetLastError(OfferVirtualMemory(at_page(s, 0), SPAN * PAGE, VmOfferPriorityLow));
	return !GetLastError();
}

static void offered(struct stage *s)
{
	filled(s);
	assert_true(offer(s));
	press(s, 0, LOST);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static bool undo_pages(struct stage *s, unsigned page, unsigned pages)
{
	return VirtualAlloc(at_page(s, page), pages * PAGE, MEM_RESET_UNDO, RW);
}

/* What is told to be intact is, and stays. */
static bool undo(struct stage *s)
{
	bool lost = undo_pages(s, 0, LOST), kept = undo_pages(s, LOST, SPAN - LOST);
	assert_true(lost != host_takes);
	press_again(s);
	if (kept)
		expect_whole(s, LOST, SPAN - LOST);
	return true;
}

static bool reset_and_undo(struct stage *s)
{
	assert_true(reset(s));
	press_again(s);
	if (undo_pages(s, 0, SPAN)) {
		press_again(s);
		expect_whole(s, 0, SPAN);
	}
	return true;
}

static bool store_and_undo(struct stage *s)
{
	assert_true(reset(s));
	for (unsigned n = 0; n < SPAN; n += 2)
		assert_int_equal(touch(at_page(s, n), true), 0);
	press_again(s);
	for (unsigned n = 0; n < SPAN; n += 2)
		expect_whole(s, n, 1);
	return true;
}

static bool reclaim(struct stage *s)
{
	DWORD error = ReclaimVirtualMemory(at_page(s, 0), SPAN * PAGE);
	SetLastError(error);
	if (error && error != ERROR_BUSY)
		return false;
	assert_true(error || !host_takes || is_whole(s, 0));
	return true;
}

static bool reclaim_the_rest(struct stage *s)
{
	DWORD error = ReclaimVirtualMemory(at_page(s, LOST), (SPAN - LOST) * PAGE);
	SetLastError(error);
	if (error)
		return error == ERROR_BUSY;
	press_again(s);
	expect_whole(s, LOST, SPAN - LOST);
	return true;
}

/* What was not lost by then cannot be any more. */
static bool protect_readable(struct stage *s)
{
	DWORD old;
	if (!VirtualProtect(at_page(s, 0), SPAN * PAGE, RO, &old))
		return false;
	press_again(s);
	expect_whole(s, LOST, SPAN - LOST);
	return true;
}

static bool commit_again(struct stage *s)
{
	return VirtualAlloc(at_page(s, LOST - 2), 10 * PAGE, MEM_COMMIT, RO);
}

static bool lock(struct stage *s)
{
	if (!VirtualLock(at_page(s, LOST - 4), 8 * PAGE))
		return false;
	assert_true(undo_pages(s, LOST - 4, 4) != host_takes);
	return VirtualUnlock(at_page(s, LOST - 4), 8 * PAGE);
}

static bool release(struct stage *s)
{
	return VirtualFree(at_page(s, 0), 0, MEM_RELEASE);
}

static const struct attempt attempts[] = {
	{"reset, and undo", filled, reset_and_undo, NULL, 0},
	{"reset, and store", filled, store_and_undo, NULL, 0},
	{"undo", was_reset, undo, NULL, 0},
	{"protect what was reset", was_reset, protect_readable, NULL, 0},
	{"lock what was reset", was_reset, lock, NULL, 0},
	{"release what was reset", was_reset, release, NULL, 0},
	{"offer what was reset", was_reset, offer, NULL, 0},
	{"reclaim what was lost", offered, reclaim, NULL, 0},
	{"reclaim what was kept", offered, reclaim_the_rest, NULL, 0},
	{"protect what is offered", offered, protect_readable, NULL, 0},
	{"commit what is offered", offered, commit_again, NULL, 0},
	{"release what is offered", offered, release, NULL, 0},
};

static void memory_given_up(void **state)
{
	(void)state;
	host_takes = os_lazy_works();
	native_attempts(attempts, sizeof attempts / sizeof attempts[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(memory_given_up)};
	stay_on_processor();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
