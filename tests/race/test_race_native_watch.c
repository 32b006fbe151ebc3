/* SPDX-License-Identifier: MIT
 *
 * GetWriteWatch with WRITE_WATCH_FLAG_RESET beside threads that store, in the host process, in both
 * ways: a store is told of now or the next time, never lost (WW-12).
 *
 * A collector keeps a copy of the pages: after each call it copies those that were returned. When the
 * writers rest it calls once more; then the copy must be what the pages are.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <ntmm/native.h>
#include <ntmm/windows.h>

#define PAGE 4096
#define PAGES 24
#define WRITERS 2
#define ROUNDS 60
#define CALLS 40
#define SKIPPED 77

struct page {
	_Atomic uint64_t word[WRITERS];
	char rest[PAGE - WRITERS * sizeof(uint64_t)];
};

struct watching {
	struct page *pages;
	uint64_t copy[PAGES][WRITERS];
	_Atomic uint64_t round; /* odd: the writers may write */
	_Atomic unsigned resting;
	_Atomic bool over;
	_Atomic unsigned next; /* writer's number */
};

/* Each to a word of its own in each page, so that all pages are in use all the time. */
static void *write_in_rounds(void *context)
{
	struct watching *w = context;
	unsigned number = atomic_fetch_add(&w->next, 1);
	uint64_t value = 0, rested = 0; /* the last round it rested in */
	while (!atomic_load(&w->over)) {
		uint64_t now = atomic_load(&w->round);
		if (now % 2 == 0) {
			if (now != rested)
				atomic_fetch_add(&w->resting, 1);
			rested = now;
			sched_yield();
			continue;
		}
		value++;
		atomic_store_explicit(&w->pages[value * 7 % PAGES].word[number], value,
		                      memory_order_relaxed);
	}
	return NULL;
}

static bool collect(struct watching *w)
{
	PVOID found[PAGES];
	ULONG_PTR count = PAGES;
	DWORD granularity;
	if (GetWriteWatch(WRITE_WATCH_FLAG_RESET, w->pages, PAGES * PAGE, found, &count,
	                  &granularity))
		return false;
	for (ULONG_PTR i = 0; i < count; i++) {
		struct page *page = found[i];
		for (int n = 0; n < WRITERS; n++)
			w->copy[page - w->pages][n] =
				atomic_load_explicit(&page->word[n], memory_order_relaxed);
	}
	return true;
}

static bool is_same(const struct watching *w)
{
	for (int i = 0; i < PAGES; i++)
		for (int n = 0; n < WRITERS; n++)
			if (w->copy[i][n] != atomic_load(&w->pages[i].word[n]))
				return false;
	return true;
}

/* Pages that change their protection meanwhile keep their marks (WW-20). */
static void disturb(struct watching *w, int call)
{
	DWORD old;
	struct page *page = &w->pages[call % PAGES];
	VirtualProtect(page, PAGE, call % 2 ? PAGE_READWRITE : PAGE_EXECUTE_READWRITE, &old);
}

static bool one_round(struct watching *w)
{
	bool fine = true;
	atomic_store(&w->resting, 0);
	atomic_fetch_add(&w->round, 1);
	for (int call = 0; call < CALLS && fine; call++) {
		disturb(w, call);
		fine = collect(w);
	}
	atomic_fetch_add(&w->round, 1);
	while (atomic_load(&w->resting) < WRITERS)
		sched_yield();
	return fine && collect(w) && is_same(w);
}

static int watch(ntmm_watch_way way)
{
	static struct watching w;
	pthread_t writers[WRITERS];
	bool fine = true;
	if (!ntmm_native_set_watch_way(way))
		return SKIPPED;
	w.pages = VirtualAlloc(NULL, PAGES * PAGE, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH,
	                       PAGE_READWRITE);
	if (!w.pages || !ntmm_native_take_signals())
		return 2;
	for (int i = 0; i < WRITERS; i++)
		if (pthread_create(&writers[i], NULL, write_in_rounds, &w))
			return 3;
	for (int i = 0; i < ROUNDS && fine; i++)
		fine = one_round(&w);
	atomic_store(&w.over, true);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	return fine ? 0 : 1;
}

static void in_a_process_of_its_own(ntmm_watch_way way)
{
	int status;
	pid_t child = fork();
	if (!child)
		_exit(watch(way));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (way == NTMM_WATCH_BY_HOST && WEXITSTATUS(status) == SKIPPED)
		print_message("the host does not allow it\n");
	else
		assert_int_equal(WEXITSTATUS(status), 0);
}

static void by_faults(void **state)
{
	(void)state;
	in_a_process_of_its_own(NTMM_WATCH_BY_FAULTS);
}

static void by_the_host(void **state)
{
	(void)state;
	in_a_process_of_its_own(NTMM_WATCH_BY_HOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_faults),
		cmocka_unit_test(by_the_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
