/* SPDX-License-Identifier: MIT
 *
 * Windows 9x: threads of two processes that store in what all share, while its pages come and go, are
 * mapped and unmapped, and processes end (S8d, S8e, S14, W9-11).
 */
#include "race.h"

#define TESTS 3
#define FRAMES 512
#define SLOTS 8192
#define PAGES 96
#define WRITERS 4
#define VA_SHARED 0x08000000
#define SYSTEM UINT64_C(0xC0000000)
#define SYSTEM_PAGES 32 /* a sixteenth of RAM */

struct scene {
	ntmm_machine *machine;
	HANDLE process[2];
	ntmm_thread *thread; /* of the first: for calls */
	uint64_t base;
	HANDLE section;
	_Atomic uint64_t strays;
};

static uint64_t allocate_for_all(uint64_t pages)
{
	void *base = VirtualAlloc(NULL, pages * PAGE, MEM_RESERVE | MEM_COMMIT | VA_SHARED, PAGE_READWRITE);
	MUST(base);
	return (uintptr_t)base;
}

static void begin(struct scene *s)
{
	*s = (struct scene){.section = NULL};
	ntmm_machine_config config = {.size = sizeof config,
	                              .flags = NTMM_MACHINE_WIN9X,
	                              .ram_bytes = FRAMES * PAGE,
	                              .paging_file_bytes = SLOTS * PAGE};
	MUST(ntmm_machine_create(&config, &s->machine) == STATUS_SUCCESS);
	for (int i = 0; i < 2; i++)
		MUST((s->process[i] = ntmm_process_create(s->machine, NTMM_LAYOUT_WIN9X)));
	s->thread = race_thread(s->process[0]);
	MUST(ntmm_thread_attach(s->thread));
	s->base = allocate_for_all(PAGES);
	s->section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 16 * PAGE, NULL);
	MUST(s->section);
}

static void end(struct scene *s)
{
	ntmm_machine_counters c = {.size = sizeof c};
	MUST(ntmm_machine_get_counters(s->machine, &c) == STATUS_SUCCESS);
	MUST(c.stray_writes == s->strays);
	MUST(ntmm_machine_check(s->machine));
	CloseHandle(s->section);
	ntmm_thread_detach();
	ntmm_thread_destroy(s->thread);
	for (int i = 0; i < 2; i++)
		CloseHandle(s->process[i]);
	MUST(ntmm_machine_check(s->machine));
	ntmm_machine_destroy(s->machine);
}

/* Each writer has a word of each page of its own, and counts up there. */
static void write_for_all(void *context, unsigned number)
{
	struct scene *s = context;
	ntmm_thread *thread = race_thread(s->process[number % 2]);
	uint64_t chance = number, last[PAGES] = {0};
	while (race_goes_on()) {
		uint64_t page = draw(&chance) % PAGES, found;
		uint64_t address = s->base + page * PAGE + number * 8;
		MUST(ntmm_load64(thread, address, &found) && found == last[page]);
		MUST(ntmm_store64(thread, address, ++last[page]));
		if (draw(&chance) % 8)
			continue;
		MUST(ntmm_store64(thread, SYSTEM + draw(&chance) % SYSTEM_PAGES * PAGE + number * 8, 1));
		s->strays++;
	}
	for (uint64_t page = 0, found; page < PAGES; page++)
		MUST(ntmm_load64(thread, s->base + page * PAGE + number * 8, &found) && found == last[page]);
	ntmm_thread_destroy(thread);
}

/* S14: nothing of what is stored is lost while pages are written out and taken away. */
static void stores_and_paging(void **state)
{
	struct scene s;
	struct runner runners[WRITERS];
	(void)state;
	begin(&s);
	race_begin(TESTS);
	for (unsigned i = 0; i < WRITERS; i++)
		race_start(&runners[i], write_for_all, &s, i);
	while (race_goes_on()) {
		ntmm_machine_balance(s.machine, FRAMES - 64);
		ntmm_machine_write_modified(s.machine, 32);
	}
	race_join(runners, WRITERS);
	MUST(VirtualFree(pointer(s.base), 0, MEM_RELEASE));
	end(&s);
}

/* Stores through views that come and go, wherever they are; a violation is fine. */
static void write_views(void *context, unsigned number)
{
	struct scene *s = context;
	ntmm_thread *thread = race_thread(s->process[number % 2]);
	MUST(ntmm_thread_attach(thread));
	for (uint64_t chance = number; race_goes_on();) {
		char *view = MapViewOfFile(s->section, FILE_MAP_WRITE, 0, 0, 0);
		MUST(view);
		uint64_t address = (uintptr_t)view + draw(&chance) % 16 * PAGE;
		MUST(ntmm_store64(thread, address + number * 8, chance));
		uint64_t found;
		MUST(ntmm_load64(thread, address + number * 8, &found) && found == chance);
		MUST(UnmapViewOfFile(view));
		if (!ntmm_store64(thread, address + 2048 + number * 8, 1)) /* others may have it */
			MUST((NTSTATUS)ntmm_thread_exception(thread)->ExceptionCode ==
			     STATUS_ACCESS_VIOLATION);
	}
	ntmm_thread_detach();
	ntmm_thread_destroy(thread);
}

static void views(void **state)
{
	struct scene s;
	struct runner runners[WRITERS];
	(void)state;
	begin(&s);
	race_begin(TESTS);
	for (unsigned i = 0; i < WRITERS; i++)
		race_start(&runners[i], write_views, &s, i);
	while (race_goes_on())
		ntmm_machine_balance(s.machine, FRAMES - 64);
	race_join(runners, WRITERS);
	end(&s);
}

struct mortal {
	struct scene *scene;
	ntmm_thread *thread;
	_Atomic bool goes;
};

static void use_until_the_end(void *context, unsigned number)
{
	struct mortal *m = context;
	uint64_t found;
	m->goes = true;
	while (ntmm_load64(m->thread, m->scene->base + number * PAGE, &found) &&
	       ntmm_store64(m->thread, m->scene->base + number * PAGE, found + 1))
		;
	MUST((NTSTATUS)ntmm_thread_exception(m->thread)->ExceptionCode == STATUS_ACCESS_VIOLATION);
}

/* S17: a process that ends keeps no way into what it shared; what it had mapped goes. */
static void processes_end(void **state)
{
	struct scene s;
	uint64_t chance = 1;
	(void)state;
	begin(&s);
	race_begin(TESTS);
	while (race_goes_on()) {
		struct mortal m = {.scene = &s};
		struct runner runner;
		HANDLE process = ntmm_process_create(s.machine, NTMM_LAYOUT_WIN9X);
		MUST(process);
		m.thread = race_thread(process);
		race_start(&runner, use_until_the_end, &m, (unsigned)(draw(&chance) % PAGES));
		MUST(MapViewOfFile2(s.section, process, 0, NULL, 0, 0, PAGE_READWRITE));
		while (!m.goes)
			sched_yield();
		race_pause(&chance);
		MUST(TerminateProcess(process, 0));
		race_join(&runner, 1);
		ntmm_thread_destroy(m.thread);
		CloseHandle(process);
	}
	MUST(VirtualFree(pointer(s.base), 0, MEM_RELEASE));
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stores_and_paging),
		cmocka_unit_test(views),
		cmocka_unit_test(processes_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
