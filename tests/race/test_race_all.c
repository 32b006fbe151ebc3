/* SPDX-License-Identifier: MIT
 *
 * Many threads of many processes do everything to their memory at once, on a machine that has far too
 * little of it: what each has stored is there, what it gave up is gone, what it forbade is refused. Now and
 * then all pause, and the machine is checked.
 */
#include "race.h"

#include <sched.h>

#define PROCESSES 3
#define WORKERS 3 /* of each process */
#define ALL (PROCESSES * WORKERS)
#define PAGES 24 /* of a worker */
#define FRAMES 200
#define SLOTS 2000

struct stage {
	ntmm_machine *machine;
	HANDLE processes[PROCESSES];
	_Atomic bool pause;
	_Atomic unsigned paused, at_work;
};

struct worker {
	struct stage *stage;
	HANDLE process;
	ntmm_thread *thread;
	uint64_t base, chance;
	uint64_t words[PAGES]; /* each page has its word at a place of its own */
	bool vague[PAGES];     /* the word, or 0 */
};

static uint64_t place_of(const struct worker *w, uint64_t page)
{
	return w->base + page * PAGE + page * 136;
}

static void store(struct worker *w, uint64_t page)
{
	w->words[page] = draw(&w->chance) | 1;
	w->vague[page] = false;
	MUST(ntmm_store64(w->thread, place_of(w, page), w->words[page]));
}

static void load(struct worker *w, uint64_t page)
{
	uint64_t value;
	MUST(ntmm_load64(w->thread, place_of(w, page), &value));
	MUST(value == w->words[page] || (w->vague[page] && value == 0));
	w->words[page] = value; /* what was read once stays, unless it is given up again */
}

/* From outside, or by a system service. */
static void copy(struct worker *w, uint64_t page)
{
	uint64_t value;
	if (draw(&w->chance) % 2)
		MUST(ReadProcessMemory(w->process, pointer(place_of(w, page)), &value, 8, NULL));
	else
		MUST(!ntmm_copy_in(w->thread, &value, place_of(w, page), 8, NULL));
	MUST(value == w->words[page] || (w->vague[page] && value == 0));
}

static void set_protection(struct worker *w, uint64_t page, DWORD protect)
{
	DWORD old;
	MUST(VirtualProtectEx(w->process, pointer(w->base + page * PAGE), PAGE, protect, &old));
}

/* What is forbidden is refused from the moment the call has returned. */
static void forbid(struct worker *w, uint64_t page)
{
	static const DWORD protections[] = {PAGE_READONLY, PAGE_NOACCESS, PAGE_READWRITE | PAGE_GUARD};
	DWORD protect = protections[draw(&w->chance) % 3];
	set_protection(w, page, protect);
	MUST(!ntmm_store64(w->thread, place_of(w, page), 2));
	DWORD code = ntmm_thread_exception(w->thread)->ExceptionCode;
	MUST(code == (DWORD)(protect & PAGE_GUARD ? STATUS_GUARD_PAGE_VIOLATION : STATUS_ACCESS_VIOLATION));
	set_protection(w, page, PAGE_READWRITE);
	load(w, page);
}

static void decommit(struct worker *w, uint64_t page)
{
	void *at = pointer(w->base + page * PAGE);
	uint64_t value;
	MUST(VirtualFreeEx(w->process, at, PAGE, MEM_DECOMMIT));
	MUST(!ntmm_load64(w->thread, place_of(w, page), &value));
	MUST(VirtualAllocEx(w->process, at, PAGE, MEM_COMMIT, PAGE_READWRITE));
	w->words[page] = 0;
	w->vague[page] = false;
}

static void reset(struct worker *w, uint64_t page)
{
	MUST(VirtualAllocEx(w->process, pointer(w->base + page * PAGE), PAGE, MEM_RESET, PAGE_READWRITE));
	w->vague[page] = true;
}

static void lock_for_a_while(struct worker *w, uint64_t page)
{
	uint64_t at = w->base + page * PAGE, bytes = PAGE;
	if (NtLockVirtualMemory(w->process, &at, &bytes, 1))
		return; /* no room: others have locked */
	race_pause(&w->chance);
	load(w, page);
	MUST(!NtUnlockVirtualMemory(w->process, &at, &bytes, 1));
}

static void replace_all(struct worker *w)
{
	if (w->base)
		MUST(VirtualFreeEx(w->process, pointer(w->base), 0, MEM_RELEASE));
	w->base = race_commit(w->process, PAGES);
	for (uint64_t page = 0; page < PAGES; page++) {
		w->words[page] = 0;
		w->vague[page] = false;
	}
}

static void press(struct worker *w)
{
	switch (draw(&w->chance) % 3) {
	case 0:
		MUST(EmptyWorkingSet(w->process));
		break;
	case 1:
		ntmm_machine_balance(w->stage->machine, draw(&w->chance) % FRAMES);
		break;
	default:
		ntmm_machine_write_modified(w->stage->machine, draw(&w->chance) % 64);
	}
}

static void act(struct worker *w)
{
	uint64_t page = draw(&w->chance) % PAGES, what = draw(&w->chance) % 200;
	if (what < 80)
		store(w, page);
	else if (what < 150)
		load(w, page);
	else if (what < 160)
		copy(w, page);
	else if (what < 175)
		forbid(w, page);
	else if (what < 182)
		decommit(w, page);
	else if (what < 190)
		reset(w, page);
	else if (what < 194)
		lock_for_a_while(w, page);
	else if (what < 196)
		replace_all(w);
	else if (what < 197)
		press(w);
}

static void pause_if_asked(struct stage *stage)
{
	if (!stage->pause)
		return;
	stage->paused++;
	while (stage->pause)
		sched_yield();
	stage->paused--;
}

static void work(void *context, unsigned number)
{
	struct stage *stage = context;
	struct worker w = {.stage = stage, .process = stage->processes[number % PROCESSES], .chance = number};
	w.thread = race_thread(w.process);
	replace_all(&w);
	while (race_goes_on()) {
		act(&w);
		pause_if_asked(stage);
	}
	for (uint64_t page = 0; page < PAGES; page++)
		load(&w, page);
	ntmm_thread_destroy(w.thread);
	stage->at_work--;
}

static void check_in_peace(struct stage *stage)
{
	stage->pause = true;
	while (stage->paused < stage->at_work)
		sched_yield();
	MUST(ntmm_machine_check(stage->machine));
	stage->pause = false;
	while (stage->paused)
		sched_yield();
}

static void everything_at_once(void **state)
{
	struct stage stage = {.machine = race_machine(FRAMES, SLOTS), .at_work = ALL};
	struct runner runners[ALL];
	uint64_t chance = 1, checks = 0;
	(void)state;
	for (unsigned i = 0; i < PROCESSES; i++)
		MUST((stage.processes[i] = ntmm_process_create(stage.machine, NTMM_LAYOUT_NT64_128TB)));
	race_begin(1);
	for (unsigned i = 0; i < ALL; i++)
		race_start(&runners[i], work, &stage, i);
	for (; race_goes_on(); checks++) {
		for (unsigned i = 0; i < 200; i++)
			race_pause(&chance);
		check_in_peace(&stage);
	}
	race_join(runners, ALL);
	MUST(checks);
	for (unsigned i = 0; i < PROCESSES; i++)
		CloseHandle(stage.processes[i]);
	race_machine_end(stage.machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
