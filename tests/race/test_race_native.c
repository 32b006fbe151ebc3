/* SPDX-License-Identifier: MIT
 *
 * Threads of the process itself that allocate, commit, protect, guard, free and touch memory at once:
 * each its own, where every answer is known; all the same, where only some can be; and a guard,
 * which exactly one of them meets (GP-2).
 */
#include "race.h"

#include <ntmm/native.h>

#include "native/check.h"
#include "support/touch.h"

#define RUNNERS 4u
#define TESTS 3u
#define PAGES 40u

/* ---- touches --------------------------------------------------------------------------------- */

struct access {
	char *at;
	uint8_t value;
	bool store;
};

static void do_access(void *context)
{
	struct access *access = context;
	if (access->store)
		poke(access->at, access->value);
	else
		access->value = peek(access->at);
}

/* What was raised; 0: nothing. */
static uint32_t touch(struct access *access)
{
	EXCEPTION_RECORD record;
	return ntmm_try(do_access, access, &record) ? 0 : record.ExceptionCode;
}

static uint32_t store(char *at, uint8_t value)
{
	return touch(&(struct access){at, value, true});
}

static uint32_t load(char *at, uint8_t value)
{
	struct access access = {.at = at};
	uint32_t raised = touch(&access);
	MUST(raised || access.value == value);
	return raised;
}

#define VIOLATION ((uint32_t)STATUS_ACCESS_VIOLATION)
#define GUARD ((uint32_t)STATUS_GUARD_PAGE_VIOLATION)

static bool protect(char *at, uint64_t pages, uint32_t protection)
{
	DWORD old;
	return VirtualProtect(at, pages * PAGE, protection, &old);
}

static void expect_sound(void)
{
	uint64_t lagging;
	MUST(native_check(native_now(), &lagging));
	MUST(!lagging);
}

/* ---- each its own ---------------------------------------------------------------------------- */

static void live(char *base, uint64_t first, uint64_t pages, uint8_t tag)
{
	char *at = base + first * PAGE, *last = at + (pages - 1) * PAGE;
	MUST(load(at, 0) == VIOLATION);
	MUST(VirtualAlloc(at, pages * PAGE, MEM_COMMIT, PAGE_READWRITE) == at);
	MUST(!load(last, 0) && !store(at, tag) && !store(last, tag));
	MUST(protect(at, pages, PAGE_READONLY));
	MUST(store(last, 0) == VIOLATION && !load(last, tag));
	MUST(protect(at, 1, PAGE_READWRITE | PAGE_GUARD));
	MUST(store(at, 0) == GUARD);
	MUST(!load(at, tag) && !store(at, tag));
	MUST(VirtualFree(at, pages * PAGE, MEM_DECOMMIT));
	MUST(load(at, 0) == VIOLATION && load(last, 0) == VIOLATION);
}

static void run_own(void *context, unsigned number)
{
	uint64_t chance = number + 1;
	(void)context;
	while (race_goes_on()) {
		uint64_t first = draw(&chance) % PAGES, pages = 1 + draw(&chance) % (PAGES - first);
		uint32_t watch = draw(&chance) % 4 ? 0 : MEM_WRITE_WATCH;
		char *base = VirtualAlloc(NULL, PAGES * PAGE, MEM_RESERVE | watch, PAGE_READWRITE);
		MUST(base);
		live(base, first, pages, (uint8_t)draw(&chance));
		MUST(VirtualFree(base, 0, MEM_RELEASE));
	}
}

static void run_all(void (*run)(void *context, unsigned number), void *context)
{
	struct runner runners[RUNNERS];
	MUST(ntmm_native_take_signals()); /* cmocka puts handlers of its own in front of each test */
	race_begin(TESTS);
	for (unsigned i = 0; i < RUNNERS; i++)
		race_start(&runners[i], run, context, i);
	race_join(runners, RUNNERS);
	expect_sound();
}

static void each_its_own(void **state)
{
	(void)state;
	run_all(run_own, NULL);
}

/* ---- all the same ---------------------------------------------------------------------------- */

/* Calls may find nothing committed. What is stored to a page is its number. */
static void change(char *base, uint64_t *chance)
{
	static const uint32_t protections[] = {PAGE_READWRITE, PAGE_READONLY, PAGE_NOACCESS,
	                                       PAGE_READWRITE | PAGE_GUARD, PAGE_EXECUTE_READWRITE};
	uint64_t first = draw(chance) % PAGES, pages = 1 + draw(chance) % (PAGES - first);
	uint32_t protection = protections[draw(chance) % 5];
	char *at = base + first * PAGE;
	switch (draw(chance) % 4) {
	case 0:
		MUST(VirtualFree(at, pages * PAGE, MEM_DECOMMIT));
		break;
	case 1:
		(void)protect(at, pages, protection);
		break;
	default:
		MUST(VirtualAlloc(at, pages * PAGE, MEM_COMMIT, protection) == at);
	}
}

static void use(char *base, uint64_t *chance)
{
	uint64_t page = draw(chance) % PAGES;
	struct access access = {base + page * PAGE, (uint8_t)(page + 1), draw(chance) & 1};
	uint32_t raised = touch(&access);
	MUST(!raised || raised == VIOLATION || raised == GUARD);
	MUST(raised || access.store || !access.value || access.value == page + 1);
}

static void run_same(void *context, unsigned number)
{
	uint64_t chance = number + 1;
	while (race_goes_on()) {
		if (number % 2)
			change(context, &chance);
		for (int i = 0; i < 8; i++)
			use(context, &chance);
	}
}

static void all_the_same(void **state)
{
	char *base = VirtualAlloc(NULL, PAGES * PAGE, MEM_RESERVE, PAGE_READWRITE);
	(void)state;
	MUST(base);
	run_all(run_same, base);
	MUST(VirtualFree(base, 0, MEM_RELEASE));
}

/* ---- one guard ------------------------------------------------------------------------------- */

struct guarded {
	char *page;
	pthread_barrier_t round;
	_Atomic unsigned hits;
	_Atomic bool over;
};

/* The first thread sets the guard, and looks how many have met it. */
static void run_guard(void *context, unsigned number)
{
	struct guarded *g = context;
	while (!atomic_load(&g->over)) {
		if (!number)
			MUST(protect(g->page, 1, PAGE_READWRITE | PAGE_GUARD));
		pthread_barrier_wait(&g->round);
		uint32_t raised = store(g->page, 1);
		MUST(!raised || raised == GUARD);
		atomic_fetch_add(&g->hits, raised == GUARD);
		pthread_barrier_wait(&g->round);
		if (!number) {
			MUST(atomic_exchange(&g->hits, 0) == 1);
			atomic_store(&g->over, !race_goes_on());
		}
		pthread_barrier_wait(&g->round);
	}
}

static void one_guard(void **state)
{
	struct guarded g = {.page = VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_COMMIT,
	                                         PAGE_READWRITE)};
	(void)state;
	MUST(g.page);
	pthread_barrier_init(&g.round, NULL, RUNNERS);
	run_all(run_guard, &g);
	pthread_barrier_destroy(&g.round);
	MUST(VirtualFree(g.page, 0, MEM_RELEASE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_its_own),
		cmocka_unit_test(all_the_same),
		cmocka_unit_test(one_guard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
