/* SPDX-License-Identifier: MIT
 *
 * GetWriteWatch with WRITE_WATCH_FLAG_RESET beside threads that write: a store is told of now or the
 * next time, never lost (WW-12).
 *
 * A collector keeps a copy of the pages: after each call it copies those that were returned. When the
 * writers rest it calls once more; then the copy must be what the pages are.
 */
#include "race.h"

#include <sched.h>

#define FRAMES 128
#define SLOTS 256
#define PAGES 8
#define WRITERS 2
#define TIMES 3

struct watching {
	ntmm_machine *machine;
	HANDLE process;
	ntmm_thread *collector; /* the collector's host thread acts as it */
	uint64_t base;
	uint64_t copy[PAGES][WRITERS];
	_Atomic uint64_t round;  /* odd: the writers may write */
	_Atomic unsigned resting;
	_Atomic bool over;
	bool by_system;          /* the writers are another process */
};

static bool write_one(struct watching *w, ntmm_thread *thread, uint64_t address, uint64_t value)
{
	if (w->by_system)
		return WriteProcessMemory(w->process, pointer(address), &value, sizeof value, NULL);
	return ntmm_store64(thread, address, value);
}

/* Each to a word of its own in each page, so that all pages are in use all the time. */
static void write_in_rounds(void *context, unsigned number)
{
	struct watching *w = context;
	ntmm_thread *thread = race_thread(w->process);
	uint64_t chance = number, value = 0;
	for (uint64_t round = 1; !w->over; round += 2) {
		while (w->round < round && !w->over)
			sched_yield();
		while (w->round == round) {
			uint64_t page = draw(&chance) % PAGES;
			MUST(write_one(w, thread, w->base + page * PAGE + number * 8, ++value));
		}
		w->resting++;
	}
	ntmm_thread_destroy(thread);
}

static void look_at(struct watching *w, uint64_t address)
{
	uint64_t page = (address - w->base) / PAGE;
	MUST(page < PAGES && address % PAGE == 0);
	MUST(ReadProcessMemory(w->process, pointer(address), w->copy[page], sizeof w->copy[page],
	                       NULL));
}

static void collect(struct watching *w, uint64_t *chance)
{
	PVOID addresses[PAGES];
	DWORD granularity;
	ULONG_PTR room = draw(chance) % 4 ? PAGES : 1 + draw(chance) % PAGES, count = room;
	do {
		count = room;
		MUST(!GetWriteWatch(WRITE_WATCH_FLAG_RESET, pointer(w->base), PAGES * PAGE,
		                    addresses, &count, &granularity));
		for (ULONG_PTR i = 0; i < count; i++)
			look_at(w, (uintptr_t)addresses[i]);
	} while (w->round % 2 == 0 && count);
}

static void compare(struct watching *w)
{
	for (uint64_t page = 0; page < PAGES; page++) {
		uint64_t words[WRITERS];
		MUST(ReadProcessMemory(w->process, pointer(w->base + page * PAGE), words,
		                       sizeof words, NULL));
		for (unsigned i = 0; i < WRITERS; i++)
			MUST(words[i] == w->copy[page][i]);
	}
}

static void one_round(struct watching *w, uint64_t *chance)
{
	w->resting = 0;
	w->round++;
	for (uint64_t turns = 1 + draw(chance) % 20; turns; turns--) {
		collect(w, chance);
		if (draw(chance) % 8 == 0)
			MUST(EmptyWorkingSet(w->process));
		if (draw(chance) % 8 == 0)
			ntmm_machine_write_modified(w->machine, PAGES);
	}
	w->round++;
	while (w->resting < WRITERS)
		sched_yield();
	collect(w, chance);
	compare(w);
}

static void watch(bool by_system)
{
	struct watching w = {.machine = race_machine(FRAMES, SLOTS), .by_system = by_system};
	struct runner writers[WRITERS];
	uint64_t chance = 1;
	w.process = ntmm_process_create(w.machine, NTMM_LAYOUT_NT64_128TB);
	MUST(w.process);
	w.base = (uintptr_t)VirtualAllocEx(w.process, NULL, PAGES * PAGE,
	                                   MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH,
	                                   PAGE_READWRITE);
	MUST(w.base);
	w.collector = race_thread(w.process);
	MUST(ntmm_thread_attach(w.collector));
	race_begin(TIMES);
	for (unsigned i = 0; i < WRITERS; i++)
		race_start(&writers[i], write_in_rounds, &w, i);
	while (race_goes_on())
		one_round(&w, &chance);
	w.over = true;
	race_join(writers, WRITERS);
	ntmm_thread_detach();
	ntmm_thread_destroy(w.collector);
	CloseHandle(w.process);
	race_machine_end(w.machine);
}

static void no_store_is_lost(void **state) /* S51, WW-12 */
{
	(void)state;
	watch(false);
}

static void no_copy_is_lost(void **state) /* WW-11, WW-12 */
{
	(void)state;
	watch(true);
}

/* ---- ranges that come and go ---------------------------------------------------------------- */

static void release_and_allocate(void *context, unsigned number)
{
	struct watching *w = context;
	uint64_t chance = number;
	while (race_goes_on()) {
		uint64_t base = w->base + draw(&chance) % PAGES * PAGE, size = PAGE;
		(void)NtFreeVirtualMemory(w->process, &base, &size,
		                          draw(&chance) % 2 ? MEM_RELEASE : MEM_DECOMMIT);
		VirtualFreeEx(w->process, pointer(w->base), 0, MEM_RELEASE);
		VirtualAllocEx(w->process, pointer(w->base), PAGES * PAGE,
		               MEM_RESERVE | MEM_COMMIT | (draw(&chance) % 4 ? MEM_WRITE_WATCH : 0),
		               PAGE_READWRITE);
	}
}

static void store_anywhere(void *context, unsigned number)
{
	struct watching *w = context;
	ntmm_thread *thread = race_thread(w->process);
	uint64_t chance = number;
	while (race_goes_on())
		(void)ntmm_store64(thread, w->base + draw(&chance) % PAGES * PAGE, 1);
	ntmm_thread_destroy(thread);
}

/* Records that are split and freed while threads write and others ask. */
static void records_come_and_go(void **state)
{
	struct watching w = {.machine = race_machine(FRAMES, SLOTS), .base = 0x10000000};
	struct runner runners[3];
	(void)state;
	w.process = ntmm_process_create(w.machine, NTMM_LAYOUT_NT32_2GB);
	MUST(w.process);
	race_begin(TIMES);
	race_start(&runners[0], release_and_allocate, &w, 0);
	race_start(&runners[1], release_and_allocate, &w, 1);
	race_start(&runners[2], store_anywhere, &w, 2);
	while (race_goes_on()) {
		uint64_t addresses[PAGES], count = PAGES;
		uint32_t granularity;
		(void)NtGetWriteWatch(w.process, WRITE_WATCH_FLAG_RESET, w.base, PAGE * PAGES / 2,
		                      addresses, &count, &granularity);
		(void)NtResetWriteWatch(w.process, w.base + PAGE, PAGE);
	}
	race_join(runners, 3);
	CloseHandle(w.process);
	race_machine_end(w.machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_store_is_lost),
		cmocka_unit_test(no_copy_is_lost),
		cmocka_unit_test(records_come_and_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
