/* SPDX-License-Identifier: MIT
 *
 * NTMM_MACHINE_THREADS: what is otherwise done in steps by whoever needs it happens by itself.
 */
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "place.h"

#define FRAMES 512
#define SLOTS 2048
#define PATIENCE 20 /* seconds, for what takes milliseconds */

struct scene {
	ntmm_machine *machine;
	HANDLE process;
	ntmm_thread *thread;
};

static void begin(struct scene *s)
{
	const ntmm_machine_config config = {.size = sizeof config,
	                                    .flags = NTMM_MACHINE_THREADS,
	                                    .ram_bytes = FRAMES * PAGE,
	                                    .paging_file_bytes = SLOTS * PAGE};
	assert_int_equal(ntmm_machine_create(&config, &s->machine), STATUS_SUCCESS);
	s->process = ntmm_process_create(s->machine, NTMM_LAYOUT_NT32_2GB);
	assert_non_null(s->process);
	s->thread = ntmm_thread_create(s->process, NULL);
	assert_non_null(s->thread);
}

static void end(struct scene *s)
{
	ntmm_thread_destroy(s->thread);
	CloseHandle(s->process);
	assert_true(ntmm_machine_check(s->machine));
	ntmm_machine_destroy(s->machine);
}

static uint64_t commit(const struct scene *s, uint64_t pages)
{
	void *base = VirtualAllocEx(s->process, NULL, pages * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	assert_non_null(base);
	return (uintptr_t)base;
}

static void store_all(const struct scene *s, uint64_t base, uint64_t pages)
{
	for (uint64_t page = 0; page < pages; page++)
		assert_true(ntmm_store64(s->thread, base + page * PAGE, base + page));
}

static void load_all(const struct scene *s, uint64_t base, uint64_t pages)
{
	uint64_t value;
	for (uint64_t page = 0; page < pages; page++) {
		assert_true(ntmm_load64(s->thread, base + page * PAGE, &value));
		assert_int_equal(value, base + page);
	}
}

static ntmm_machine_counters counters(const struct scene *s)
{
	ntmm_machine_counters c = {.size = sizeof c};
	assert_int_equal(ntmm_machine_get_counters(s->machine, &c), STATUS_SUCCESS);
	return c;
}

/* Waits for it, while nobody touches anything. */
static void comes_true(const struct scene *s, bool (*condition)(const ntmm_machine_counters *c))
{
	time_t begun = time(NULL);
	ntmm_machine_counters c;
	for (c = counters(s); !condition(&c); c = counters(s)) {
		assert_true(time(NULL) - begun < PATIENCE);
		sched_yield();
	}
}

static bool free_is_zeroed(const ntmm_machine_counters *c)
{
	return c->free < 8 && c->zeroed > FRAMES / 2;
}

/* PG-38 */
static void free_frames_are_zeroed(void **state)
{
	struct scene s;
	(void)state;
	begin(&s);
	uint64_t base = commit(&s, 400), value;
	store_all(&s, base, 400);
	assert_true(VirtualFreeEx(s.process, (void *)(uintptr_t)base, 0, MEM_RELEASE));
	comes_true(&s, free_is_zeroed);
	base = commit(&s, 400);
	for (uint64_t page = 0; page < 400; page++)
		assert_true(ntmm_load64(s.thread, base + page * PAGE, &value) && value == 0);
	end(&s);
}

static bool few_are_modified(const ntmm_machine_counters *c)
{
	return c->modified <= FRAMES / 8 && c->transition == 0 && c->standby >= 200;
}

/* PG-60 */
static void modified_pages_are_written(void **state)
{
	struct scene s;
	(void)state;
	begin(&s);
	uint64_t base = commit(&s, 300);
	store_all(&s, base, 300);
	assert_true(EmptyWorkingSet(s.process));
	comes_true(&s, few_are_modified);
	assert_true(counters(&s).page_outs >= 200);
	load_all(&s, base, 300);
	end(&s);
}

static bool some_are_available(const ntmm_machine_counters *c)
{
	return c->zeroed + c->free + c->standby >= FRAMES / 32 && c->trimmed;
}

/* PG-50, PG-52 */
static void working_sets_are_trimmed(void **state)
{
	struct scene s;
	(void)state;
	begin(&s);
	uint64_t base = commit(&s, 3 * FRAMES);
	store_all(&s, base, 3 * FRAMES);
	comes_true(&s, some_are_available);
	load_all(&s, base, 3 * FRAMES);
	assert_true(counters(&s).page_ins >= 2 * FRAMES);
	end(&s);
}

static void count_event(void *context, const ntmm_event *event)
{
	atomic_uint_fast64_t *page_outs = context;
	*page_outs += event->kind == NTMM_EVENT_PAGE_OUT;
}

/* They come from whatever thread, but they come. */
static void observers_are_told(void **state)
{
	struct scene s;
	atomic_uint_fast64_t page_outs = 0;
	(void)state;
	begin(&s);
	assert_int_equal(ntmm_machine_observe(s.machine, count_event, &page_outs), STATUS_SUCCESS);
	store_all(&s, commit(&s, 300), 300);
	assert_true(EmptyWorkingSet(s.process));
	comes_true(&s, few_are_modified);
	assert_int_equal(ntmm_machine_observe(s.machine, NULL, NULL), STATUS_SUCCESS);
	assert_int_equal(page_outs, counters(&s).page_outs);
	end(&s);
}

/* In the middle of their work, and before they have begun. */
static void they_end_with_the_machine(void **state)
{
	(void)state;
	for (uint64_t pages = 0; pages < 400; pages += 50) {
		struct scene s;
		begin(&s);
		store_all(&s, commit(&s, pages + 1), pages + 1);
		ntmm_machine *machine = s.machine;
		ntmm_thread_destroy(s.thread);
		if (pages % 100)
			assert_true(EmptyWorkingSet(s.process));
		ntmm_machine_destroy(machine);
		CloseHandle(s.process);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_frames_are_zeroed),
		cmocka_unit_test(modified_pages_are_written),
		cmocka_unit_test(working_sets_are_trimmed),
		cmocka_unit_test(observers_are_told),
		cmocka_unit_test(they_end_with_the_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
