/* SPDX-License-Identifier: MIT
 *
 * Copy-on-write while others store, lock, trim and protect (CW-2, CW-6, VL): a copy is what the page was at
 * one moment, word by word, and stays it.
 */
#include "race_section.h"

#define TESTS 4
#define PAGES 16
#define SLOTS 1200
#define WORDS 64 /* of a page, that are written */
#define COPIERS 2

struct scene {
	ntmm_machine *machine;
	HANDLE section;
	struct shower writer, copiers[COPIERS];
};

/* All four parts of a word are the same, so that halves of two show. */
static uint64_t whole(uint64_t n)
{
	return (n & 0xFFFF) * UINT64_C(0x0001000100010001);
}

static bool is_whole(uint64_t value)
{
	return value == whole(value);
}

static void begin(struct scene *s, uint64_t frames)
{
	*s = (struct scene){.machine = race_machine(frames, SLOTS)};
	shower_begin(&s->writer, s->machine, NTMM_LAYOUT_NT32_2GB);
	s->section = race_section(s->writer.thread, PAGES, PAGE_EXECUTE_READWRITE);
	s->writer.view = race_view(s->section, s->writer.process, PAGE_READWRITE);
	for (unsigned i = 0; i < COPIERS; i++)
		shower_begin(&s->copiers[i], s->machine, NTMM_LAYOUT_NT64_128TB);
}

static void end(struct scene *s)
{
	MUST(ntmm_machine_check(s->machine));
	MUST(CloseHandle(s->section));
	shower_end(&s->writer);
	for (unsigned i = 0; i < COPIERS; i++)
		shower_end(&s->copiers[i]);
	race_machine_end(s->machine);
}

/* The words of a page in ascending order get one number after the other. */
static void write_always(void *context, unsigned number)
{
	struct scene *s = context;
	uint64_t chance = number;
	for (uint64_t n = 1; race_goes_on(); n++) {
		uint64_t page = draw(&chance) % PAGES;
		for (uint64_t w = 1; w < WORDS; w++)
			must_store(s->writer.thread, s->writer.view + page * PAGE + w * 8, whole(n));
		if (n % 64 == 0)
			MUST(EmptyWorkingSet(s->writer.process));
		if (n % 512 == 0)
			MUST(ntmm_machine_check(s->machine));
	}
}

static void run(struct scene *s, void (*copy)(void *, unsigned))
{
	struct runner runners[COPIERS + 1];
	race_begin(TESTS);
	for (unsigned i = 0; i < COPIERS; i++)
		race_start(&runners[i], copy, s, i);
	race_start(&runners[COPIERS], write_always, s, COPIERS);
	race_join(runners, COPIERS + 1);
}

/* ---- copies ---------------------------------------------------------------------------------- */

static void take_words(const struct shower *own, uint64_t page, uint64_t *words)
{
	for (uint64_t w = 1; w < WORDS; w++) {
		words[w] = must_load(own->thread, own->view + page * PAGE + w * 8);
		MUST(is_whole(words[w]));
	}
}

static DWORD protection(const struct shower *own, uint64_t page)
{
	MEMORY_BASIC_INFORMATION info;
	MUST(VirtualQueryEx(own->process, pointer(own->view + page * PAGE), &info, sizeof info));
	return info.Protect;
}

/* One page is copied by a store to a word that nobody else writes; it does not change then. */
static void copy_one(struct shower *own, uint64_t page, uint64_t *chance)
{
	uint64_t at = own->view + page * PAGE, first[WORDS], again[WORDS];
	if (draw(chance) % 2)
		must_load(own->thread, at + 8);
	must_store(own->thread, at, page + 1);
	take_words(own, page, first);
	for (unsigned n = draw(chance) % 4; n; n--) {
		if (draw(chance) % 4 == 0)
			MUST(EmptyWorkingSet(own->process));
		race_pause(chance);
	}
	take_words(own, page, again);
	for (unsigned w = 1; w < WORDS; w++)
		MUST(first[w] == again[w]);
	MUST(must_load(own->thread, at) == page + 1);
	MUST(protection(own, page) == PAGE_READWRITE);
}

static void copy_pages(void *context, unsigned number)
{
	struct scene *s = context;
	struct shower *own = &s->copiers[number];
	uint64_t chance = number;
	while (race_goes_on()) {
		own->view = race_view(s->section, own->process, PAGE_WRITECOPY);
		for (unsigned n = 0; n < PAGES / 2; n++)
			copy_one(own, draw(&chance) % PAGES, &chance);
		race_unmap(own->process, own->view);
	}
}

static void copies(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 80);
	run(&s, copy_pages);
	for (uint64_t page = 0; page < PAGES; page++) /* nothing of the copies has come through */
		MUST(must_load(s.writer.thread, s.writer.view + page * PAGE) == 0);
	end(&s);
}

/* ---- two threads, one copy ------------------------------------------------------------------- */

/* Another thread of the process reads the page meanwhile: the shared one, then the copy; never back. */
struct watched {
	struct shower *own;
	_Atomic uint64_t view;   /* 0: none now; odd: over */
	_Atomic uint64_t number; /* of the view */
};

static void read_along(void *context, unsigned number)
{
	struct watched *w = context;
	ntmm_thread *thread = race_thread(w->own->process);
	uint64_t view, value, now, last = 0, of = 0;
	(void)number;
	/* The number first: while it stays, the view is the one that it had. */
	while (now = atomic_load(&w->number), !((view = atomic_load(&w->view)) & 1)) {
		if (!view || !ntmm_load64(thread, view, &value) || atomic_load(&w->number) != now)
			continue;
		MUST(of != now || value >= last);
		last = value;
		of = now;
	}
	ntmm_thread_destroy(thread);
}

static void copy_watched(void *context, unsigned number)
{
	struct scene *s = context;
	struct watched w = {.own = &s->copiers[number]};
	struct runner reader;
	race_start(&reader, read_along, &w, number);
	while (race_goes_on()) {
		w.own->view = race_view(s->section, w.own->process, PAGE_WRITECOPY);
		atomic_store(&w.view, w.own->view);
		for (uint64_t n = 1; n < 200; n++)
			must_store(w.own->thread, w.own->view, n);
		atomic_store(&w.view, 0);
		atomic_fetch_add(&w.number, 1);
		race_unmap(w.own->process, w.own->view);
	}
	atomic_store(&w.view, 1);
	race_join(&reader, 1);
}

static void seen_by_threads(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 80);
	run(&s, copy_watched);
	end(&s);
}

/* ---- protection and locks -------------------------------------------------------------------- */

/* CW-6: once VirtualProtect has returned a store copies; before, it is for all. */
static void protect_pages(void *context, unsigned number)
{
	struct scene *s = context;
	struct shower *own = &s->copiers[number];
	uint64_t chance = number, words[WORDS], again[WORDS];
	DWORD old;
	while (race_goes_on()) {
		uint64_t page = draw(&chance) % PAGES;
		own->view = race_view(s->section, own->process, PAGE_READWRITE);
		uint64_t at = own->view + page * PAGE;
		must_store(own->thread, at + PAGE / 2 + number * 8, 1); /* dirty, and a translation */
		MUST(VirtualProtectEx(own->process, pointer(at), PAGE, PAGE_WRITECOPY, &old));
		must_store(own->thread, at, 1);
		take_words(own, page, words);
		MUST(VirtualProtectEx(own->process, pointer(at), PAGE, PAGE_READWRITE, &old));
		MUST(old == PAGE_READWRITE);
		take_words(own, page, again);
		for (unsigned w = 1; w < WORDS; w++)
			MUST(words[w] == again[w]);
		race_unmap(own->process, own->view);
	}
}

static void protections(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 80);
	run(&s, protect_pages);
	for (uint64_t page = 0; page < PAGES; page++)
		MUST(must_load(s.writer.thread, s.writer.view + page * PAGE) == 0);
	end(&s);
}

/* VL-8: locked pages stay in the working set, also when they are copied, whoever else lets go of them. */
static void lock_pages(void *context, unsigned number)
{
	struct scene *s = context;
	struct shower *own = &s->copiers[number];
	uint64_t chance = number;
	own->view = race_view(s->section, own->process, PAGE_WRITECOPY);
	while (race_goes_on()) {
		uint64_t base = own->view + draw(&chance) % PAGES * PAGE, size = PAGE;
		PSAPI_WORKING_SET_EX_INFORMATION entry = {.VirtualAddress = pointer(base)};
		NTSTATUS status = NtLockVirtualMemory(own->process, &base, &size, 1);
		MUST(status == STATUS_SUCCESS || status == STATUS_WORKING_SET_QUOTA);
		if (status)
			continue;
		if (draw(&chance) % 4 == 0)
			must_store(own->thread, base, 1);
		race_pause(&chance);
		MUST(QueryWorkingSetEx(own->process, &entry, sizeof entry));
		MUST(entry.VirtualAttributes.Valid && entry.VirtualAttributes.Locked);
		MUST(NtUnlockVirtualMemory(own->process, &base, &size, 1) == STATUS_SUCCESS);
		if (draw(&chance) % 64)
			continue;
		race_unmap(own->process, own->view);
		own->view = race_view(s->section, own->process, PAGE_WRITECOPY);
	}
}

static void locks(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 110);
	run(&s, lock_pages);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies),
		cmocka_unit_test(seen_by_threads),
		cmocka_unit_test(protections),
		cmocka_unit_test(locks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
