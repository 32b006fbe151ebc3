/* SPDX-License-Identifier: MIT
 *
 * What lazy_free.h says of a page is true whenever the host takes it, and whenever the program
 * writes to it: each between any two of the host calls that are made (VA-64, VA-69).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/os_lazy.h"
#include "base/os_pages.h"
#include "native/lazy_free.h"
#include "support/processor.h"
#include "support/touch.h"

#define MANY 100

int __real_os_pages_map(uint64_t page, uint64_t *words, size_t count);
int __real_os_lazy_give(void *address, size_t bytes);
int __real_os_lazy_keep(void *address, size_t bytes);
int __real_os_lazy_look(const void *address, uint64_t pages, uint64_t *full);

int __wrap_os_pages_map(uint64_t page, uint64_t *words, size_t count);
int __wrap_os_lazy_give(void *address, size_t bytes);
int __wrap_os_lazy_keep(void *address, size_t bytes);
int __wrap_os_lazy_look(const void *address, uint64_t pages, uint64_t *full);
bool __wrap_os_lazy_may_fill(void);

/* ---- a host that takes a page, and a program that writes to it ------------------------------- */

enum store { NO_STORE, STORES_ZEROS, STORES_ONE };
#define NEVER UINT32_MAX

struct play {
	unsigned take, fill; /* the page goes, is there again, before the call of this number */
	unsigned write;
	enum store store;
	unsigned fails, failures; /* so many calls, from this one on */
	bool large;         /* the host may put in large pages */
	bool swapped;       /* it seems that the page is in swap */
	unsigned call;      /* so far, from 0 */
	bool given, taken;
	bool early, written, late; /* before it was given up; since; when it is being taken back */
	bool failed, returns;
};

static const struct play nothing = {.take = NEVER, .fill = NEVER, .write = NEVER};
static struct play play;
static char *page;

static void act(void)
{
	if (play.call == play.take && play.given) { /* once it is kept, nothing is taken */
		assert_int_equal(madvise(page, PAGE_BYTES, MADV_DONTNEED), 0);
		play.taken = true;
	}
	if (play.call == play.fill && play.taken)
		poke(page, 0);
	if (play.call == play.write && play.store) {
		memset(page, 0, PAGE_BYTES);
		poke(page + 5, play.store == STORES_ONE);
		play.written = true;
		play.late = play.returns;
		play.given = false;
	}
}

/* Whether this call fails. */
static bool next_call(void)
{
	act();
	bool fails = play.call - play.fails < play.failures;
	play.call++;
	play.failed |= fails;
	return fails;
}

int __wrap_os_pages_map(uint64_t number, uint64_t *words, size_t count)
{
	if (next_call())
		return EIO;
	int error = __real_os_pages_map(number, words, count);
	if (play.swapped)
		words[0] = OS_PAGE_SWAPPED;
	return error;
}

int __wrap_os_lazy_give(void *address, size_t bytes)
{
	bool fails = next_call();
	play.given = !fails;
	play.early = play.written;
	play.written = false;
	return fails ? EINVAL : __real_os_lazy_give(address, bytes);
}

int __wrap_os_lazy_keep(void *address, size_t bytes)
{
	if (next_call())
		return ENOMEM;
	play.given = false;
	return __real_os_lazy_keep(address, bytes);
}

int __wrap_os_lazy_look(const void *address, uint64_t pages, uint64_t *full)
{
	return next_call() ? EPERM : __real_os_lazy_look(address, pages, full);
}

bool __wrap_os_lazy_may_fill(void)
{
	return play.large;
}

/* ---- once ------------------------------------------------------------------------------------ */

static struct lazy_free lazy;

static struct range range_of(uint64_t pages)
{
	uint64_t start = page_of((uintptr_t)page);
	return (struct range){start, start + pages};
}

static void begin(uint64_t pages)
{
	memset(&lazy, 0, sizeof lazy);
	assert_true(lazy_free_init(&lazy, (struct range){0, UINT64_C(1) << 35}));
	lazy.host = LAZY_WORKS;
	page = mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	            -1, 0);
	assert_ptr_not_equal(page, MAP_FAILED);
}

static void end(uint64_t pages)
{
	assert_true(runs_check(&lazy.runs));
	runs_destroy(&lazy.runs);
	munmap(page, pages * PAGE_BYTES);
}

static bool is_as_it_was(void)
{
	return peek(page + 7) == 7;
}

/* What is told when `wanted` happens. */
static bool told_intact(const struct play *wanted)
{
	struct range range = range_of(1);
	memset(page, 7, PAGE_BYTES);
	play = *wanted;
	bool noted = lazy_free_note(&lazy, range);
	assert_true(noted || play.failed);
	lazy_free_give(&lazy, range);
	play.returns = true;
	return lazy_free_take_back(&lazy, range, false);
}

static void judge(const struct play *wanted)
{
	bool intact = told_intact(wanted);
	bool sure = !play.failed && !play.early && !play.late && !play.large;
	bool lost = play.taken && !play.written;
	bool was_zero = play.early && play.store == STORES_ZEROS;
	if (lost && !was_zero)
		assert_false(intact);
	if (!play.taken && !play.written && !play.early)
		assert_true(is_as_it_was());
	if (!lost && sure)
		assert_true(intact);
	if (intact) {
		assert_true(!play.given || was_zero); /* it is safe */
		assert_true(play.written || play.early || is_as_it_was());
		assert_false(lazy_free_has(&lazy, range_of(1)));
	}
	lazy_free_forget(&lazy, range_of(1));
}

/* Calls that are made when nothing happens. */
static unsigned count_calls(void)
{
	assert_true(told_intact(&nothing));
	return play.call;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void whenever_it_is_taken_and_written(void **state)
{
	(void)state;
	begin(1);
	unsigned calls = count_calls() + 3; /* an empty page takes some more */
	unsigned lost = 0;
	for (unsigned take = 0; take <= calls; take++)
		for (unsigned write = 0; write <= calls; write++)
			for (enum store store = NO_STORE; store <= STORES_ONE; store++) {
				judge(&(struct play){.take = take,
				                     .fill = NEVER,
				                     .write = write,
				                     .store = store});
				lost += play.taken && !play.written;
			}
	assert_true(lost > 0);
	end(1);
}

static void whatever_fails(void **state)
{
	(void)state;
	begin(1);
	unsigned calls = count_calls() + 3, failed = 0;
	for (unsigned fails = 0; fails <= calls; fails++)
		for (unsigned take = 0; take <= calls; take++)
			for (unsigned write = 0; write <= calls; write++)
				for (enum store store = NO_STORE; store <= STORES_ONE; store++) {
					judge(&(struct play){.take = take,
					                     .fill = NEVER,
					                     .write = write,
					                     .store = store,
					                     .fails = fails,
					                     .failures = 1 + take % 2});
					failed += play.failed;
				}
	assert_true(failed > 0);
	end(1);
}

/* A large page brings pages back that were taken, without a store to them. */
static void whenever_the_host_fills_it(void **state)
{
	(void)state;
	begin(1);
	unsigned calls = count_calls() + 3, filled = 0;
	for (unsigned take = 0; take <= calls; take++)
		for (unsigned fill = take; fill <= calls; fill++) {
			judge(&(struct play){.take = take,
			                     .fill = fill,
			                     .write = NEVER,
			                     .large = true});
			filled += play.taken;
		}
	assert_true(filled > 0);
	end(1);
}

/* What could not be made safe is asked about again. */
static void what_stays_is_kept_the_next_time(void **state)
{
	(void)state;
	begin(1);
	unsigned calls = count_calls(), stayed = 0;
	for (unsigned fails = 0; fails <= calls; fails++) {
		struct play wanted = nothing;
		wanted.fails = fails;
		wanted.failures = 2;
		bool intact = told_intact(&wanted);
		bool stays = lazy_free_has(&lazy, range_of(1));
		if (stays) {
			assert_false(intact);
			play = nothing;
			assert_true(lazy_free_take_back(&lazy, range_of(1), false));
			assert_true(is_as_it_was());
			stayed++;
		}
	}
	assert_int_equal(stayed, 1);
	end(1);
}

/* Over more than one batch, some with contents; asked about in other parts. */
static void many_pages(void **state)
{
	(void)state;
	begin(MANY);
	play = nothing;
	for (unsigned n = 0; n < MANY; n++)
		poke(page + n * PAGE_BYTES + 9, n % 5 != 0);
	struct range all = range_of(MANY);
	assert_true(lazy_free_note(&lazy, all));
	assert_int_equal(runs_committed(&lazy.runs, all), MANY - MANY / 5);
	lazy_free_give(&lazy, all);
	assert_int_equal(madvise(page + 61 * PAGE_BYTES, 10 * PAGE_BYTES, MADV_DONTNEED), 0);
	assert_int_equal(lazy_free_keep(&lazy, all), 0);
	assert_int_equal(runs_committed(&lazy.runs, all), 8); /* those that are lost and not zero */
	assert_true(lazy_free_take_back(&lazy, (struct range){all.start, all.start + 61}, false));
	assert_false(lazy_free_take_back(&lazy, (struct range){all.start + 66, all.end}, false));
	assert_int_equal(runs_committed(&lazy.runs, all), 4);
	lazy_free_forget(&lazy, all);
	assert_false(lazy_free_has(&lazy, all));
	for (unsigned n = 0; n < MANY; n++)
		assert_int_equal(peek(page + n * PAGE_BYTES + 9), n % 5 && (n < 61 || n > 70));
	end(MANY);
}

/* No page is given up that is not recorded: one that has no contents when it is looked at may have
 * some later. */
static void what_is_not_recorded_is_not_given_up(void **state)
{
	(void)state;
	begin(3);
	memset(page, 0, PAGE_BYTES);
	poke(page + PAGE_BYTES, 1);
	play = nothing;
	assert_true(lazy_free_note(&lazy, range_of(3)));
	poke(page, 1);
	poke(page + 2 * PAGE_BYTES, 1);
	lazy_free_give(&lazy, range_of(3));
	for (int i = 0; i < 10; i++)
		os_pages_evict(page, 3 * PAGE_BYTES);
	assert_int_equal(peek(page), 1);
	assert_int_equal(peek(page + 2 * PAGE_BYTES), 1);
	end(3);
}

/* It is lost at once when it is given up, and is not read for nothing before. */
static void what_is_in_swap_is_recorded(void **state)
{
	(void)state;
	begin(1);
	play = nothing;
	play.swapped = true;
	assert_true(lazy_free_note(&lazy, range_of(1)));
	assert_true(lazy_free_has(&lazy, range_of(1)));
	lazy_free_give(&lazy, range_of(1));
	play.swapped = false;
	assert_false(lazy_free_take_back(&lazy, range_of(1), false));
	end(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whenever_it_is_taken_and_written),
		cmocka_unit_test(whatever_fails),
		cmocka_unit_test(whenever_the_host_fills_it),
		cmocka_unit_test(what_stays_is_kept_the_next_time),
		cmocka_unit_test(many_pages),
		cmocka_unit_test(what_is_not_recorded_is_not_given_up),
		cmocka_unit_test(what_is_in_swap_is_recorded),
	};
	if (!os_lazy_works()) {
		print_message("the host does not allow it\n");
		return 0;
	}
	stay_on_processor();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
