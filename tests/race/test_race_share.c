/* SPDX-License-Identifier: MIT
 *
 * Processes that show one section, each on a host thread of its own: they fault on the same pages at once,
 * while others empty working sets, unmap, end, commit and check (CW-1, MV-40, VQ-15, S11, S13).
 */
#include "race_section.h"

#define TESTS 5
#define PAGES 24
#define SLOTS 1200
#define SHOWERS 3

struct scene {
	ntmm_machine *machine;
	HANDLE section;
	struct shower showers[SHOWERS];
	_Atomic uint64_t number; /* of what has been published, in some tests */
};

static void begin(struct scene *s, uint64_t frames, DWORD protect)
{
	*s = (struct scene){.machine = race_machine(frames, SLOTS)};
	for (unsigned i = 0; i < SHOWERS; i++)
		shower_begin(&s->showers[i], s->machine, i % 2 ? NTMM_LAYOUT_NT64_128TB : NTMM_LAYOUT_NT32_2GB);
	s->section = race_section(s->showers[0].thread, PAGES, protect);
	for (unsigned i = 0; i < SHOWERS; i++)
		s->showers[i].view = race_view(s->section, s->showers[i].process, PAGE_READWRITE);
}

static void end(struct scene *s)
{
	MUST(ntmm_machine_check(s->machine));
	MUST(CloseHandle(s->section));
	for (unsigned i = 0; i < SHOWERS; i++)
		shower_end(&s->showers[i]);
	race_machine_end(s->machine);
}

/* Each runner with its number; one more disturbs them. */
static void run(struct scene *s, void (*work)(void *, unsigned), void (*disturb)(void *, unsigned))
{
	struct runner runners[SHOWERS + 1];
	race_begin(TESTS);
	for (unsigned i = 0; i < SHOWERS; i++)
		race_start(&runners[i], work, s, i);
	race_start(&runners[SHOWERS], disturb, s, SHOWERS);
	race_join(runners, SHOWERS + 1);
}

static void disturb(void *context, unsigned number)
{
	struct scene *s = context;
	uint64_t chance = number;
	while (race_goes_on()) {
		unsigned who = draw(&chance) % SHOWERS;
		switch (draw(&chance) % 4) {
		case 0:
			MUST(EmptyWorkingSet(s->showers[who].process));
			break;
		case 1:
			ntmm_machine_balance(s->machine, draw(&chance) % 100);
			break;
		case 2:
			ntmm_machine_write_modified(s->machine, draw(&chance) % 32);
			break;
		default:
			MUST(ntmm_machine_check(s->machine));
		}
		race_pause(&chance);
	}
}

/* ---- no store is lost ------------------------------------------------------------------------ */

/* Word `number` of each page is counted up by one process alone; those of the others never fall. */
static void count_up(void *context, unsigned number)
{
	struct scene *s = context;
	struct shower *own = &s->showers[number];
	uint64_t chance = number, mine[PAGES] = {0}, seen[PAGES][SHOWERS] = {{0}};
	while (race_goes_on()) {
		unsigned page = draw(&chance) % PAGES, other = draw(&chance) % SHOWERS;
		uint64_t at = own->view + page * PAGE;
		MUST(must_load(own->thread, at + number * 8) == mine[page]);
		must_store(own->thread, at + number * 8, ++mine[page]);
		uint64_t value = must_load(own->thread, at + other * 8);
		MUST(value >= seen[page][other]);
		seen[page][other] = value;
	}
}

static void counters(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 80, PAGE_READWRITE);
	run(&s, count_up, disturb);
	end(&s);
}

/* All compare and exchange one word: none is lost either. */
static void add_up(void *context, unsigned number)
{
	struct scene *s = context;
	struct shower *own = &s->showers[number];
	uint64_t chance = number, added = 0;
	while (race_goes_on()) {
		uint64_t expected = must_load(own->thread, own->view);
		bool swapped;
		MUST(ntmm_compare_exchange(own->thread, own->view, 8, &expected, expected + 1, &swapped));
		added += swapped;
		must_store(own->thread, own->view + (1 + draw(&chance) % (PAGES - 1)) * PAGE, added);
	}
	atomic_fetch_add(&s->number, added);
}

static void sums(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 80, PAGE_READWRITE);
	run(&s, add_up, disturb);
	MUST(must_load(s.showers[1].thread, s.showers[1].view) == atomic_load(&s.number));
	end(&s);
}

/* ---- views come and go ----------------------------------------------------------------------- */

/* Every word of the section is its own number, or not yet written. */
static void use_view(struct shower *own, uint64_t view, uint64_t *chance)
{
	for (unsigned n = draw(chance) % 60; n; n--) {
		uint64_t page = draw(chance) % PAGES, value;
		value = must_load(own->thread, view + page * PAGE);
		MUST(value == 0 || value == page + 1);
		if (draw(chance) % 2)
			must_store(own->thread, view + page * PAGE, page + 1);
	}
}

static void come_and_go(void *context, unsigned number)
{
	struct scene *s = context;
	uint64_t chance = number;
	while (race_goes_on()) {
		struct shower own;
		HANDLE process = ntmm_process_create(s->machine, (ntmm_layout)(draw(&chance) % 5));
		if (!process)
			continue; /* 1450 or 1455 */
		own = (struct shower){.process = process, .thread = race_thread(process)};
		own.view = race_view(s->section, process, PAGE_READWRITE);
		use_view(&own, own.view, &chance);
		uint64_t second = race_view(s->section, process, PAGE_READWRITE);
		race_unmap(process, own.view);
		use_view(&own, second, &chance);
		if (draw(&chance) % 2)
			MUST(TerminateProcess(process, 0));
		shower_end(&own);
	}
}

static void short_lives(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 120, PAGE_READWRITE);
	run(&s, come_and_go, disturb);
	end(&s);
}

/* A second thread of the process uses the view that is taken away: it may find nothing, and no more. */
static void use_what_goes(void *context, unsigned number)
{
	struct scene *s = context;
	ntmm_thread *thread = race_thread(s->showers[number].process);
	uint64_t chance = number, value;
	while (race_goes_on()) {
		uint64_t page = draw(&chance) % PAGES;
		uint64_t at = s->showers[number].view + page * PAGE;
		bool done = draw(&chance) % 2 ? ntmm_store64(thread, at, page + 1)
		                              : ntmm_load64(thread, at, &value);
		if (!done)
			MUST(ntmm_thread_exception(thread)->ExceptionCode ==
			     (DWORD)STATUS_ACCESS_VIOLATION);
	}
	ntmm_thread_destroy(thread);
}

static void unmap_and_map(void *context, unsigned number)
{
	struct scene *s = context;
	uint64_t chance = number;
	while (race_goes_on()) {
		struct shower *own = &s->showers[draw(&chance) % SHOWERS];
		race_unmap(own->process, own->view);
		MUST(draw(&chance) % 8 || EmptyWorkingSet(own->process));
		MUST(MapViewOfFile2(s->section, own->process, 0, pointer(own->view), 0, 0,
		                    PAGE_READWRITE) == pointer(own->view));
		use_view(own, own->view, &chance);
	}
}

static void taken_away(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 80, PAGE_READWRITE);
	run(&s, use_what_goes, unmap_and_map);
	end(&s);
}

/* ---- commits are seen ------------------------------------------------------------------------ */

/* MV-40: once the call has returned every process can use the pages; none before is there. */
static void see_commits(void *context, unsigned number)
{
	struct scene *s = context;
	struct shower *own = &s->showers[number];
	uint64_t chance = number, value;
	while (race_goes_on()) {
		uint64_t there = atomic_load(&s->number) % (PAGES + 1), page = draw(&chance) % PAGES;
		bool done = ntmm_load64(own->thread, own->view + page * PAGE, &value);
		MUST(done || page >= there);
		MUST(!done || value == 0 || value == page + 1);
		if (done)
			must_store(own->thread, own->view + page * PAGE, page + 1);
	}
}

static void commit_pages(void *context, unsigned number)
{
	struct scene *s = context;
	uint64_t chance = number;
	for (uint64_t page = 0; page < PAGES && race_goes_on(); page++) {
		struct shower *by = &s->showers[draw(&chance) % SHOWERS];
		MUST(VirtualAllocEx(by->process, pointer(by->view + page * PAGE), PAGE, MEM_COMMIT,
		                    PAGE_READWRITE));
		atomic_store(&s->number, page + 1);
		for (unsigned n = 0; n < 20; n++)
			race_pause(&chance);
	}
	disturb(s, number);
}

static void commits(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 80, PAGE_READWRITE | SEC_RESERVE);
	run(&s, see_commits, commit_pages);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters),
		cmocka_unit_test(sums),
		cmocka_unit_test(short_lives),
		cmocka_unit_test(taken_away),
		cmocka_unit_test(commits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
