/* SPDX-License-Identifier: MIT
 *
 * The protection of views in the test's own process, with requests to the host failing (VP-20 to VP-27, CW-2,
 * CW-6, MV-40): one, or all from one on.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "native/native.h"
#include "native_view.h"
#include "space/vad.h"
#include "space/view.h"
#include "support/touch.h"

#define RUN(attempts) native_attempts(attempts, sizeof(attempts) / sizeof(attempts)[0])
#define COPY PAGE_WRITECOPY

static bool protect_pages(struct stage *s, unsigned page, unsigned pages, uint32_t protect)
{
	DWORD old;
	return VirtualProtect(at_page(s, page), pages * PAGE, protect, &old);
}

/* ---- places to begin from -------------------------------------------------------------------- */

static void partly_copied(struct stage *s)
{
	mapped(s);
	protect(s, 8, 30, COPY);
	fill(s, 10, 2);
	fill(s, 20, 1);
}

/* Runs that share and runs that do not, with copies in both. */
static void several(struct stage *s)
{
	partly_copied(s);
	protect(s, 19, 6, RW);
	protect(s, 2, 3, RO);
	protect(s, 28, 4, RO);
	protect(s, 33, 2, PAGE_NOACCESS);
	protect(s, 36, 5, RW | PAGE_GUARD);
	protect(s, 44, 2, COPY | PAGE_GUARD);
}

static void locked(struct stage *s)
{
	several(s);
	assert_true(VirtualLock(at_page(s, 6), 14 * PAGE));
}

static void several_grow(struct stage *s)
{
	growing(s);
	allocate(s, 20, 6, MEM_COMMIT, COPY);
	fill(s, 22, 2);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static bool protect_readable(struct stage *s)
{
	return protect_pages(s, 2, 40, RO);
}

static bool protect_copy(struct stage *s)
{
	return protect_pages(s, 2, 40, COPY);
}

static bool protect_open(struct stage *s)
{
	return protect_pages(s, 2, 50, RW);
}

static bool protect_none(struct stage *s)
{
	return protect_pages(s, 1, 44, PAGE_NOACCESS);
}

static bool protect_guard(struct stage *s)
{
	return protect_pages(s, 9, 20, RO | PAGE_GUARD);
}

static bool grow(struct stage *s)
{
	return VirtualAlloc(at_page(s, 2), 30 * PAGE, MEM_COMMIT, RW);
}

static bool grow_copying(struct stage *s)
{
	return VirtualAlloc(at_page(s, 2), 30 * PAGE, MEM_COMMIT, COPY);
}

static const struct attempt of_views[] = {
	{"protect a view", mapped, protect_readable, close_section, ALL_MAY_FAIL},
	{"copy on write from now on", mapped, protect_copy, close_section, ALL_MAY_FAIL},
	{"copy on write no more", partly_copied, protect_open, close_section, ALL_MAY_FAIL},
	{"protect what was copied in part", partly_copied, protect_readable, close_section,
         ALL_MAY_FAIL},
	{"protect what was copied", copied, protect_copy, close_section, ALL_MAY_FAIL},
	{"close what was copied", copied, protect_readable, close_section, ALL_MAY_FAIL},
	{"guard a view", mapped, protect_guard, close_section, ALL_MAY_FAIL},
	{"guard what was copied", partly_copied, protect_guard, close_section, ALL_MAY_FAIL},
	{"protect a view of a file", of_file, protect_copy, close_file, ALL_MAY_FAIL},
	{"grow", growing, grow, close_section, ALL_MAY_FAIL},
	{"grow, copying", growing, grow_copying, close_section, ALL_MAY_FAIL},
};

static const struct attempt of_several[] = {
	{"open several runs", several, protect_open, close_section, ALL_MAY_FAIL},
	{"several runs become readable", several, protect_readable, close_section, ALL_MAY_FAIL},
	{"several runs become copy-on-write", several, protect_copy, close_section, ALL_MAY_FAIL},
	{"close several runs", several, protect_none, close_section, ALL_MAY_FAIL},
	{"guard several runs", several, protect_guard, close_section, ALL_MAY_FAIL},
	{"copy on write what is locked", locked, protect_copy, close_section, ALL_MAY_FAIL},
	{"copy on write no more what is locked", locked, protect_open, close_section, ALL_MAY_FAIL},
	{"grow over several runs", several_grow, grow, close_section, ALL_MAY_FAIL},
	{"grow over several runs, copying", several_grow, grow_copying, close_section,
         ALL_MAY_FAIL},
};

static void views(void **state)
{
	(void)state;
	RUN(of_views);
	RUN(of_several);
}

/* ---- threads --------------------------------------------------------------------------------- */

#define THREADS 4u
#define ROUNDS 100u

struct storing {
	const struct stage *stage;
	pthread_barrier_t *together;
	uint8_t number;
};

/* Each its byte of every page. */
static void *run_stores(void *context)
{
	const struct storing *storing = context;
	pthread_barrier_wait(storing->together);
	for (unsigned n = 0; n < PLACE_PAGES; n++)
		poke((uint8_t *)at_page(storing->stage, n) + 100 + storing->number, 1);
	return NULL;
}

static void store_at_once(const struct stage *s)
{
	pthread_barrier_t together;
	struct storing storing[THREADS];
	pthread_t threads[THREADS];
	assert_int_equal(pthread_barrier_init(&together, NULL, THREADS), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		storing[i] = (struct storing){s, &together, (uint8_t)i};
		assert_int_equal(pthread_create(&threads[i], NULL, run_stores, &storing[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	pthread_barrier_destroy(&together);
}

/* From the n-th request on the host gives nothing: the call fails, and pages are left to be shown again. */
static void fail_to_protect(struct stage *s, uint32_t protect, uint64_t n)
{
	order = (struct order){.kinds = OPENS, .first = n, .last = UINT64_MAX};
	bool done = protect_pages(s, 0, PLACE_PAGES, protect);
	order = (struct order){.off = true};
	assert_false(done);
	const struct view *view = vad_view(vad_at(&native_now()->space, s->base / PAGE));
	assert_true(view->unsettled.start < view->unsettled.end);
}

/* Whether the other view shows what all of them have stored, or nothing of it. */
static void expect_stores(const struct stage *s, bool shown)
{
	for (unsigned i = 0; i < PLACE_PAGES * THREADS; i++) {
		uint64_t at = i / THREADS * PAGE + 100 + i % THREADS;
		assert_int_equal(peek((uint8_t *)at_page(s, 0) + at), 1);
		assert_int_equal(peek(s->other + at), shown);
	}
}

static struct stage begin_round(void)
{
	struct stage s = {0};
	order = (struct order){.off = true};
	with_section(&s);
	s.base = (uintptr_t)MapViewOfFile(s.section, FILE_MAP_WRITE, 0, 0, 0);
	return s;
}

static void end_round(struct stage *s)
{
	assert_true(UnmapViewOfFile(at_page(s, 0)));
	close_section(s);
}

/* Copies that some have made are not lost when others come to the same page. */
static void threads_store_to_copies(void **state) /* CW-2 */
{
	(void)state;
	assert_true(ntmm_native_take_signals());
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct stage s = begin_round();
		protect(&s, 0, PLACE_PAGES, COPY);
		fill(&s, 30, 1);
		fail_to_protect(&s, RW, 1 + i % 2);
		store_at_once(&s);
		expect_stores(&s, false);
		end_round(&s);
	}
}

static void threads_store_to_shared(void **state) /* CW-1 */
{
	(void)state;
	assert_true(ntmm_native_take_signals());
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct stage s = begin_round();
		protect(&s, 20, 4, RO);
		fail_to_protect(&s, COPY, 2);
		protect(&s, 20, 4, RW);
		store_at_once(&s);
		expect_stores(&s, true);
		end_round(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(views),
		cmocka_unit_test(threads_store_to_copies),
		cmocka_unit_test(threads_store_to_shared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
