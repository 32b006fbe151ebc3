/* SPDX-License-Identifier: MIT
 *
 * Memory of the test's own process that is watched, locked, offered, guarded, or kept by placeholders, with the
 * N-th request to the host failing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "native.h"

#define RUN(attempts) native_attempts(attempts, sizeof(attempts) / sizeof(attempts)[0])

static void nothing(struct stage *s)
{
	(void)s;
}

static void all_open(struct stage *s)
{
	allocate(s, 0, PLACE_PAGES, BOTH, RW);
	fill(s, 0, PLACE_PAGES);
}

static bool protect_pages(struct stage *s, unsigned page, unsigned pages, uint32_t protect)
{
	DWORD old;
	return VirtualProtect(at_page(s, page), pages * PAGE, protect, &old);
}

static bool release(struct stage *s)
{
	return VirtualFree(at_page(s, 0), 0, MEM_RELEASE);
}

/* ---- write watch ----------------------------------------------------------------------------- */

static void watched(struct stage *s)
{
	allocate(s, 0, PLACE_PAGES, MEM_RESERVE | MEM_WRITE_WATCH, RW);
	allocate(s, 4, 40, MEM_COMMIT, RW);
	fill(s, 6, 10);
	protect(s, 30, 5, RO);
}

static bool watch(struct stage *s)
{
	return VirtualAlloc(at_page(s, 0), PLACE_PAGES * PAGE, BOTH | MEM_WRITE_WATCH, RW);
}

static bool watch_more(struct stage *s)
{
	return VirtualAlloc(at_page(s, 2), 60 * PAGE, MEM_COMMIT, RW);
}

static bool watch_readable(struct stage *s)
{
	return protect_pages(s, 5, 20, RO);
}

static bool watch_less(struct stage *s)
{
	return VirtualFree(at_page(s, 10), 20 * PAGE, MEM_DECOMMIT);
}

/* No mark is lost: the answer has at least those that are. */
static bool ask(struct stage *s, uint32_t flags)
{
	void *found[PLACE_PAGES];
	ULONG_PTR count = PLACE_PAGES;
	DWORD granularity;
	if (GetWriteWatch(flags, at_page(s, 0), PLACE_PAGES * PAGE, found, &count, &granularity))
		return false;
	assert_in_range(count, 10, PLACE_PAGES);
	return true;
}

static bool ask_and_reset(struct stage *s)
{
	return ask(s, WRITE_WATCH_FLAG_RESET);
}

static bool reset_watch(struct stage *s)
{
	return !ResetWriteWatch(at_page(s, 0), PLACE_PAGES * PAGE);
}

/* EX-7: what the host has no room for is an in-page error, and works when it is tried again. */
static bool store(struct stage *s, unsigned page)
{
	uint32_t raised = touch(at_page(s, page), true);
	if (raised == (uint32_t)STATUS_IN_PAGE_ERROR)
		SetLastError(ERROR_SWAPERROR);
	else
		assert_int_equal(raised, 0);
	return !raised;
}

static bool store_watched(struct stage *s)
{
	return store(s, 20);
}

static const struct attempt of_watch[] = {
	{"watch", nothing, watch, NULL, 0},
	{"commit more that is watched", watched, watch_more, NULL, 0},
	{"protect what is watched", watched, watch_readable, NULL, 0},
	{"decommit what is watched", watched, watch_less, NULL, 0},
	{"release what is watched", watched, release, NULL, 0},
	{"ask, and reset marks", watched, ask_and_reset, NULL, 0},
	{"reset marks", watched, reset_watch, NULL, 0},
	{"store to what is watched", watched, store_watched, NULL, MAY_MARK},
};

static void watched_memory(void **state)
{
	(void)state;
	RUN(of_watch);
}

/* ---- guards ---------------------------------------------------------------------------------- */

static void guarded(struct stage *s)
{
	all_open(s);
	protect(s, 10, 3, RW | PAGE_GUARD);
}

/* GP-2: the guard goes when it raises its exception, even if the host does not open the page yet. */
static bool hit(struct stage *s)
{
	uint32_t raised = touch(at_page(s, 11), true);
	if (raised == (uint32_t)STATUS_IN_PAGE_ERROR) {
		SetLastError(ERROR_SWAPERROR);
		return false;
	}
	if (raised) /* else it went the first time */
		assert_int_equal(raised, (uint32_t)STATUS_GUARD_PAGE_VIOLATION);
	return store(s, 11) || store(s, 11);
}

static const struct attempt of_guards[] = {
	{"hit a guard", guarded, hit, NULL, MAY_HIT},
};

static void guards(void **state)
{
	(void)state;
	RUN(of_guards);
}

/* ---- locks, offers --------------------------------------------------------------------------- */

static void locked(struct stage *s)
{
	all_open(s);
	assert_true(VirtualLock(at_page(s, 8), 12 * PAGE));
}

static bool lock(struct stage *s)
{
	return VirtualLock(at_page(s, 16), 10 * PAGE);
}

static bool unlock(struct stage *s)
{
	return VirtualUnlock(at_page(s, 9), 5 * PAGE);
}

static bool close_locked(struct stage *s)
{
	return protect_pages(s, 6, 6, PAGE_NOACCESS);
}

static bool decommit_locked(struct stage *s)
{
	return VirtualFree(at_page(s, 10), 20 * PAGE, MEM_DECOMMIT);
}

static bool offer(struct stage *s)
{
	SetLastError(OfferVirtualMemory(at_page(s, 5), 20 * PAGE, VmOfferPriorityLow));
	return !GetLastError();
}

static void offered(struct stage *s)
{
	all_open(s);
	protect(s, 15, 4, RO);
	assert_true(offer(s));
}

/* What the host gives back is as it was; if some of it cannot be made safe, that is told as lost. */
static bool reclaim(struct stage *s)
{
	SetLastError(ReclaimVirtualMemory(at_page(s, 5), 20 * PAGE));
	return !GetLastError() || GetLastError() == ERROR_BUSY;
}

static bool protect_offered(struct stage *s)
{
	return protect_pages(s, 3, 10, RO);
}

static const struct attempt of_locks[] = {
	{"lock", all_open, lock, NULL, 0},
	{"lock some more", locked, lock, NULL, 0},
	{"unlock", locked, unlock, NULL, 0},
	{"offer", all_open, offer, NULL, 0},
	{"offer what is locked", locked, offer, NULL, 0},
	{"reclaim", offered, reclaim, NULL, 0},
	{"protect what is offered", offered, protect_offered, NULL, 0},
	{"release what is offered", offered, release, NULL, 0},
};

/* VL-11: the locks end even if the call fails. */
static const struct attempt unlocking[] = {
	{"close what is locked", locked, close_locked, NULL, MAY_UNLOCK},
	{"decommit what is locked", locked, decommit_locked, NULL, MAY_UNLOCK},
	{"release what is locked", locked, release, NULL, MAY_UNLOCK},
};

static void locks(void **state)
{
	(void)state;
	RUN(of_locks);
	RUN(unlocking);
}

/* ---- placeholders ---------------------------------------------------------------------------- */

#define KEEP (MEM_RESERVE | MEM_RESERVE_PLACEHOLDER)
#define REPLACE (MEM_RESERVE | MEM_REPLACE_PLACEHOLDER)
#define PRESERVE (MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER)
#define COALESCE (MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS)

static bool put(struct stage *s, unsigned page, unsigned pages, uint32_t type, uint32_t protect)
{
	return VirtualAlloc2(NULL, at_page(s, page), pages * PAGE, type, protect, NULL, 0);
}

static bool keep(struct stage *s)
{
	return put(s, 0, PLACE_PAGES, KEEP, PAGE_NOACCESS);
}

static void kept(struct stage *s)
{
	assert_true(keep(s));
}

static bool split(struct stage *s)
{
	return VirtualFree(at_page(s, 10), 21 * PAGE, PRESERVE);
}

static void in_pieces(struct stage *s)
{
	kept(s);
	assert_true(split(s));
}

static bool replace(struct stage *s)
{
	return put(s, 10, 21, REPLACE | MEM_COMMIT, RW);
}

static void replaced(struct stage *s)
{
	in_pieces(s);
	assert_true(replace(s));
	fill(s, 10, 21);
}

static bool put_back(struct stage *s)
{
	return VirtualFree(at_page(s, 10), 21 * PAGE, PRESERVE);
}

static bool join(struct stage *s)
{
	return VirtualFree(at_page(s, 0), PLACE_PAGES * PAGE, COALESCE);
}

static const struct attempt of_placeholders[] = {
	{"keep a place", nothing, keep, NULL, 0},
	{"split it", kept, split, NULL, 0},
	{"replace it", in_pieces, replace, NULL, 0},
	{"put it back", replaced, put_back, NULL, 0},
	{"join the pieces", in_pieces, join, NULL, 0},
};

static void placeholders(void **state)
{
	(void)state;
	RUN(of_placeholders);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(watched_memory),
		cmocka_unit_test(guards),
		cmocka_unit_test(locks),
		cmocka_unit_test(placeholders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
