/* SPDX-License-Identifier: MIT
 *
 * A page that is being written stays usable (PG-61): a fault takes it back without waiting; what
 * becomes of its slot depends on what happened to it before the write ended.
 *
 * The write is held up by the paging file's schedule, so that all this is exact.
 */
#include "race.h"

#include <errno.h>
#include <sched.h>

#define PAGES 8 /* written in one transfer */
#define RAM_FRAMES 256

struct held {
	ntmm_machine *machine;
	HANDLE process;
	ntmm_thread *thread;
	uint64_t base;
	struct runner writer;
	uint64_t slots_before;
	int error;             /* with which the write fails */
	_Atomic bool hold;     /* writes wait while it is true */
	_Atomic bool waiting;  /* one does */
};

static void hold_write(void *context, ntmm_transfer *transfer)
{
	struct held *h = context;
	if (transfer->kind != NTMM_TRANSFER_WRITE)
		return;
	h->waiting = true;
	while (h->hold)
		sched_yield();
	transfer->error = h->error;
}

static ntmm_machine_counters counters(const struct held *h)
{
	ntmm_machine_counters c = {.size = sizeof c};
	MUST(!ntmm_machine_get_counters(h->machine, &c));
	return c;
}

static ntmm_page_info page_info(const struct held *h, uint64_t page)
{
	ntmm_page_info info = {.size = sizeof info};
	MUST(!ntmm_process_page_info(h->process, h->base + page * PAGE, &info));
	return info;
}

static void store(const struct held *h, uint64_t page, uint64_t value)
{
	MUST(ntmm_store64(h->thread, h->base + page * PAGE + 8, value));
}

static uint64_t load(const struct held *h, uint64_t page)
{
	uint64_t value;
	MUST(ntmm_load64(h->thread, h->base + page * PAGE + 8, &value));
	return value;
}

static void write_modified(void *context, unsigned number)
{
	struct held *h = context;
	(void)number;
	ntmm_machine_write_modified(h->machine, PAGES);
}

/* A page each of 1, 2, 3 ..., all being written. */
static void begin(struct held *h, int error)
{
	*h = (struct held){.error = error, .hold = true};
	const ntmm_paging_file file = {.maximum_bytes = 64 * PAGE,
	                               .initial_bytes = 64 * PAGE,
	                               .kind = NTMM_PAGING_FILE_MEMORY,
	                               .schedule = hold_write,
	                               .schedule_context = h};
	const ntmm_machine_config config = {.size = sizeof config,
	                                    .ram_bytes = RAM_FRAMES * PAGE,
	                                    .paging_files = &file,
	                                    .paging_file_count = 1};
	MUST(!ntmm_machine_create(&config, &h->machine));
	h->process = ntmm_process_create(h->machine, NTMM_LAYOUT_NT32_2GB);
	MUST(h->process);
	h->thread = race_thread(h->process);
	h->base = race_commit(h->process, PAGES);
	for (uint64_t page = 0; page < PAGES; page++)
		store(h, page, page + 1);
	h->slots_before = counters(h).slots_used;
	MUST(EmptyWorkingSet(h->process));
	race_start(&h->writer, write_modified, h, 0);
	while (!h->waiting)
		sched_yield();
	for (uint64_t page = 0; page < PAGES; page++)
		MUST(page_info(h, page).where == NTMM_PAGE_TRANSITION);
}

static void let_write_end(struct held *h)
{
	MUST(ntmm_machine_check(h->machine));
	h->hold = false;
	race_join(&h->writer, 1);
	MUST(ntmm_machine_check(h->machine));
}

/* Everything goes to the paging file and comes back. */
static void look_again(struct held *h, uint64_t page, uint64_t value)
{
	h->error = 0;
	MUST(EmptyWorkingSet(h->process));
	ntmm_machine_write_modified(h->machine, RAM_FRAMES);
	uint64_t all = race_commit(h->process, RAM_FRAMES);
	for (uint64_t i = 0; i < RAM_FRAMES; i++)
		MUST(ntmm_store64(h->thread, all + i * PAGE, i));
	MUST(page_info(h, page).where == NTMM_PAGE_PAGED_OUT);
	MUST(load(h, page) == value);
}

static void end(struct held *h)
{
	ntmm_thread_destroy(h->thread);
	CloseHandle(h->process);
	race_machine_end(h->machine);
}

static void loaded_is_clean(void **state)
{
	struct held h;
	(void)state;
	begin(&h, 0);
	uint64_t soft = counters(&h).soft;
	MUST(load(&h, 0) == 1 && load(&h, 5) == 6); /* does not wait: the write is held */
	MUST(counters(&h).soft == soft + 2);
	MUST(page_info(&h, 0).where == NTMM_PAGE_ACTIVE);
	let_write_end(&h);
	MUST(page_info(&h, 0).where == NTMM_PAGE_ACTIVE && page_info(&h, 0).slot);
	MUST(page_info(&h, 1).where == NTMM_PAGE_STANDBY);
	MUST(!page_info(&h, 0).dirty);
	MUST(counters(&h).slots_used == h.slots_before + PAGES);
	MUST(counters(&h).page_outs == PAGES);
	look_again(&h, 0, 1);
	end(&h);
}

static void stored_is_dirty(void **state)
{
	struct held h;
	(void)state;
	begin(&h, 0);
	store(&h, 3, 99);
	MUST(counters(&h).slots_used == h.slots_before + PAGES); /* the write goes there */
	let_write_end(&h);
	MUST(page_info(&h, 3).where == NTMM_PAGE_ACTIVE && page_info(&h, 3).dirty);
	MUST(!page_info(&h, 3).slot);
	MUST(counters(&h).slots_used == h.slots_before + PAGES - 1);
	look_again(&h, 3, 99);
	end(&h);
}

/* PG-33: modified again once the write has ended. */
static void stored_and_trimmed(void **state)
{
	struct held h;
	(void)state;
	begin(&h, 0);
	store(&h, 3, 99);
	MUST(load(&h, 4) == 5);
	MUST(EmptyWorkingSet(h.process));
	MUST(page_info(&h, 3).where == NTMM_PAGE_TRANSITION);
	let_write_end(&h);
	MUST(page_info(&h, 3).where == NTMM_PAGE_MODIFIED && !page_info(&h, 3).slot);
	MUST(page_info(&h, 4).where == NTMM_PAGE_STANDBY && page_info(&h, 4).slot);
	look_again(&h, 3, 99);
	end(&h);
}

static void failed_is_dirty(void **state)
{
	struct held h;
	(void)state;
	begin(&h, EIO);
	MUST(load(&h, 2) == 3);
	store(&h, 3, 99);
	let_write_end(&h);
	MUST(page_info(&h, 2).where == NTMM_PAGE_ACTIVE && page_info(&h, 2).dirty);
	MUST(page_info(&h, 3).where == NTMM_PAGE_ACTIVE && page_info(&h, 3).dirty);
	MUST(counters(&h).slots_used == h.slots_before);
	look_again(&h, 2, 3);
	MUST(load(&h, 3) == 99);
	end(&h);
}

static void decommitted_is_gone(void **state)
{
	struct held h;
	(void)state;
	begin(&h, 0);
	MUST(load(&h, 2) == 3);
	MUST(VirtualFreeEx(h.process, pointer(h.base), PAGES * PAGE, MEM_DECOMMIT));
	MUST(VirtualAllocEx(h.process, pointer(h.base), PAGES * PAGE, MEM_COMMIT, PAGE_READWRITE));
	MUST(load(&h, 2) == 0);
	let_write_end(&h);
	MUST(load(&h, 2) == 0);
	MUST(counters(&h).slots_used == h.slots_before && counters(&h).transition == 0);
	end(&h);
}

/* VA-64, VA-69: nothing is kept of it but what is stored afterwards. */
static void reset_keeps_no_slot(void **state)
{
	struct held h;
	(void)state;
	begin(&h, 0);
	MUST(load(&h, 2) == 3);
	MUST(VirtualAllocEx(h.process, pointer(h.base), PAGES * PAGE, MEM_RESET, PAGE_READWRITE));
	store(&h, 4, 99);
	let_write_end(&h);
	MUST(counters(&h).slots_used == h.slots_before);
	MUST(load(&h, 2) == 3);
	look_again(&h, 4, 99);
	end(&h);
}

/* What is protected while it is written, too. */
static void protected_leaves_again(void **state)
{
	struct held h;
	DWORD old;
	(void)state;
	begin(&h, 0);
	MUST(load(&h, 2) == 3);
	MUST(VirtualProtectEx(h.process, pointer(h.base), PAGES * PAGE, PAGE_NOACCESS, &old));
	MUST(page_info(&h, 2).where == NTMM_PAGE_TRANSITION);
	let_write_end(&h);
	MUST(page_info(&h, 2).where == NTMM_PAGE_STANDBY);
	MUST(VirtualProtectEx(h.process, pointer(h.base), PAGES * PAGE, PAGE_READWRITE, &old));
	MUST(load(&h, 2) == 3);
	end(&h);
}

static void process_ends(void **state)
{
	struct held h;
	(void)state;
	begin(&h, 0);
	MUST(load(&h, 2) == 3);
	MUST(TerminateProcess(h.process, 0));
	let_write_end(&h);
	end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loaded_is_clean),
		cmocka_unit_test(stored_is_dirty),
		cmocka_unit_test(stored_and_trimmed),
		cmocka_unit_test(failed_is_dirty),
		cmocka_unit_test(decommitted_is_gone),
		cmocka_unit_test(reset_keeps_no_slot),
		cmocka_unit_test(protected_leaves_again),
		cmocka_unit_test(process_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
