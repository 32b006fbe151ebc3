/* SPDX-License-Identifier: MIT
 *
 * Threads that run by ntmm_thread_run use their process's memory by pointers, while others trim it,
 * write it out, protect it and take it away: no store is lost, and none lands after the call that
 * forbids it has returned.
 */
#include "race.h"

#include <ntmm/native.h>

#include "support/mode.h"
#include "support/touch.h"

enum { RUNNERS = 2, TESTS = 3, FRAMES = 160, SLOTS = 1000, OWN = 120, COUNTERS = 16, WATCHED = 16 };

struct scene {
	ntmm_machine *machine;
	HANDLE process;
	char *own[RUNNERS], *counters, *shifting;
	uint64_t added[RUNNERS][COUNTERS];
};

static char *commit(const struct scene *s, uint64_t pages, DWORD more)
{
	char *base = VirtualAllocEx(s->process, NULL, pages * PAGE, MEM_RESERVE | MEM_COMMIT | more,
	                            PAGE_READWRITE);
	MUST(base);
	return base;
}

static void begin(struct scene *s)
{
	const ntmm_machine_config config = {.size = sizeof config,
	                                    .flags = NTMM_MACHINE_SHARED_RAM | test_mode(),
	                                    .ram_bytes = FRAMES * PAGE,
	                                    .paging_file_bytes = SLOTS * PAGE};
	*s = (struct scene){.machine = NULL};
	MUST(!setenv("NTMM_LINGER", "1", 1)); /* debug builds: base/linger.h */
	MUST(!ntmm_machine_create(&config, &s->machine));
	s->process = ntmm_process_create(s->machine, NTMM_LAYOUT_NT32_2GB);
	MUST(s->process);
	MUST(ntmm_native_take_signals()); /* in front of cmocka's */
	race_begin(TESTS);
}

static void end(struct scene *s)
{
	if (!ntmm_machine_check(s->machine))
		race_failed(__FILE__, __LINE__, ntmm_error_message());
	CloseHandle(s->process);
	ntmm_machine_destroy(s->machine);
}

struct part {
	struct scene *scene;
	unsigned number;
	void (*body)(struct scene *s, unsigned number);
};

static void run_body(void *context)
{
	const struct part *part = context;
	part->body(part->scene, part->number);
}

/* A host thread as a thread of the process. */
static void run_as_thread(struct scene *s, unsigned number, void (*body)(struct scene *, unsigned))
{
	struct part part = {s, number, body};
	ntmm_thread *thread = ntmm_thread_create(s->process, NULL);
	MUST(thread);
	MUST(ntmm_thread_run(thread, run_body, &part));
	ntmm_thread_destroy(thread);
}

static void *word_at(char *base, uint64_t page)
{
	return base + page * PAGE + page * 8;
}

static uint64_t load(const void *address)
{
	uint64_t value;
	__asm__ volatile("movq (%1), %0" : "=r"(value) : "r"(address) : "memory");
	return value;
}

static void store(void *address, uint64_t value)
{
	__asm__ volatile("movq %1, (%0)" : : "r"(address), "r"(value) : "memory");
}

/* ---- trimmed and paged ------------------------------------------------------------------------- */

static void use(struct scene *s, unsigned number)
{
	uint64_t chance = number, words[OWN] = {0};
	while (race_goes_on()) {
		uint64_t page = draw(&chance) % OWN, counter = draw(&chance) % COUNTERS;
		MUST(load(word_at(s->own[number], page)) == words[page]);
		words[page] = draw(&chance);
		store(word_at(s->own[number], page), words[page]);
		MUST(load(word_at(s->own[number], page)) == words[page]);
		bump(s->counters + counter * PAGE);
		s->added[number][counter]++;
	}
	for (uint64_t page = 0; page < OWN; page++)
		MUST(load(word_at(s->own[number], page)) == words[page]);
}

static void user(void *context, unsigned number)
{
	run_as_thread(context, number, use);
}

static void trimmer(void *context, unsigned number)
{
	struct scene *s = context;
	uint64_t chance = number;
	while (race_goes_on()) {
		MUST(SetProcessWorkingSetSize(s->process, (SIZE_T)-1, (SIZE_T)-1));
		race_pause(&chance);
	}
}

static void paged(void **state)
{
	struct scene s;
	struct runner runners[RUNNERS + 1];
	(void)state;
	begin(&s);
	s.counters = commit(&s, COUNTERS, 0);
	for (unsigned i = 0; i < RUNNERS; i++)
		s.own[i] = commit(&s, OWN, 0);
	for (unsigned i = 0; i <= RUNNERS; i++)
		race_start(&runners[i], i < RUNNERS ? user : trimmer, &s, i);
	race_join(runners, RUNNERS + 1);
	for (unsigned i = 0; i < COUNTERS; i++) {
		uint8_t value;
		MUST(ReadProcessMemory(s.process, s.counters + i * PAGE, &value, 1, NULL));
		MUST(value == (uint8_t)(s.added[0][i] + s.added[1][i]));
	}
	end(&s);
}

/* ---- forbidden ----------------------------------------------------------------------------------- */

static void try_store(void *address)
{
	bump(address);
}

static void store_where_allowed(struct scene *s, unsigned number)
{
	uint64_t chance = number, done = 0, refused = 0;
	while (race_goes_on()) {
		EXCEPTION_RECORD record;
		char *address = s->shifting + draw(&chance) % WATCHED * PAGE;
		if (ntmm_try(try_store, address, &record)) {
			done++;
			continue;
		}
		refused++;
		MUST(record.ExceptionCode == EXCEPTION_ACCESS_VIOLATION);
		MUST(record.ExceptionInformation[1] == (uintptr_t)address);
	}
	MUST(done && refused);
}

static void storer(void *context, unsigned number)
{
	run_as_thread(context, number, store_where_allowed);
}

static uint8_t look(const struct scene *s, uint64_t page)
{
	uint8_t value;
	MUST(ReadProcessMemory(s->process, s->shifting + page * PAGE, &value, 1, NULL));
	return value;
}

/* Once a page is read-only nothing in it changes. */
static void protector(void *context, unsigned number)
{
	const struct scene *s = context;
	uint64_t chance = number;
	while (race_goes_on()) {
		DWORD old;
		uint64_t page = draw(&chance) % WATCHED;
		char *address = s->shifting + page * PAGE;
		MUST(VirtualProtectEx(s->process, address, PAGE, PAGE_READONLY, &old));
		uint8_t value = look(s, page);
		race_pause(&chance);
		MUST(look(s, page) == value);
		MUST(VirtualProtectEx(s->process, address, PAGE, PAGE_READWRITE, &old));
	}
}

static void forbidden(void **state)
{
	struct scene s;
	struct runner runners[RUNNERS + 1];
	(void)state;
	begin(&s);
	s.shifting = commit(&s, WATCHED, 0);
	for (unsigned i = 0; i <= RUNNERS; i++)
		race_start(&runners[i], i < RUNNERS ? storer : protector, &s, i);
	race_join(runners, RUNNERS + 1);
	end(&s);
}

/* ---- watched ------------------------------------------------------------------------------------- */

static void store_watched(struct scene *s, unsigned number)
{
	uint64_t chance = number;
	while (race_goes_on())
		bump(s->shifting + draw(&chance) % WATCHED * PAGE);
}

static void watched_storer(void *context, unsigned number)
{
	run_as_thread(context, number, store_watched);
}

static void look_at_all(const struct scene *s, uint8_t *values)
{
	for (unsigned i = 0; i < WATCHED; i++)
		values[i] = peek(s->shifting + i * PAGE);
}

/* A page that is not told of was not stored to between the call before and this one. */
static void collect(struct scene *s, unsigned number)
{
	uint8_t before[WATCHED], after[WATCHED] = {0};
	PVOID pages[WATCHED];
	(void)number;
	while (race_goes_on()) {
		ULONG_PTR count = WATCHED;
		DWORD granularity;
		bool told[WATCHED] = {false};
		look_at_all(s, before);
		MUST(!GetWriteWatch(WRITE_WATCH_FLAG_RESET, s->shifting, WATCHED * PAGE, pages, &count,
		                    &granularity));
		for (ULONG_PTR i = 0; i < count; i++)
			told[((char *)pages[i] - s->shifting) / PAGE] = true;
		for (unsigned i = 0; i < WATCHED; i++)
			MUST(told[i] || before[i] == after[i]);
		look_at_all(s, after);
	}
}

static void collector(void *context, unsigned number)
{
	run_as_thread(context, number, collect);
}

static void watched(void **state)
{
	struct scene s;
	struct runner runners[RUNNERS + 1];
	(void)state;
	begin(&s);
	s.shifting = commit(&s, WATCHED, MEM_WRITE_WATCH);
	for (unsigned i = 0; i <= RUNNERS; i++)
		race_start(&runners[i], i < RUNNERS ? watched_storer : collector, &s, i);
	race_join(runners, RUNNERS + 1);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paged),
		cmocka_unit_test(forbidden),
		cmocka_unit_test(watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
