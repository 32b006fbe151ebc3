/* SPDX-License-Identifier: MIT
 *
 * Paging files that fail: in growing, in the middle of a write, for a while, for good. Whatever
 * happens, an access ends in success or raises STATUS_IN_PAGE_ERROR (EX-7, PG-45) after a bounded
 * number of transfers, what is read is what was stored, and the machine's counts agree.
 */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "place.h"
#include "support/schedule.h"

#define RAM (96 * PAGE)
#define PAGES 300          /* three times what RAM holds */
#define MANY (256 * PAGE)
#define TOO_LONG 300       /* seconds, for one test */
#define MOST_TRANSFERS 400 /* that one access may make */

/* A process's pages, and what is in them. */
struct scene {
	struct place place;
	struct schedule *schedules; /* of the files */
	uint32_t files;
	char *base;
	uint64_t words[PAGES];
	uint64_t chance, refusals;
};

static uint64_t draw(struct scene *s)
{
	uint64_t z = (s->chance += UINT64_C(0x9E3779B97F4A7C15));
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

/* Files in memory, one for each schedule, of so many pages. */
static ntmm_machine *machine_with(struct schedule *schedules, uint32_t files, uint64_t initial,
                                  uint64_t maximum)
{
	ntmm_paging_file file[NTMM_PAGING_FILES];
	ntmm_machine *machine = NULL;
	for (uint32_t i = 0; i < files; i++)
		file[i] = (ntmm_paging_file){.initial_bytes = initial * PAGE,
		                             .maximum_bytes = maximum * PAGE,
		                             .kind = NTMM_PAGING_FILE_MEMORY,
		                             .schedule = schedule_judge,
		                             .schedule_context = &schedules[i]};
	ntmm_machine_config config = {.size = sizeof config,
	                              .flags = test_mode(),
	                              .ram_bytes = RAM,
	                              .paging_files = file,
	                              .paging_file_count = files};
	if (ntmm_machine_create(&config, &machine))
		fail_msg("no machine: %s", ntmm_error_message());
	return machine;
}

static void begin(struct scene *s, struct schedule *schedules, uint32_t files, uint64_t pages)
{
	alarm(TOO_LONG);
	*s = (struct scene){.schedules = schedules, .files = files};
	s->place.machine = machine_with(schedules, files, pages, pages);
	place_enter(&s->place, NTMM_LAYOUT_NT64_128TB);
	s->base = must_commit(PAGES * PAGE, PAGE_READWRITE);
}

static void check(const struct scene *s)
{
	if (!ntmm_machine_check(s->place.machine))
		fail_msg("%s", ntmm_error_message());
}

static ntmm_paging_file_counters file_counters(const struct scene *s, uint32_t number)
{
	ntmm_paging_file_counters c = {.size = sizeof c};
	assert_int_equal(ntmm_machine_get_paging_file(s->place.machine, number, &c),
	                 STATUS_SUCCESS);
	return c;
}

static void end(struct scene *s)
{
	check(s);
	assert_true(VirtualFree(s->base, 0, MEM_RELEASE));
	check(s);
	assert_int_equal(test_rest(s->place.machine).slots_used, 0);
	place_leave(&s->place);
	ntmm_machine_destroy(s->place.machine);
	alarm(0);
}

/* ---- accesses ------------------------------------------------------------------------------ */

static uint64_t transfers(const struct scene *s)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < s->files; i++)
		for (int kind = 0; kind < NTMM_TRANSFER_KINDS; kind++)
			sum += s->schedules[i].met[kind];
	return sum;
}

static uint64_t address_of_word(const struct scene *s, unsigned i)
{
	return address_in(s->base) + (uint64_t)i * PAGE + i % 512 * 8;
}

static void note_refusal(struct scene *s)
{
	const EXCEPTION_RECORD *record = ntmm_thread_exception(s->place.thread);
	assert_int_equal(record->ExceptionCode, (DWORD)STATUS_IN_PAGE_ERROR);
	s->refusals++;
}

static void store(struct scene *s, unsigned i)
{
	uint64_t value = draw(s), before = transfers(s);
	if (ntmm_store64(s->place.thread, address_of_word(s, i), value))
		s->words[i] = value;
	else
		note_refusal(s);
	assert_true(transfers(s) - before <= MOST_TRANSFERS);
}

static void load(struct scene *s, unsigned i)
{
	uint64_t value = ~s->words[i], before = transfers(s);
	if (!ntmm_load64(s->place.thread, address_of_word(s, i), &value))
		note_refusal(s);
	else if (value != s->words[i])
		fail_msg("page %u holds %" PRIx64 ", not %" PRIx64, i, value, s->words[i]);
	assert_true(transfers(s) - before <= MOST_TRANSFERS);
}

static void store_all(struct scene *s)
{
	for (unsigned i = 0; i < PAGES; i++)
		store(s, i);
}

/* Each page is there, whole. */
static void compare_all(struct scene *s)
{
	static uint64_t page[PAGE / 8], expected[PAGE / 8];
	for (unsigned i = 0; i < PAGES; i++) {
		load(s, i);
		SIZE_T done = 0;
		if (!ReadProcessMemory(s->place.process, s->base + i * PAGE, page, PAGE, &done)) {
			s->refusals++;
			continue;
		}
		expected[i % 512] = s->words[i];
		assert_memory_equal(page, expected, PAGE);
		expected[i % 512] = 0;
	}
}

static void anything(struct scene *s, unsigned accesses)
{
	while (accesses--) {
		uint64_t r = draw(s);
		(r & 1 ? store : load)(s, (unsigned)((r >> 8) % PAGES));
	}
}

/* ---- one thing goes wrong ------------------------------------------------------------------ */

/* ENOSPC, EIO, or a write that stops in the middle: nobody notices. */
static void a_write(void **state)
{
	static const struct schedule_rule wrong[] = {
		{.kinds = OF_KIND(WRITE), .error = ENOSPC},
		{.kinds = OF_KIND(WRITE), .error = EIO},
		{.kinds = OF_KIND(WRITE), .error = EIO, .done = 7},
		{.kinds = OF_KIND(WRITE), .error = ENOSPC, .done = 1},
	};
	(void)state;
	for (unsigned n = 0; n < 32; n++) {
		struct schedule schedule = {.rules = {wrong[n % 4]}};
		struct scene s;
		schedule.rules[0].first = n + 1;
		begin(&s, &schedule, 1, 400);
		store_all(&s);
		compare_all(&s);
		anything(&s, 1000);
		compare_all(&s);
		assert_int_equal(schedule.failed[NTMM_TRANSFER_WRITE], 1);
		assert_int_equal(s.refusals, 0);
		ntmm_paging_file_counters c = file_counters(&s, 0);
		assert_true(c.bad <= 1); /* if it was one page alone */
		assert_int_equal(c.write_errors, 1);
		assert_false(c.failed);
		end(&s);
	}
}

/* A page of the file that never takes anything: found, and left alone from then on. */
static void a_bad_page(void **state)
{
	struct schedule schedule = {
		.rules = {{.kinds = OF_KIND(WRITE), .last = FOR_GOOD, .page = 200, .error = EIO}}};
	struct scene s;
	(void)state;
	begin(&s, &schedule, 1, 330);
	for (int round = 0; round < 5; round++) {
		store_all(&s);
		compare_all(&s);
	}
	assert_int_equal(s.refusals, 0);
	ntmm_paging_file_counters c = file_counters(&s, 0);
	assert_int_equal(c.bad, 1);
	assert_true(c.write_errors <= 2); /* in a cluster, and alone */
	assert_int_equal(counters_of(&s.place).slots, 329);
	end(&s);
}

/* A read fails: one access at most is refused, and the page is there the next time. */
static void a_read(void **state)
{
	(void)state;
	for (unsigned n = 1; n < 30; n++) {
		struct schedule schedule = {
			.rules = {{.kinds = OF_KIND(READ), .first = n, .error = EIO}}};
		schedule.rules[0].done = n % 3;
		struct scene s;
		begin(&s, &schedule, 1, 400);
		store_all(&s);
		compare_all(&s);
		assert_true(s.refusals <= 1);
		uint64_t before = s.refusals;
		compare_all(&s);
		assert_int_equal(s.refusals, before);
		assert_int_equal(schedule.failed[NTMM_TRANSFER_READ], 1);
		end(&s);
	}
}

/* ---- growing ------------------------------------------------------------------------------- */

/* CM-4: a file that cannot grow leaves it to the next; when none can, 1455, until one can again. */
static void growing(void **state)
{
	struct schedule schedules[2] = {
		{.rules = {{.kinds = OF_KIND(GROW), .last = FOR_GOOD, .error = ENOSPC}}},
		{.rules = {{.kinds = OF_KIND(GROW), .first = 2, .last = 5, .error = ENOSPC}}},
	};
	struct scene s = {.schedules = schedules, .files = 2};
	(void)state;
	alarm(TOO_LONG);
	s.place.machine = machine_with(schedules, 2, 1, 600);
	place_enter(&s.place, NTMM_LAYOUT_NT32_2GB);
	uint64_t limit = counters_of(&s.place).commit_limit;
	s.base = must_commit(PAGES * PAGE, PAGE_READWRITE);
	assert_true(counters_of(&s.place).commit_limit > limit);
	assert_int_equal(file_counters(&s, 0).pages, 1);
	limit = counters_of(&s.place).commit_limit;
	for (int n = 0; n < 2; n++) /* each tries the whole step, then what is missing */
		assert_fails(VirtualAlloc(NULL, MANY, MEM_RESERVE | MEM_COMMIT, PAGE_READONLY),
		             ERROR_COMMITMENT_LIMIT);
	assert_int_equal(counters_of(&s.place).commit_limit, limit);
	assert_non_null(VirtualAlloc(NULL, MANY, MEM_RESERVE | MEM_COMMIT, PAGE_READONLY));
	assert_true(schedules[0].failed[NTMM_TRANSFER_GROW] > 0);
	assert_int_equal(schedules[1].failed[NTMM_TRANSFER_GROW], 4);
	store_all(&s);
	compare_all(&s);
	assert_int_equal(s.refusals, 0);
	end(&s);
}

/* CM-5: RAM and files full and dirty, whatever can be committed; every page touched again and
 * again. */
static void to_the_brim(void **state)
{
	struct schedule schedules[3] = {{.rules = {{0}}}};
	struct place place = {.machine = machine_with(schedules, 3, 50, 150)};
	uint64_t pages = 0;
	(void)state;
	alarm(TOO_LONG);
	place_enter(&place, NTMM_LAYOUT_NT64_8TB);
	char *base = VirtualAlloc(NULL, 1 << 22, MEM_RESERVE, PAGE_READWRITE);
	while (VirtualAlloc(base + pages * PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE))
		pages++;
	assert_int_equal(GetLastError(), ERROR_COMMITMENT_LIMIT);
	assert_int_equal(counters_of(&place).slots, 450);
	assert_true(pages > 450 && pages < 450 + 96);
	for (unsigned round = 0; round < 4; round++) {
		for (uint64_t i = 0; i < pages; i++)
			store_at(&place, base + i * PAGE + i, (uint8_t)(i + round));
		for (uint64_t i = pages; i--;)
			assert_int_equal(load_at(&place, base + i * PAGE + i),
			                 (uint8_t)(i + round));
		assert_true(ntmm_machine_check(place.machine));
	}
	place_leave(&place);
	ntmm_machine_destroy(place.machine);
	alarm(0);
}

/* ---- for good ------------------------------------------------------------------------------ */

static struct schedule no_write_from(uint64_t number)
{
	struct schedule schedule = {
		.rules = {{.kinds = OF_KIND(WRITE), .last = FOR_GOOD, .error = EIO}}};
	schedule.rules[0].first = number;
	return schedule;
}

/* The only file takes no more writes: accesses are refused once RAM is full of what cannot be
 * written; the limit falls by what the file cannot hold any more. Another file, and all is well. */
static void the_only_file(void **state)
{
	(void)state;
	for (unsigned n = 1; n < 30; n += 9) {
		struct schedule schedules[2] = {no_write_from(n)};
		ntmm_paging_file another = {.initial_bytes = 400 * PAGE,
		                            .maximum_bytes = 400 * PAGE,
		                            .kind = NTMM_PAGING_FILE_MEMORY,
		                            .schedule = schedule_judge,
		                            .schedule_context = &schedules[1]};
		struct scene s;
		begin(&s, schedules, 1, 400);
		ntmm_machine_counters before = counters_of(&s.place);
		store_all(&s);
		anything(&s, 1000);
		compare_all(&s);
		check(&s);
		ntmm_paging_file_counters c = file_counters(&s, 0);
		ntmm_machine_counters now = counters_of(&s.place);
		assert_true(s.refusals > 0 && c.failed && c.write_errors >= 64);
		assert_int_equal(now.slots, c.used);
		assert_int_equal(now.commit_limit, before.commit_limit - before.slots + c.used);
		assert_int_equal(c.writes, schedules[0].met[NTMM_TRANSFER_WRITE]);
		assert_fails(VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
		             ERROR_COMMITMENT_LIMIT);
		assert_int_equal(ntmm_machine_add_paging_file(s.place.machine, &another),
		                 STATUS_SUCCESS);
		s.refusals = 0;
		compare_all(&s);
		store_all(&s);
		compare_all(&s);
		assert_int_equal(s.refusals, 0);
		assert_int_equal(file_counters(&s, 0).writes, c.writes);
		end(&s);
	}
}

/* One of two fails for good: the other takes everything, nobody notices; what was written to the
 * first is read from it. */
static void one_of_two(void **state)
{
	(void)state;
	for (unsigned n = 1; n < 14; n += 2) {
		struct schedule schedules[2] = {no_write_from(n)};
		struct scene s;
		begin(&s, schedules, 2, 400);
		store_all(&s);
		compare_all(&s);
		for (int i = 0; i < 100 && !file_counters(&s, 0).failed; i++)
			store_all(&s);
		compare_all(&s);
		ntmm_paging_file_counters c = file_counters(&s, 0);
		assert_int_equal(s.refusals, 0);
		assert_true(c.failed);
		assert_int_equal(counters_of(&s.place).slots, 400 + c.used);
		end(&s);
	}
}

/* ---- any of it, by chance ------------------------------------------------------------------ */

/* One file fails now and then, one for a while, one is slow. */
static const struct schedule any_of_it[3] = {
	{.rules = {{OF_KIND(WRITE), 0, FOR_GOOD, .percent = 30, .error = EIO, .done = 2},
                   {OF_KIND(READ), 0, FOR_GOOD, .percent = 5, .error = EIO}}},
	{.rules = {{OF_KIND(WRITE), 5, 25, .error = ENOSPC},
                   {OF_KIND(READ), 20, 30, .error = EIO, .done = 1}}},
	{.rules = {{ALL_KINDS, 0, FOR_GOOD, .percent = 20, .delay = 300}}},
};

static void heal(struct schedule *schedules, uint32_t files)
{
	for (uint32_t i = 0; i < files; i++)
		for (int rule = 0; rule < SCHEDULE_RULES; rule++)
			schedules[i].rules[rule].kinds = 0;
}

/* What happens to three files; then they work again, and all is there. */
static void by_chance(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct schedule schedules[3];
		struct scene s;
		memcpy(schedules, any_of_it, sizeof schedules);
		for (int i = 0; i < 3; i++)
			schedules[i].seed = seed * 3 + (uint64_t)i;
		begin(&s, schedules, 3, 200);
		s.chance = seed;
		store_all(&s);
		anything(&s, 4000);
		compare_all(&s);
		check(&s);
		heal(schedules, 3);
		ntmm_machine_counters c = counters_of(&s.place);
		s.refusals = 0;
		compare_all(&s);
		if (c.commit_total > c.commit_limit || s.refusals)
			fail_msg("seed %lu: %lu refusals, commit %lu of %lu", seed, s.refusals,
			         c.commit_total, c.commit_limit);
		assert_true(schedules[0].failed[NTMM_TRANSFER_WRITE] > 0);
		end(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write),
		cmocka_unit_test(a_bad_page),
		cmocka_unit_test(a_read),
		cmocka_unit_test(growing),
		cmocka_unit_test(to_the_brim),
		cmocka_unit_test(the_only_file),
		cmocka_unit_test(one_of_two),
		cmocka_unit_test(by_chance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
