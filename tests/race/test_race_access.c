/* SPDX-License-Identifier: MIT
 *
 * Threads of one process use memory while others take it away, on a machine that pages: what a
 * thread stores stays, counters add up, and no store lands after the call that forbids it has
 * returned.
 */
#include "race.h"

#include <sched.h>

#define TIMES 30 /* what is not the crowd gets a part of the time like this; the crowd half of it */
#define FRAMES 160
#define SLOTS 1000

/* ---- everybody at once ---------------------------------------------------------------------- */

#define WORKERS 3
#define OWN_PAGES 30
#define CONSTANT_PAGES 40
#define SHIFTING_PAGES 24
#define COUNTERS 16 /* on pages of their own */

struct crowd {
	ntmm_machine *machine;
	HANDLE process;
	uint64_t own[WORKERS], constant, shifting, counters;
	uint64_t added[WORKERS][COUNTERS];
};

static uint64_t constant_at(uint64_t page)
{
	return page * UINT64_C(0x0101010101010101) + 7;
}

static void count_up(ntmm_thread *thread, uint64_t address)
{
	uint64_t value;
	bool swapped = false;
	MUST(ntmm_load64(thread, address, &value));
	while (!swapped)
		MUST(ntmm_compare_exchange(thread, address, 8, &value, value + 1, &swapped));
}

/* A page that others commit, protect, guard and decommit all the time. */
static void use_shifting(ntmm_thread *thread, uint64_t address, uint64_t *chance)
{
	uint64_t value = 0;
	bool store = draw(chance) % 2;
	if (store ? ntmm_store64(thread, address, address) : ntmm_load64(thread, address, &value)) {
		MUST(store || value == 0 || value == address);
		return;
	}
	const EXCEPTION_RECORD *raised = ntmm_thread_exception(thread);
	MUST(raised->ExceptionCode == (DWORD)STATUS_ACCESS_VIOLATION ||
	     raised->ExceptionCode == (DWORD)STATUS_GUARD_PAGE_VIOLATION);
	MUST(raised->ExceptionInformation[0] == store &&
	     raised->ExceptionInformation[1] == address);
}

static void work(void *context, unsigned number)
{
	struct crowd *c = context;
	ntmm_thread *thread = race_thread(c->process);
	uint64_t chance = number, words[OWN_PAGES] = {0}, value;
	while (race_goes_on()) {
		uint64_t page = draw(&chance) % OWN_PAGES,
			 address = c->own[number] + page * PAGE + page * 8;
		MUST(ntmm_load64(thread, address, &value) && value == words[page]);
		words[page] = draw(&chance);
		MUST(ntmm_store64(thread, address, words[page]));
		MUST(ntmm_load64(thread, address, &value) && value == words[page]);
		page = draw(&chance) % CONSTANT_PAGES;
		MUST(ntmm_load64(thread, c->constant + page * PAGE + 40, &value) &&
		     value == constant_at(page));
		uint64_t counter = draw(&chance) % COUNTERS;
		count_up(thread, c->counters + counter * PAGE);
		c->added[number][counter]++;
		use_shifting(thread, c->shifting + draw(&chance) % SHIFTING_PAGES * PAGE, &chance);
	}
	for (unsigned page = 0; page < OWN_PAGES; page++)
		MUST(ntmm_load64(thread, c->own[number] + page * PAGE + page * 8, &value) &&
		     value == words[page]);
	ntmm_thread_destroy(thread);
}

static void shift(void *context, unsigned number)
{
	static const DWORD protections[] = {PAGE_READWRITE, PAGE_READONLY, PAGE_NOACCESS,
	                                    PAGE_READWRITE | PAGE_GUARD, PAGE_EXECUTE_READWRITE};
	struct crowd *c = context;
	uint64_t chance = number + 100;
	ntmm_thread *thread = race_thread(c->process);
	MUST(ntmm_thread_attach(thread));
	while (race_goes_on()) {
		uint64_t first = draw(&chance) % SHIFTING_PAGES,
			 pages = 1 + draw(&chance) % (SHIFTING_PAGES - first);
		void *base = pointer(c->shifting + first * PAGE);
		DWORD old, protect = protections[draw(&chance) % 5];
		switch (draw(&chance) % 7) {
		case 0:
			MUST(VirtualFreeEx(c->process, base, pages * PAGE, MEM_DECOMMIT));
			break;
		case 1:
			(void)VirtualProtectEx(c->process, base, pages * PAGE, protect,
			                       &old); /* some may be reserved */
			break;
		case 2:
			MUST(VirtualAllocEx(c->process, base, pages * PAGE, MEM_RESET,
			                    PAGE_READONLY));
			break;
		case 3: /* these, too, want committed pages */
			(void)OfferVirtualMemory(base, pages * PAGE, VmOfferPriorityLow);
			break;
		case 4:
			(void)ReclaimVirtualMemory(base, pages * PAGE);
			break;
		case 5:
			(void)DiscardVirtualMemory(base, pages * PAGE);
			break;
		default:
			MUST(VirtualAllocEx(c->process, base, pages * PAGE, MEM_COMMIT, protect));
		}
	}
	ntmm_thread_detach();
	ntmm_thread_destroy(thread);
}

static void allocate_and_free(void *context, unsigned number)
{
	struct crowd *c = context;
	ntmm_thread *thread = race_thread(c->process);
	uint64_t chance = number + 200, value;
	while (race_goes_on()) {
		uint64_t pages = 1 + draw(&chance) % 20, base = race_commit(c->process, pages);
		for (uint64_t i = 0; i < pages; i++) {
			MUST(ntmm_load64(thread, base + i * PAGE, &value) && value == 0);
			MUST(ntmm_store64(thread, base + i * PAGE, ~UINT64_C(0)));
		}
		MUST(VirtualFreeEx(c->process, pointer(base), 0, MEM_RELEASE));
		MUST(!ntmm_load64(thread, base, &value)); /* nobody else allocates */
	}
	ntmm_thread_destroy(thread);
}

static void trim(void *context, unsigned number)
{
	struct crowd *c = context;
	uint64_t chance = number + 300;
	WIN32_MEMORY_RANGE_ENTRY all = {pointer(c->constant), CONSTANT_PAGES * PAGE};
	while (race_goes_on()) {
		switch (draw(&chance) % 6) {
		case 0:
			MUST(EmptyWorkingSet(c->process));
			break;
		case 1:
			ntmm_machine_balance(c->machine, draw(&chance) % FRAMES);
			break;
		case 2:
			ntmm_machine_write_modified(c->machine, 40);
			break;
		case 3:
			MUST(ntmm_machine_check(c->machine));
			break;
		case 4:
			MUST(PrefetchVirtualMemory(c->process, 1, &all, 0));
			break;
		default:
			race_pause(&chance);
		}
	}
}

static void fill_constants(struct crowd *c)
{
	ntmm_thread *thread = race_thread(c->process);
	DWORD old;
	for (uint64_t page = 0; page < CONSTANT_PAGES; page++)
		MUST(ntmm_store64(thread, c->constant + page * PAGE + 40, constant_at(page)));
	MUST(VirtualProtectEx(c->process, pointer(c->constant), CONSTANT_PAGES * PAGE,
	                      PAGE_READONLY, &old));
	ntmm_thread_destroy(thread);
}

static void check_counters(struct crowd *c)
{
	for (unsigned n = 0; n < COUNTERS; n++) {
		uint64_t value, sum = 0;
		for (unsigned w = 0; w < WORKERS; w++)
			sum += c->added[w][n];
		MUST(ReadProcessMemory(c->process, pointer(c->counters + n * PAGE), &value,
		                       sizeof value, NULL));
		MUST(value == sum);
	}
}

static void crowd(void **state)
{
	struct crowd c = {.machine = race_machine(FRAMES, SLOTS)};
	struct runner runners[WORKERS + 3];
	(void)state;
	c.process = ntmm_process_create(c.machine, NTMM_LAYOUT_NT64_128TB);
	MUST(c.process);
	for (unsigned w = 0; w < WORKERS; w++)
		c.own[w] = race_commit(c.process, OWN_PAGES);
	c.constant = race_commit(c.process, CONSTANT_PAGES);
	c.shifting = race_commit(c.process, SHIFTING_PAGES);
	c.counters = race_commit(c.process, COUNTERS);
	fill_constants(&c);
	race_begin(2);
	for (unsigned w = 0; w < WORKERS; w++)
		race_start(&runners[w], work, &c, w);
	race_start(&runners[WORKERS], shift, &c, 0);
	race_start(&runners[WORKERS + 1], allocate_and_free, &c, 0);
	race_start(&runners[WORKERS + 2], trim, &c, 0);
	race_join(runners, WORKERS + 3);
	check_counters(&c);
	CloseHandle(c.process);
	race_machine_end(c.machine);
}

/* ---- no store after the call --------------------------------------------------------------------
 *
 * A writer stores 1, 2, 3 ... to a page until an exception is raised. Meanwhile the page is taken
 * away. The writer has hits in the TLB; or, until that begins, uses the line for another page after
 * each store, so that it is most likely in a walk then, and what a walk should not have allowed would
 * be done again and again. When that call has returned what is in the page stays as it is.
 */

struct litmus {
	ntmm_machine *machine;
	HANDLE process;
	uint64_t base, rival; /* rival: page that shares the line; 0: hits */
	/* Takes the page away; what it then holds must be 0 when it returns true. */
	bool (*take)(struct litmus *l);
	_Atomic uint64_t round;   /* the writer's goes on when this changes */
	_Atomic uint64_t writing; /* round in which the writer has begun to store */
	_Atomic bool taking, over;
	DWORD expected;           /* exception */
};

static void write_until_stopped(void *context, unsigned number)
{
	struct litmus *l = context;
	ntmm_thread *thread = race_thread(l->process);
	(void)number;
	for (uint64_t round = 1;; round++) {
		while (l->round < round && !l->over)
			sched_yield();
		if (l->over)
			break;
		uint64_t value = 1;
		MUST(ntmm_store64(thread, l->base + 8, value));
		l->writing = round;
		while (ntmm_store64(thread, l->base + 8, ++value))
			MUST(!l->rival || l->taking || ntmm_store64(thread, l->rival, 1));
		const EXCEPTION_RECORD *raised = ntmm_thread_exception(thread);
		MUST(raised->ExceptionCode == l->expected);
		MUST(raised->ExceptionInformation[0] == 1 &&
		     raised->ExceptionInformation[1] == l->base + 8);
		l->writing = 0;
	}
	ntmm_thread_destroy(thread);
}

/* What is in the page, without touching it. */
static uint64_t peek(const struct litmus *l)
{
	ntmm_page_info info = {.size = sizeof info};
	MUST(!ntmm_process_page_info(l->process, l->base, &info));
	MUST(info.where != NTMM_PAGE_PAGED_OUT && info.where != NTMM_PAGE_TRANSITION);
	if (info.where == NTMM_PAGE_NONE)
		return 0;
	const uint8_t *ram = ntmm_machine_ram(l->machine, NULL);
	return __atomic_load_n((const uint64_t *)(const void *)(ram + info.frame * PAGE + 8),
	                       __ATOMIC_RELAXED);
}

static void take_once(struct litmus *l, uint64_t *chance)
{
	race_pause(chance);
	l->taking = true;
	bool zero = l->take(l);
	l->taking = false;
	uint64_t first = peek(l);
	race_pause(chance);
	uint64_t second = peek(l);
	MUST(first == second);
	MUST(!zero || first == 0);
}

/* A page that shares the TLB line of `address`. */
static uint64_t rival_of(HANDLE process, uint64_t address)
{
	void *at = pointer(address + NTMM_TLB_LINES * PAGE);
	void *made = VirtualAllocEx(process, at, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	MUST(made == at);
	return (uintptr_t)made;
}

static void litmus_by(bool walks, bool (*take)(struct litmus *l), NTSTATUS expected)
{
	struct litmus l = {
		.machine = race_machine(FRAMES, SLOTS), .take = take, .expected = (DWORD)expected};
	struct runner writer;
	uint64_t chance = 1;
	l.process = ntmm_process_create(l.machine, NTMM_LAYOUT_NT32_2GB);
	MUST(l.process);
	l.base = race_commit(l.process, 1);
	l.rival = walks ? rival_of(l.process, l.base) : 0;
	race_begin(TIMES);
	race_start(&writer, write_until_stopped, &l, 0);
	for (uint64_t round = 1; race_goes_on(); round++) {
		DWORD old;
		l.round = round;
		while (l.writing != round)
			sched_yield();
		take_once(&l, &chance);
		while (l.writing == round)
			sched_yield();
		MUST(VirtualProtectEx(l.process, pointer(l.base), PAGE, PAGE_READWRITE, &old));
	}
	l.over = true;
	race_join(&writer, 1);
	CloseHandle(l.process);
	race_machine_end(l.machine);
}

static void litmus(bool (*take)(struct litmus *l), NTSTATUS expected)
{
	litmus_by(false, take, expected);
	litmus_by(true, take, expected);
}

static void protect_to(struct litmus *l, DWORD protect)
{
	DWORD old;
	MUST(VirtualProtectEx(l->process, pointer(l->base), PAGE, protect, &old));
	MUST(old == PAGE_READWRITE);
}

static bool make_read_only(struct litmus *l)
{
	protect_to(l, PAGE_READONLY);
	return false;
}

static bool make_no_access(struct litmus *l)
{
	protect_to(l, PAGE_NOACCESS);
	return false;
}

static bool make_guard(struct litmus *l)
{
	protect_to(l, PAGE_READWRITE | PAGE_GUARD);
	return false;
}

static bool decommit(struct litmus *l)
{
	MUST(VirtualFreeEx(l->process, pointer(l->base), PAGE, MEM_DECOMMIT));
	MUST(VirtualAllocEx(l->process, pointer(l->base), PAGE, MEM_COMMIT, PAGE_READONLY));
	return true;
}

static bool release(struct litmus *l)
{
	MUST(VirtualFreeEx(l->process, pointer(l->base), 0, MEM_RELEASE));
	MUST(VirtualAllocEx(l->process, pointer(l->base), PAGE, MEM_RESERVE | MEM_COMMIT,
	                    PAGE_READONLY));
	return true;
}

/* By a commit that makes committed pages read-only (VA-43). */
static bool commit_read_only(struct litmus *l)
{
	MUST(VirtualAllocEx(l->process, pointer(l->base), PAGE, MEM_COMMIT, PAGE_READONLY));
	return false;
}

/* Out of reach until it is reclaimed, or protected anew (OF-3). */
static bool offer(struct litmus *l)
{
	ntmm_thread *thread = race_thread(l->process);
	MUST(ntmm_thread_attach(thread));
	MUST(OfferVirtualMemory(pointer(l->base), PAGE, VmOfferPriorityNormal) == ERROR_SUCCESS);
	ntmm_thread_detach();
	ntmm_thread_destroy(thread);
	return false;
}

static void no_store_after_protect(void **state)
{
	(void)state;
	litmus(make_read_only, STATUS_ACCESS_VIOLATION);
	litmus(commit_read_only, STATUS_ACCESS_VIOLATION);
}

static void no_store_after_no_access(void **state)
{
	(void)state;
	litmus(make_no_access, STATUS_ACCESS_VIOLATION);
}

static void no_store_after_guard(void **state)
{
	(void)state;
	litmus(make_guard, STATUS_GUARD_PAGE_VIOLATION);
}

static void no_store_after_decommit(void **state)
{
	(void)state;
	litmus(decommit, STATUS_ACCESS_VIOLATION);
}

static void no_store_after_release(void **state)
{
	(void)state;
	litmus(release, STATUS_ACCESS_VIOLATION);
}

static void no_store_after_offer(void **state)
{
	(void)state;
	litmus(offer, STATUS_ACCESS_VIOLATION);
}

/* ---- trimming and MEM_RESET are not seen ---------------------------------------------------- */

static void write_and_read_back(void *context, unsigned number)
{
	struct litmus *l = context;
	ntmm_thread *thread = race_thread(l->process);
	uint64_t value, seen, address = l->base + 8 + number * 8;
	for (value = 1; race_goes_on(); value++) {
		MUST(ntmm_store64(thread, address, value));
		MUST(ntmm_load64(thread, address, &seen) && seen == value);
	}
	ntmm_thread_destroy(thread);
}

/* S13. Two writers on one page, a reader from outside who sees values rise. */
static void trim_is_invisible(void **state)
{
	struct litmus l = {.machine = race_machine(FRAMES, SLOTS)};
	struct runner writers[2];
	uint64_t chance = 1, seen[2], last[2] = {0};
	(void)state;
	l.process = ntmm_process_create(l.machine, NTMM_LAYOUT_NT32_3GB);
	l.base = race_commit(l.process, 1);
	race_begin(TIMES);
	race_start(&writers[0], write_and_read_back, &l, 0);
	race_start(&writers[1], write_and_read_back, &l, 1);
	while (race_goes_on()) {
		MUST(EmptyWorkingSet(l.process));
		if (draw(&chance) % 2)
			ntmm_machine_write_modified(l.machine, 4);
		MUST(ReadProcessMemory(l.process, pointer(l.base + 8), seen, sizeof seen, NULL));
		MUST(seen[0] >= last[0] && seen[1] >= last[1]);
		last[0] = seen[0];
		last[1] = seen[1];
		race_pause(&chance);
	}
	race_join(writers, 2);
	CloseHandle(l.process);
	race_machine_end(l.machine);
}

#define OTHERS (2 * FRAMES) /* pages that drive it out of RAM */

struct resets {
	HANDLE process;
	uint64_t base, others;
	_Atomic uint64_t begun, done;
	_Atomic bool hold;
};

static void reset_all_the_time(void *context, unsigned number)
{
	struct resets *r = context;
	uint64_t chance = number;
	while (race_goes_on()) {
		r->begun++;
		if (!r->hold)
			MUST(VirtualAllocEx(r->process, pointer(r->base), PAGE, MEM_RESET,
			                    PAGE_READWRITE));
		r->done++;
		race_pause(&chance);
	}
}

static void press(void *context, unsigned number)
{
	struct resets *r = context;
	ntmm_thread *thread = race_thread(r->process);
	uint64_t chance = number;
	while (race_goes_on())
		MUST(ntmm_store64(thread, r->others + draw(&chance) % OTHERS * PAGE, 1));
	ntmm_thread_destroy(thread);
}

/* Stores when no reset is under way, and none will be: then the page may leave RAM. False: one
 * is. */
static bool keep_one(struct resets *r, ntmm_thread *thread, uint64_t value, uint64_t *chance)
{
	uint64_t seen;
	r->hold = true;
	uint64_t done = r->done;
	bool quiet = r->begun == done;
	if (quiet) {
		MUST(ntmm_store64(thread, r->base, value));
		MUST(EmptyWorkingSet(r->process));
		for (unsigned i = 0; i < 40; i++)
			MUST(ntmm_store64(thread, r->others + draw(chance) % OTHERS * PAGE, 1));
		MUST(ntmm_load64(thread, r->base, &seen) && seen == value);
	}
	r->hold = false;
	return quiet;
}

/* VA-64: what is stored after MEM_RESET has returned is kept; what was stored before is, or is
 * zero. */
static void store_after_reset_is_kept(void **state)
{
	ntmm_machine *machine = race_machine(FRAMES, SLOTS);
	struct resets r = {.process = ntmm_process_create(machine, NTMM_LAYOUT_NT64_8TB)};
	struct runner runners[2];
	uint64_t value = 0, seen, kept = 0;
	(void)state;
	ntmm_thread *thread = race_thread(r.process);
	r.base = race_commit(r.process, 1);
	r.others = race_commit(r.process, OTHERS);
	race_begin(TIMES);
	race_start(&runners[0], reset_all_the_time, &r, 0);
	race_start(&runners[1], press, &r, 1);
	for (uint64_t chance = 1; race_goes_on();) {
		uint64_t done = r.done;
		MUST(ntmm_store64(thread, r.base, ++value));
		MUST(ntmm_load64(thread, r.base, &seen));
		MUST(seen == value || (r.begun != done && seen == 0));
		if (draw(&chance) % 16 == 0)
			kept += keep_one(&r, thread, ++value, &chance);
	}
	race_join(runners, 2);
	MUST(kept > 0);
	ntmm_thread_destroy(thread);
	CloseHandle(r.process);
	race_machine_end(machine);
}

/* ---- locks ---------------------------------------------------------------------------------- */

#define LOCKABLE 12

static void lock_and_look(void *context, unsigned number)
{
	struct resets *r = context;
	ntmm_thread *thread = race_thread(r->process);
	uint64_t chance = number, base = r->base + number * LOCKABLE * PAGE, value;
	MUST(ntmm_thread_attach(thread));
	for (uint64_t round = 1; race_goes_on(); round++) {
		uint64_t first = draw(&chance) % LOCKABLE,
			 pages = 1 + draw(&chance) % (LOCKABLE - first);
		void *range = pointer(base + first * PAGE);
		MUST(VirtualLock(range, pages * PAGE));
		MUST(ntmm_store64(thread, base + first * PAGE, round));
		race_pause(&chance);
		for (uint64_t i = first; i < first + pages; i++) {
			ntmm_page_info info = {.size = sizeof info};
			MUST(!ntmm_process_page_info(r->process, base + i * PAGE, &info));
			MUST(info.where == NTMM_PAGE_ACTIVE && info.locked); /* VL-8, PG-55 */
		}
		MUST(ntmm_load64(thread, base + first * PAGE, &value) && value == round);
		MUST(VirtualUnlock(range, pages * PAGE));
	}
	ntmm_thread_detach();
	ntmm_thread_destroy(thread);
}

/* What is locked stays, whoever wants its frame. */
static void locked_pages_stay(void **state)
{
	ntmm_machine *machine = race_machine(FRAMES, SLOTS);
	struct resets r = {.process = ntmm_process_create(machine, NTMM_LAYOUT_NT64_128TB)};
	struct runner runners[3];
	uint64_t chance = 1;
	(void)state;
	r.base = race_commit(r.process, 2 * LOCKABLE);
	r.others = race_commit(r.process, OTHERS);
	race_begin(TIMES);
	race_start(&runners[0], lock_and_look, &r, 0);
	race_start(&runners[1], lock_and_look, &r, 1);
	race_start(&runners[2], press, &r, 2);
	while (race_goes_on()) {
		MUST(EmptyWorkingSet(r.process));
		ntmm_machine_balance(machine, draw(&chance) % FRAMES);
		race_pause(&chance);
	}
	race_join(runners, 3);
	CloseHandle(r.process);
	race_machine_end(machine);
}

/* ---- guards --------------------------------------------------------------------------------- */

#define TOUCHERS 3

struct guards {
	HANDLE process;
	uint64_t base;
	_Atomic uint64_t round, done;
	_Atomic uint32_t hits;
	_Atomic bool over;
};

static void touch_guard(void *context, unsigned number)
{
	struct guards *g = context;
	ntmm_thread *thread = race_thread(g->process);
	for (uint64_t round = 1;; round++) {
		uint64_t value;
		while (g->round < round && !g->over)
			sched_yield();
		if (g->over)
			break;
		if (!ntmm_load64(thread, g->base + number * 8, &value)) {
			MUST(ntmm_thread_exception(thread)->ExceptionCode ==
			     (DWORD)STATUS_GUARD_PAGE_VIOLATION);
			g->hits++;
		}
		g->done++;
	}
	ntmm_thread_destroy(thread);
}

/* GP-2, GP-3: one violation for each time that the guard is set, whoever comes first. */
static void one_violation_a_guard(void **state)
{
	ntmm_machine *machine = race_machine(FRAMES, SLOTS);
	struct guards g = {.process = ntmm_process_create(machine, NTMM_LAYOUT_WOW64_4GB)};
	struct runner touchers[TOUCHERS];
	uint64_t rounds;
	DWORD old;
	(void)state;
	g.base = race_commit(g.process, 1);
	for (unsigned i = 0; i < TOUCHERS; i++)
		race_start(&touchers[i], touch_guard, &g, i);
	race_begin(TIMES);
	for (rounds = 0; race_goes_on(); rounds++) {
		MUST(VirtualProtectEx(g.process, pointer(g.base), PAGE, PAGE_READWRITE | PAGE_GUARD,
		                      &old));
		MUST(old == PAGE_READWRITE);
		g.done = 0;
		g.round++;
		while (g.done < TOUCHERS)
			sched_yield();
		MUST(g.hits == rounds + 1);
	}
	g.over = true;
	race_join(touchers, TOUCHERS);
	CloseHandle(g.process);
	race_machine_end(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crowd),
		cmocka_unit_test(no_store_after_protect),
		cmocka_unit_test(no_store_after_no_access),
		cmocka_unit_test(no_store_after_guard),
		cmocka_unit_test(no_store_after_decommit),
		cmocka_unit_test(no_store_after_release),
		cmocka_unit_test(no_store_after_offer),
		cmocka_unit_test(trim_is_invisible),
		cmocka_unit_test(store_after_reset_is_kept),
		cmocka_unit_test(locked_pages_stay),
		cmocka_unit_test(one_violation_a_guard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
