/* SPDX-License-Identifier: MIT
 *
 * Worlds that are machines: a model has a process of its own.
 */
#include "world.h"

#include <stdlib.h>

#include "support/mode.h"

#define SHARED_GRANULE UINT64_C(0x7FFE0000)

/* ---- beginning and end ---------------------------------------------------------------------- */

/* Reserves all of [from, to) but the shared page's granule, where nothing can be. */
static void wall(HANDLE process, uint64_t from, uint64_t to)
{
	if (from < SHARED_GRANULE && to > SHARED_GRANULE) {
		wall(process, from, SHARED_GRANULE);
		from = SHARED_GRANULE + GRANULE;
	}
	if (from < to &&
	    !VirtualAllocEx(process, pointer(from), to - from, MEM_RESERVE, PAGE_NOACCESS))
		world_failed("no wall at %#" PRIx64 ": error %u", from, GetLastError());
}

static uint64_t highest_application_address(ntmm_thread *thread)
{
	SYSTEM_INFO info;
	MUST(ntmm_thread_attach(thread));
	GetSystemInfo(&info);
	ntmm_thread_detach();
	return (uint64_t)(uintptr_t)info.lpMaximumApplicationAddress;
}

static bool is_narrow(ntmm_layout layout)
{
	return layout == NTMM_LAYOUT_NT32_2GB || layout == NTMM_LAYOUT_NT32_3GB;
}

static void add_process(struct inhabitant *i, const struct site *site)
{
	i->process = ntmm_process_create(i->world->machine, site->layout);
	MUST(i->process);
	for (int t = 0; t < THREADS; t++) {
		i->threads[t] = ntmm_thread_create(i->process, NULL);
		MUST(i->threads[t]);
	}
	model_create(&i->model, site->base, site->count);
	i->model.nx = i->world->nx;
	i->model.maximum = highest_application_address(i->threads[0]);
	i->model.highest = i->model.maximum - (is_narrow(site->layout) ? GRANULE : 0); /* AS-5 */
	wall(i->process, GRANULE, site->base);
	wall(i->process, site->base + site->count * PAGE, i->model.highest + 1);
}

void world_add_ballast(struct world *w, unsigned pages)
{
	struct ballast *b = &w->ballast;
	*b = (struct ballast){.process = ntmm_process_create(w->machine, NTMM_LAYOUT_NT64_128TB)};
	MUST(b->process);
	b->thread = ntmm_thread_create(b->process, NULL);
	MUST(b->thread);
	for (b->pages = pages; b->pages; b->pages--) {
		b->base = (uint64_t)(uintptr_t)VirtualAllocEx(b->process, NULL, b->pages * PAGE,
		                                              MEM_RESERVE | MEM_COMMIT,
		                                              PAGE_READWRITE);
		if (b->base)
			break;
	}
	b->words = calloc(b->pages + 1, sizeof *b->words);
}

static void ballast_destroy(struct ballast *b)
{
	if (!b->process)
		return;
	ntmm_thread_destroy(b->thread);
	CloseHandle(b->process);
	free(b->words);
}

static void destroy_machine(struct world *w)
{
	ballast_destroy(&w->ballast);
	for (unsigned n = 0; n < w->processes; n++) {
		struct inhabitant *i = &w->inhabitants[n];
		for (int t = 0; t < THREADS; t++)
			ntmm_thread_destroy(i->threads[t]);
		CloseHandle(i->process);
	}
	ntmm_machine_counters counters = test_rest(w->machine);
	MUST(counters.commit_total == 0); /* S17 */
	MUST(counters.slots_used == 0);
	MUST(counters.active + counters.tables + counters.standby + counters.modified == 0);
	ntmm_machine_destroy(w->machine);
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* CM-4: how much the paging files can still grow. */
static uint64_t growth_left(ntmm_machine *machine)
{
	ntmm_paging_file_counters c = {.size = sizeof c};
	uint64_t sum = 0;
	for (uint32_t i = 0; !ntmm_machine_get_paging_file(machine, i, &c); i++)
		sum += c.maximum_pages - c.pages;
	return sum;
}

static uint64_t machine_commit_left(struct world *w)
{
	ntmm_machine_counters c = {.size = sizeof c};
	MUST(!ntmm_machine_get_counters(w->machine, &c));
	uint64_t left = c.commit_limit > c.commit_total ? c.commit_limit - c.commit_total : 0;
	return left + growth_left(w->machine);
}

static void *allocate_in_process(struct inhabitant *i, const struct call *c)
{
	return VirtualAllocEx(i->process, pointer(c->address), c->size, c->type, c->protect);
}

static void *allocate2_in_process(struct inhabitant *i, const struct call *c)
{
	return VirtualAlloc2(i->process, pointer(c->address), c->size, c->type, c->protect, NULL,
	                     0);
}

static void enter_process(struct inhabitant *i, unsigned thread)
{
	MUST(ntmm_thread_attach(i->threads[thread]));
}

static void leave_process(struct inhabitant *i)
{
	(void)i;
	ntmm_thread_detach();
}

static bool access_sized(ntmm_thread *thread, ntmm_access kind, const struct call *c, uint64_t *word)
{
	if (c->size == 8 && kind == NTMM_LOAD)
		return ntmm_load64(thread, c->address, word);
	if (c->size == 8 && kind == NTMM_STORE)
		return ntmm_store64(thread, c->address, *word);
	if (c->size == 8 && kind == NTMM_FETCH)
		return ntmm_fetch64(thread, c->address, word);
	if (c->size == 1 && kind == NTMM_LOAD)
		return ntmm_load8(thread, c->address, (uint8_t *)word);
	if (c->size == 1 && kind == NTMM_STORE)
		return ntmm_store8(thread, c->address, *(uint8_t *)word);
	return ntmm_thread_access(thread, kind, c->address, word, (unsigned)c->size);
}

static const EXCEPTION_RECORD *access_by_thread(struct inhabitant *i, const struct call *c,
                                                ntmm_access kind, uint64_t *value)
{
	ntmm_thread *thread = i->threads[c->thread];
	bool done = access_sized(thread, kind, c, value);
	return done ? NULL : ntmm_thread_exception(thread);
}

static const EXCEPTION_RECORD *exchange_by_thread(struct inhabitant *i, const struct call *c,
                                                  uint64_t *old, bool *swapped)
{
	ntmm_thread *thread = i->threads[c->thread];
	bool done = ntmm_compare_exchange(thread, c->address, (unsigned)c->size, old, c->value,
	                                  swapped);
	return done ? NULL : ntmm_thread_exception(thread);
}

static NTSTATUS copy_in_by_thread(struct inhabitant *i, const struct call *c, void *to,
                                  uint64_t *done)
{
	return ntmm_copy_in(i->threads[c->thread], to, c->address, c->size, done);
}

static NTSTATUS copy_out_by_thread(struct inhabitant *i, const struct call *c, const void *from,
                                   uint64_t *done)
{
	return ntmm_copy_out(i->threads[c->thread], c->address, from, c->size, done);
}

/* ---- what can be seen ----------------------------------------------------------------------- */

/* What is in RAM is there to see, without touching it. False: it is in the paging file. */
static bool peek_in_ram(const struct inhabitant *i, uint64_t address, const uint8_t **bytes)
{
	static const uint8_t zeros[PAGE];
	ntmm_page_info info = {.size = sizeof info};
	MUST(!ntmm_process_page_info(i->process, address, &info));
	*bytes = zeros;
	if (info.where == NTMM_PAGE_NONE)
		return true;
	*bytes = (const uint8_t *)ntmm_machine_ram(i->world->machine, NULL) + info.frame * PAGE;
	return info.where != NTMM_PAGE_PAGED_OUT;
}

/* Of a page whose table is in the paging file nothing is known. */
static void expect_nowhere(const struct inhabitant *i, uint64_t address)
{
	ntmm_page_info info = {.size = sizeof info};
	MUST(!ntmm_process_page_info(i->process, address, &info));
	bool no_table = info.where == NTMM_PAGE_PAGED_OUT && !info.slot;
	if (info.where != NTMM_PAGE_NONE && !no_table)
		world_failed("page at %#" PRIx64 " is not committed, but somewhere", address);
}

static void process_figures(const struct inhabitant *i, uint64_t *committed, uint64_t *locked)
{
	ntmm_process_counters counters = {.size = sizeof counters};
	MUST(!ntmm_process_get_counters(i->process, &counters));
	*committed = counters.commit;
	*locked = counters.locked;
}

/* ---- the machine's work --------------------------------------------------------------------- */

/* Its pages hold what was stored last. */
static void press(struct ballast *b, const struct call *c)
{
	for (uint64_t n = 0; b->pages && n < c->size; n++) {
		uint64_t page = (c->value + n) % b->pages, word = 0;
		MUST(ntmm_load64(b->thread, b->base + page * PAGE + 8, &word));
		MUST(word == b->words[page]);
		b->words[page] = c->value ^ page;
		MUST(ntmm_store64(b->thread, b->base + page * PAGE + 8, b->words[page]));
	}
}

static void work_of_machine(struct world *w, const struct call *c)
{
	if (c->kind == BALANCE)
		ntmm_machine_balance(w->machine, c->size);
	else if (c->kind == WRITE_MODIFIED)
		ntmm_machine_write_modified(w->machine, c->size);
	else
		press(&w->ballast, c);
}

static bool check_machine(struct world *w)
{
	return ntmm_machine_check(w->machine);
}

const struct ground machine_ground = {
	.add = add_process,
	.destroy = destroy_machine,
	.commit_left = machine_commit_left,
	.allocate = allocate_in_process,
	.allocate2 = allocate2_in_process,
	.enter = enter_process,
	.leave = leave_process,
	.access = access_by_thread,
	.exchange = exchange_by_thread,
	.copy_in = copy_in_by_thread,
	.copy_out = copy_out_by_thread,
	.peek = peek_in_ram,
	.expect_absent = expect_nowhere,
	.figures = process_figures,
	.work = work_of_machine,
	.check = check_machine,
	.splits = true,
};
