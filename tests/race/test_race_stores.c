/* SPDX-License-Identifier: MIT
 *
 * Paging files that grow, are added, are slow and fail, while several host threads page: what is
 * read is what was stored, and the counts agree.
 */
#include "race.h"

#include <errno.h>
#include <unistd.h>

#include "support/mode.h"
#include "support/schedule.h"

#define TESTS 3
#define RUNNERS 3
#define FRAMES 100
#define BLOCKS 8
#define BLOCK 32      /* pages that are committed and decommitted together */
#define TOO_LONG 600  /* seconds */

struct scene {
	ntmm_machine *machine;
	struct schedule schedules[NTMM_PAGING_FILES];
	bool fails; /* accesses may be refused */
	_Atomic uint64_t limited, stores;
};

/* ---- the runners --------------------------------------------------------------------------- */

struct own {
	struct scene *scene;
	HANDLE process;
	ntmm_thread *thread;
	uint64_t base, chance;
	bool there[BLOCKS];
	uint64_t words[BLOCKS * BLOCK];
};

static uint64_t place_of(const struct own *own, uint64_t page)
{
	return own->base + page * PAGE + page * 8 % PAGE;
}

static void note_refusal(const struct own *own)
{
	MUST(own->scene->fails);
	MUST(ntmm_thread_exception(own->thread)->ExceptionCode == (DWORD)STATUS_IN_PAGE_ERROR);
}

static void use(struct own *own, uint64_t page)
{
	uint64_t value = draw(&own->chance);
	if (value % 2) {
		if (ntmm_store64(own->thread, place_of(own, page), value)) {
			own->words[page] = value;
			own->scene->stores++;
		} else {
			note_refusal(own);
		}
	} else if (ntmm_load64(own->thread, place_of(own, page), &value)) {
		MUST(value == own->words[page]);
	} else {
		note_refusal(own);
	}
}

static void commit(struct own *own, uint64_t block)
{
	void *at = pointer(own->base + block * BLOCK * PAGE);
	own->there[block] =
		VirtualAllocEx(own->process, at, BLOCK * PAGE, MEM_COMMIT, PAGE_READWRITE);
	MUST(own->there[block] || GetLastError() == ERROR_COMMITMENT_LIMIT);
	own->scene->limited += !own->there[block];
	for (uint64_t i = 0; i < BLOCK; i++)
		own->words[block * BLOCK + i] = 0;
}

static void decommit(struct own *own, uint64_t block)
{
	void *at = pointer(own->base + block * BLOCK * PAGE);
	MUST(VirtualFreeEx(own->process, at, BLOCK * PAGE, MEM_DECOMMIT));
	own->there[block] = false;
}

/* Until there is room for it. */
static HANDLE new_process(struct own *own, ntmm_layout layout)
{
	HANDLE process;
	while (!(process = ntmm_process_create(own->scene->machine, layout))) {
		MUST(GetLastError() == ERROR_COMMITMENT_LIMIT);
		race_pause(&own->chance);
	}
	return process;
}

static void run(void *context, unsigned number)
{
	struct own own = {.scene = context, .chance = number};
	own.process = new_process(&own, (ntmm_layout)(number % NTMM_LAYOUT_WIN9X));
	own.thread = race_thread(own.process);
	own.base = (uintptr_t)VirtualAllocEx(own.process, NULL, BLOCKS * BLOCK * PAGE, MEM_RESERVE,
	                                     PAGE_READWRITE);
	MUST(own.base);
	while (race_goes_on()) {
		uint64_t block = draw(&own.chance) % BLOCKS;
		if (!own.there[block])
			commit(&own, block);
		for (int i = 0; own.there[block] && i < 50; i++)
			use(&own, block * BLOCK + draw(&own.chance) % BLOCK);
		if (own.there[block] && draw(&own.chance) % 40 == 0)
			decommit(&own, block);
	}
	ntmm_thread_destroy(own.thread);
	MUST(CloseHandle(own.process));
}

/* ---- machines ------------------------------------------------------------------------------ */

static ntmm_paging_file file_of(struct scene *scene, uint32_t number, uint64_t initial,
                                uint64_t maximum)
{
	return (ntmm_paging_file){.initial_bytes = initial * PAGE,
	                          .maximum_bytes = maximum * PAGE,
	                          .kind = NTMM_PAGING_FILE_MEMORY,
	                          .schedule = schedule_judge,
	                          .schedule_context = &scene->schedules[number]};
}

static void begin(struct scene *scene, const ntmm_paging_file *files, uint32_t count)
{
	ntmm_machine_config config = {.size = sizeof config,
	                              .flags = test_mode(),
	                              .ram_bytes = FRAMES * PAGE,
	                              .paging_files = files,
	                              .paging_file_count = count};
	alarm(TOO_LONG);
	race_begin(TESTS);
	MUST(!ntmm_machine_create(&config, &scene->machine));
}

static void run_all(struct scene *scene, void (*besides)(void *context, unsigned number))
{
	struct runner runners[RUNNERS], other;
	if (besides)
		race_start(&other, besides, scene, 0);
	for (unsigned i = 0; i < RUNNERS; i++)
		race_start(&runners[i], run, scene, i);
	race_join(runners, RUNNERS);
	if (besides)
		race_join(&other, 1);
	MUST(scene->stores > 100);
	ntmm_machine_balance(scene->machine, 1); /* tables that could not be read */
	race_machine_end(scene->machine);
	alarm(0);
}

/* ---- tests --------------------------------------------------------------------------------- */

/* Files are added until there are 16; the counts are looked at meanwhile. */
static void add_files(void *context, unsigned number)
{
	struct scene *scene = context;
	uint64_t chance = 77 + number;
	uint32_t files = 1;
	while (race_goes_on()) {
		ntmm_paging_file_counters c = {.size = sizeof c};
		ntmm_paging_file file = file_of(scene, files % NTMM_PAGING_FILES, 5, 80);
		bool fits = files < NTMM_PAGING_FILES;
		MUST(ntmm_machine_add_paging_file(scene->machine, &file) ==
		     (fits ? STATUS_SUCCESS : STATUS_TOO_MANY_PAGING_FILES));
		files += fits;
		MUST(!ntmm_machine_get_paging_file(scene->machine, files - 1, &c));
		MUST(c.pages >= 5 && c.maximum_pages == 80 && c.used <= c.pages && !c.failed);
		for (int i = 0; race_goes_on() && i < 200; i++)
			race_pause(&chance);
	}
}

/* CM-1, CM-4, PG-62: the limit rises as files grow and come, and nobody is refused an access. */
static void grow_and_come(void **state)
{
	static struct scene scene;
	(void)state;
	ntmm_paging_file file = file_of(&scene, 0, 1, 40);
	begin(&scene, &file, 1);
	run_all(&scene, add_files);
	MUST(scene.limited > 0);
}

/* Delays of all kinds: a fault waits for the transfer it needs, and for no other's end in vain. */
static void slow(void **state)
{
	static struct scene scene;
	(void)state;
	ntmm_paging_file files[2];
	for (uint32_t i = 0; i < 2; i++) {
		scene.schedules[i] = (struct schedule){
			.rules = {{ALL_KINDS, 0, FOR_GOOD, .percent = 30, .delay = 500}},
			.seed = i + 1};
		files[i] = file_of(&scene, i, 10, 400);
	}
	begin(&scene, files, 2);
	run_all(&scene, NULL);
}

/* One fails now and then in every way, one for good after a while; the third is sound. */
static void failing(void **state)
{
	static struct scene scene = {
		.fails = true,
		.schedules[0].rules = {{OF_KIND(WRITE), 0, FOR_GOOD, 20, .error = EIO, .done = 3},
		                       {OF_KIND(READ), 0, FOR_GOOD, 5, .error = EIO},
		                       {OF_KIND(GROW), 0, FOR_GOOD, 50, .error = ENOSPC}},
		.schedules[1].rules = {{OF_KIND(WRITE), 200, FOR_GOOD, .error = ENOSPC},
		                       {OF_KIND(READ), 500, 520, .error = EIO}}};
	(void)state;
	ntmm_paging_file files[3];
	for (uint32_t i = 0; i < 3; i++)
		files[i] = file_of(&scene, i, 20, 300);
	begin(&scene, files, 3);
	run_all(&scene, NULL);
	MUST(scene.schedules[0].failed[NTMM_TRANSFER_WRITE] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grow_and_come),
		cmocka_unit_test(slow),
		cmocka_unit_test(failing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
