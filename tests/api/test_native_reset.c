/* SPDX-License-Identifier: MIT
 *
 * MEM_RESET, MEM_RESET_UNDO, OfferVirtualMemory and ReclaimVirtualMemory of the host process: what
 * the host takes away is told, what was taken back is safe (VA-60 to VA-69, OF).
 *
 * The host is made to take pages by VirtualUnlock of what is not locked (VL-23). It has no swap, or
 * writes there what was not given up: in both cases that stays.
 */
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"
#include "support/processor.h"

#define PAGES 8
#define ALL (PAGES * PAGE)
#define TRIES 10

/* ---- contents -------------------------------------------------------------------------------- */

static char *page_at(char *base, unsigned n)
{
	return base + n * PAGE;
}

static uint8_t first(char *base, unsigned n)
{
	return peek(page_at(base, n));
}

/* Each page has its own. */
static void fill(char *base)
{
	for (unsigned n = 0; n < PAGES; n++)
		memset(page_at(base, n), (int)n + 1, PAGE);
}

static char *filled(void)
{
	char *base = must_commit(ALL, PAGE_READWRITE);
	fill(base);
	return base;
}

static bool is_whole(char *base, unsigned n)
{
	for (unsigned i = 0; i < PAGE; i++)
		if (peek(page_at(base, n) + i) != n + 1)
			return false;
	return true;
}

static void assert_whole(char *base)
{
	for (unsigned n = 0; n < PAGES; n++)
		assert_true(is_whole(base, n));
}

static void assert_zero(char *base, unsigned n)
{
	for (unsigned i = 0; i < PAGE; i++)
		assert_int_equal(peek(page_at(base, n) + i), 0);
}

static void release(char *base)
{
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void reset(char *base, SIZE_T bytes)
{
	assert_ptr_equal(VirtualAlloc(base, bytes, MEM_RESET, PAGE_NOACCESS), base);
}

static bool undo(char *base, SIZE_T bytes)
{
	void *done = VirtualAlloc(base, bytes, MEM_RESET_UNDO, PAGE_NOACCESS);
	if (!done)
		assert_int_equal(GetLastError(), ERROR_INVALID_ADDRESS);
	return done;
}

static void offer(char *base, SIZE_T bytes)
{
	assert_int_equal(OfferVirtualMemory(base, bytes, VmOfferPriorityNormal), ERROR_SUCCESS);
}

static bool reclaim(char *base, SIZE_T bytes)
{
	DWORD error = ReclaimVirtualMemory(base, bytes);
	assert_true(error == ERROR_SUCCESS || error == ERROR_BUSY);
	return !error;
}

/* The host takes what it may. */
static void press(char *base, SIZE_T bytes)
{
	for (int i = 0; i < TRIES; i++)
		assert_fails(VirtualUnlock(base, bytes), ERROR_NOT_LOCKED);
}

static bool is_resident(char *address)
{
	PSAPI_WORKING_SET_EX_INFORMATION entry = {.VirtualAddress = address};
	assert_true(QueryWorkingSetEx(GetCurrentProcess(), &entry, sizeof entry));
	return entry.VirtualAttributes.Valid;
}

static void must_vanish(char *base, SIZE_T bytes)
{
	press(base, bytes);
	for (SIZE_T at = 0; at < bytes; at += PAGE)
		assert_false(is_resident(base + at));
}

/* Linux 5.14, where nothing forbids it. */
static bool host_allows(void)
{
	char *page = host_pages(PAGE, PROT_READ | PROT_WRITE), copy;
	struct iovec to = {&copy, 1}, from = {page, 1};
	bool allows = page != MAP_FAILED && !madvise(page, PAGE, MADV_FREE) &&
	              !madvise(page, PAGE, 23 /* MADV_POPULATE_WRITE */) &&
	              process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 1;
	munmap(page, PAGE);
	return allows;
}

/* ---- MEM_RESET ------------------------------------------------------------------------------- */

static void test_loss_is_told(void **state) /* VA-64, VA-69 */
{
	char *base = filled();
	(void)state;
	reset(base, ALL);
	must_vanish(base, ALL);
	assert_false(undo(base, ALL));
	for (unsigned n = 0; n < PAGES; n++)
		assert_zero(base, n);
	assert_true(undo(base, ALL));
	fill(base);
	press(base, ALL);
	assert_whole(base);
	release(base);
}

static void test_undo_keeps(void **state) /* VA-69 */
{
	char *base = filled();
	(void)state;
	reset(base, ALL);
	assert_whole(base); /* VA-64: nothing forces zeros */
	assert_true(undo(base, ALL));
	press(base, ALL);
	assert_whole(base);
	assert_true(undo(base, ALL));
	reset(base, ALL);
	must_vanish(base, ALL);
	assert_false(undo(base, ALL));
	release(base);
}

static void test_stores_keep(void **state) /* VA-64 */
{
	char *base = filled();
	(void)state;
	reset(base, ALL);
	for (unsigned n = 0; n < PAGES; n += 2)
		poke(page_at(base, n), (uint8_t)(n + 1));
	press(base, ALL);
	for (unsigned n = 0; n < PAGES; n += 2) {
		assert_true(is_whole(base, n));
		assert_true(undo(page_at(base, n), PAGE));
	}
	for (unsigned n = 1; n < PAGES; n += 2)
		assert_false(undo(page_at(base, n), PAGE));
	release(base);
}

/* What is stored may be zeros, before or after the host has taken the page. */
static void test_zeros_are_contents(void **state) /* VA-64 */
{
	char *base = filled();
	(void)state;
	reset(base, ALL);
	memset(base, 0, PAGE);
	press(base, ALL);
	poke(page_at(base, 1), 0);
	assert_true(undo(base, 2 * PAGE));
	assert_zero(base, 1);
	assert_false(undo(base, 3 * PAGE));
	release(base);
}

static void test_a_look_changes_nothing(void **state) /* VA-69 */
{
	char *base = filled();
	(void)state;
	reset(base, ALL);
	must_vanish(base, ALL);
	assert_int_equal(first(base, 3), 0);
	assert_false(undo(page_at(base, 3), PAGE));
	reset(page_at(base, 4), PAGE); /* it is lost all the same */
	assert_false(undo(page_at(base, 4), PAGE));
	release(base);
}

static void test_what_is_zero_cannot_be_lost(void **state) /* VA-69 */
{
	char *base = must_commit(ALL, PAGE_READWRITE);
	(void)state;
	assert_int_equal(first(base, 1), 0);
	poke(page_at(base, 2), 0);
	memset(page_at(base, 3), 1, PAGE);
	memset(page_at(base, 3), 0, PAGE);
	reset(base, ALL);
	press(base, ALL);
	assert_true(undo(base, ALL));
	release(base);
}

static void test_part_of_a_range(void **state) /* VA-60, VA-63 */
{
	char *base = filled();
	(void)state;
	assert_succeeds(VirtualFree(page_at(base, 3), PAGE, MEM_DECOMMIT));
	reset(page_at(base, 1), 4 * PAGE);
	must_vanish(page_at(base, 1), 2 * PAGE);
	must_vanish(page_at(base, 4), PAGE);
	press(page_at(base, 5), 3 * PAGE);
	press(base, PAGE);
	assert_true(undo(base, PAGE));
	assert_true(undo(page_at(base, 5), 3 * PAGE));
	assert_true(undo(page_at(base, 3), PAGE)); /* reserved */
	assert_true(undo(page_at(base, 1) + 1, PAGE)); /* no whole page */
	assert_false(undo(page_at(base, 3), PAGE * 2));
	assert_false(undo(base, ALL));
	assert_true(undo(base, ALL));
	assert_true(is_whole(base, 0));
	assert_true(is_whole(base, 5));
	assert_int_equal(load_raises(*state, page_at(base, 3)), STATUS_ACCESS_VIOLATION);
	release(base);
}

/* More than is looked at together, and not the same everywhere. */
static void test_many_pages(void **state)
{
	const unsigned count = 1000;
	char *base = must_commit(count * PAGE, PAGE_READWRITE);
	(void)state;
	for (unsigned n = 0; n < count; n++)
		poke(page_at(base, n) + PAGE - 1, n % 7 != 0);
	reset(base, count * PAGE);
	for (unsigned n = 0; n < count; n += 3)
		bump(page_at(base, n));
	press(base, count * PAGE);
	for (unsigned n = 0; n < count; n++) {
		bool kept = n % 3 == 0 || n % 7 == 0;
		assert_int_equal(undo(page_at(base, n), PAGE), kept);
		assert_int_equal(peek(page_at(base, n) + PAGE - 1), kept && n % 7);
	}
	release(base);
}

static void test_new_memory_was_never_reset(void **state)
{
	char *base = filled();
	(void)state;
	reset(base, ALL);
	must_vanish(base, ALL);
	assert_succeeds(VirtualFree(base, 2 * PAGE, MEM_DECOMMIT));
	assert_ptr_equal(VirtualAlloc(base, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE), base);
	assert_true(undo(base, 2 * PAGE));
	assert_int_equal(DiscardVirtualMemory(page_at(base, 2), 2 * PAGE), ERROR_SUCCESS);
	assert_true(undo(page_at(base, 2), 2 * PAGE));
	release(base);
	assert_ptr_equal(VirtualAlloc(base, ALL, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE), base);
	assert_true(undo(base, ALL));
	release(base);
}

/* ---- other states of pages ------------------------------------------------------------------- */

static void test_what_cannot_be_written_is_kept(void **state) /* VA-64 */
{
	char *base = filled();
	(void)state;
	must_protect(base, 4 * PAGE, PAGE_READONLY);
	must_protect(page_at(base, 4), 4 * PAGE, PAGE_READWRITE | PAGE_GUARD);
	reset(base, ALL);
	press(base, ALL);
	assert_true(undo(base, ALL));
	must_protect(base, ALL, PAGE_READWRITE);
	assert_whole(base);
	release(base);
}

static void test_protected_afterwards(void **state) /* VA-61, VA-69 */
{
	static const DWORD protections[] = {PAGE_READONLY, PAGE_NOACCESS, PAGE_EXECUTE_READ,
	                                    PAGE_READWRITE | PAGE_GUARD};
	(void)state;
	for (unsigned i = 0; i < sizeof protections / sizeof protections[0]; i++) {
		char *base = filled();
		reset(base, ALL);
		must_vanish(base, 2 * PAGE);
		assert_int_equal(first(base, 0), 0);
		assert_int_equal(first(base, 1), 0);
		must_protect(base, ALL, protections[i]);
		press(base, ALL);
		assert_false(undo(base, PAGE));
		assert_true(undo(base, PAGE));
		assert_true(undo(page_at(base, 2), 6 * PAGE));
		must_protect(base, 3 * PAGE, PAGE_EXECUTE);
		assert_false(undo(base, 2 * PAGE));
		assert_true(undo(base, 2 * PAGE));
		must_protect(base, ALL, PAGE_READWRITE);
		for (unsigned n = 2; n < PAGES; n++)
			assert_true(is_whole(base, n));
		release(base);
	}
}

static void test_code(void **state)
{
	char *base = filled();
	(void)state;
	must_protect(base, ALL, PAGE_EXECUTE_READWRITE);
	reset(base, ALL);
	must_vanish(base, ALL);
	must_protect(base, PAGE, PAGE_READWRITE);
	assert_false(undo(base, PAGE));
	assert_false(undo(base, ALL));
	fill(base);
	reset(base, ALL);
	assert_true(undo(base, ALL));
	press(base, ALL);
	assert_whole(base);
	release(base);
}

static void test_locked_pages(void **state) /* VA-68 */
{
	char *base = filled();
	(void)state;
	assert_succeeds(VirtualLock(page_at(base, 2), 2 * PAGE));
	reset(base, ALL);
	must_vanish(base, 2 * PAGE);
	must_vanish(page_at(base, 4), 4 * PAGE);
	assert_true(is_whole(base, 2));
	assert_true(undo(page_at(base, 2), 2 * PAGE));
	assert_succeeds(VirtualUnlock(page_at(base, 2), 2 * PAGE));
	press(page_at(base, 2), 2 * PAGE);
	assert_true(is_whole(base, 3));
	release(base);
}

/* To lock them is no store to them. */
static void test_locked_afterwards(void **state) /* VA-69 */
{
	char *base = filled();
	(void)state;
	reset(base, ALL);
	must_vanish(base, 4 * PAGE);
	assert_succeeds(VirtualLock(base, ALL));
	assert_false(undo(base, 4 * PAGE));
	assert_true(undo(base, ALL));
	assert_succeeds(VirtualUnlock(base, ALL));
	press(base, ALL);
	assert_true(is_whole(base, 4));
	release(base);
}

static void test_watched_pages(void **state) /* VA-68, WW-21 */
{
	void *found[PAGES];
	ULONG_PTR count = PAGES;
	DWORD granularity;
	(void)state;
	char *base = VirtualAlloc(NULL, ALL, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH,
	                          PAGE_READWRITE);
	assert_non_null(base);
	memset(base, 1, 2 * PAGE);
	assert_int_equal(ResetWriteWatch(base, PAGE), 0);
	reset(base, ALL);
	press(base, ALL);
	assert_true(undo(base, ALL));
	assert_int_equal(GetWriteWatch(0, base, ALL, found, &count, &granularity), 0);
	assert_int_equal(count, 1);
	assert_ptr_equal(found[0], page_at(base, 1));
	assert_int_equal(first(base, 0), 1);
	release(base);
}

static void test_views(void **state) /* VA-66 */
{
	HANDLE section =
		CreateFileMapping(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, ALL, NULL);
	char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	char *copied = MapViewOfFile(section, FILE_MAP_COPY, 0, 0, 0);
	(void)state;
	assert_non_null(view);
	assert_non_null(copied);
	fill(view);
	fill(copied);
	reset(view, ALL);
	reset(copied, ALL);
	press(view, ALL);
	press(copied, ALL);
	assert_true(undo(view, ALL));
	assert_true(undo(copied, ALL));
	assert_whole(view);
	assert_whole(copied);
	assert_succeeds(UnmapViewOfFile(view));
	assert_succeeds(UnmapViewOfFile(copied));
	assert_succeeds(CloseHandle(section));
}

static void test_neighbours_stay_closed(void **state)
{
	char *base = VirtualAlloc(NULL, GRANULE, MEM_RESERVE, PAGE_READWRITE);
	(void)state;
	for (unsigned n = 1; n < 15; n += 2) {
		assert_non_null(VirtualAlloc(page_at(base, n), PAGE, MEM_COMMIT, PAGE_READWRITE));
		poke(page_at(base, n), 1);
	}
	reset(base, GRANULE);
	press(page_at(base, 1), PAGE);
	assert_false(undo(base, GRANULE));
	for (unsigned n = 0; n < 16; n += 2)
		assert_int_equal(load_raises(*state, page_at(base, n)), STATUS_ACCESS_VIOLATION);
	release(base);
}

/* ---- offers ---------------------------------------------------------------------------------- */

static void test_loss_of_offered_is_told(void **state) /* OF-3, OF-4 */
{
	char *base = filled();
	(void)state;
	offer(base, ALL);
	assert_int_equal(load_raises(*state, base), STATUS_ACCESS_VIOLATION);
	press(base, 3 * PAGE);
	assert_false(reclaim(base, ALL));
	for (unsigned n = 0; n < 3; n++)
		assert_zero(base, n);
	for (unsigned n = 3; n < PAGES; n++)
		assert_true(is_whole(base, n));
	assert_true(reclaim(base, ALL));
	press(base, ALL);
	assert_true(is_whole(base, 3));
	release(base);
}

static void test_reclaim_keeps(void **state) /* OF-4 */
{
	char *base = filled();
	(void)state;
	memset(page_at(base, 7), 0, PAGE);
	offer(base, ALL);
	offer(base, 2 * PAGE);
	assert_true(reclaim(base, ALL));
	press(base, ALL);
	assert_true(is_whole(base, 0));
	assert_true(is_whole(base, 6));
	offer(page_at(base, 7), PAGE); /* zero: not to be lost */
	press(page_at(base, 7), PAGE);
	assert_true(reclaim(page_at(base, 7), PAGE));
	release(base);
}

static void test_offer_of_what_was_reset(void **state) /* OF-4, VA-69 */
{
	char *base = filled();
	(void)state;
	reset(base, ALL);
	must_vanish(base, PAGE);
	offer(base, ALL);
	assert_true(undo(base, ALL)); /* passed over */
	assert_true(reclaim(page_at(base, 1), 7 * PAGE));
	press(page_at(base, 1), 7 * PAGE);
	assert_true(is_whole(base, 1));
	assert_false(reclaim(base, PAGE));
	assert_true(undo(base, ALL));
	release(base);
}

static void test_locked_pages_are_offered(void **state) /* OF-3 */
{
	char *base = filled();
	(void)state;
	assert_succeeds(VirtualLock(base, ALL));
	offer(base, ALL);
	press(base, ALL);
	assert_false(reclaim(base, ALL));
	release(base);
}

static void test_protected_or_committed_when_offered(void **state) /* OF-4 */
{
	char *base = filled();
	(void)state;
	offer(base, ALL);
	press(base, PAGE);
	must_protect(base, 3 * PAGE, PAGE_READONLY);
	must_protect(page_at(base, 3), PAGE, PAGE_EXECUTE_READWRITE);
	assert_non_null(VirtualAlloc(page_at(base, 4), 2 * PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_non_null(VirtualAlloc(page_at(base, 6), 2 * PAGE, MEM_COMMIT, PAGE_NOACCESS));
	assert_true(undo(base, ALL)); /* they are back, and were not reset */
	press(base, ALL);
	must_protect(base, ALL, PAGE_READWRITE);
	assert_zero(base, 0);
	for (unsigned n = 1; n < PAGES; n++)
		assert_true(is_whole(base, n));
	release(base);
}

static void test_read_only_offers_are_kept(void **state) /* OF-4 */
{
	char *base = filled();
	(void)state;
	must_protect(page_at(base, 2), 2 * PAGE, PAGE_READONLY);
	offer(base, ALL);
	press(base, ALL);
	assert_true(reclaim(page_at(base, 2), 2 * PAGE));
	assert_true(is_whole(base, 2));
	assert_int_equal(protect_at(page_at(base, 2)), PAGE_READONLY);
	assert_false(reclaim(base, ALL));
	release(base);
}

/* ---- fork ------------------------------------------------------------------------------------ */

static int in_child(char *base, bool (*body)(char *base))
{
	int status;
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child)
		_exit(!body(base));
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/* The first four pages were lost before. */
static bool finds_it_so(char *base)
{
	if (undo(base, ALL) || !undo(base, ALL))
		return false;
	for (int i = 0; i < TRIES; i++)
		(void)VirtualUnlock(base, ALL);
	for (unsigned n = 4; n < PAGES; n++)
		if (!is_whole(base, n))
			return false;
	fill(base);
	reset(base, ALL);
	for (int i = 0; i < TRIES; i++)
		(void)VirtualUnlock(base, ALL);
	return !undo(base, ALL);
}

static void test_a_child_knows(void **state) /* VA-69 */
{
	char *base = filled();
	(void)state;
	reset(base, ALL);
	must_vanish(base, 4 * PAGE);
	assert_int_equal(in_child(base, finds_it_so), 0);
	assert_false(undo(base, 4 * PAGE));
	assert_true(undo(base, ALL));
	for (unsigned n = 4; n < PAGES; n++)
		assert_true(is_whole(base, n));
	release(base);
}

/* What the parent does not have alone is not given up. */
static bool resets(char *base)
{
	reset(base, ALL);
	for (int i = 0; i < TRIES; i++)
		(void)VirtualUnlock(base, ALL);
	return undo(base, ALL) && is_whole(base, 0);
}

static void test_shared_with_a_parent(void **state) /* VA-69 */
{
	char *base = filled();
	(void)state;
	assert_int_equal(in_child(base, resets), 0);
	assert_whole(base);
	release(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		host_test(test_loss_is_told, host_setup),
		host_test(test_undo_keeps, host_setup),
		host_test(test_stores_keep, host_setup),
		host_test(test_zeros_are_contents, host_setup),
		host_test(test_a_look_changes_nothing, host_setup),
		host_test(test_what_is_zero_cannot_be_lost, host_setup),
		host_test(test_part_of_a_range, host_setup),
		host_test(test_many_pages, host_setup),
		host_test(test_new_memory_was_never_reset, host_setup),
		host_test(test_what_cannot_be_written_is_kept, host_setup),
		host_test(test_protected_afterwards, host_setup),
		host_test(test_code, host_setup),
		host_test(test_locked_pages, host_setup),
		host_test(test_locked_afterwards, host_setup),
		host_test(test_watched_pages, host_setup),
		host_test(test_views, host_setup),
		host_test(test_neighbours_stay_closed, host_setup),
		host_test(test_loss_of_offered_is_told, host_setup),
		host_test(test_reclaim_keeps, host_setup),
		host_test(test_offer_of_what_was_reset, host_setup),
		host_test(test_locked_pages_are_offered, host_setup),
		host_test(test_protected_or_committed_when_offered, host_setup),
		host_test(test_read_only_offers_are_kept, host_setup),
		host_test(test_a_child_knows, host_setup),
		host_test(test_shared_with_a_parent, host_setup),
	};
	if (!host_allows()) {
		print_message("the host does not allow it\n");
		return 0;
	}
	stay_on_processor();
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* a page is what was touched */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
