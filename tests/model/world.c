/* SPDX-License-Identifier: MIT
 *
 * The machine and its processes begin and end; what can be seen of them is compared with the model.
 */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "support/mode.h"

#define SHARED_GRANULE UINT64_C(0x7FFE0000)

/* ---- beginning and end ---------------------------------------------------------------------- */

void world_create(struct world *w, const ntmm_machine_config *config)
{
	*w = (struct world){.nx = !(config->flags & NTMM_MACHINE_NO_NX)};
	if (ntmm_machine_create(config, &w->machine))
		world_failed("no machine: %s", ntmm_error_message());
}

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

void world_add(struct world *w, const struct site *site)
{
	struct inhabitant *i = &w->inhabitants[w->processes++];
	i->world = w;
	i->process = ntmm_process_create(w->machine, site->layout);
	MUST(i->process);
	for (int t = 0; t < THREADS; t++) {
		i->threads[t] = ntmm_thread_create(i->process, NULL);
		MUST(i->threads[t]);
	}
	model_create(&i->model, site->base, site->count);
	i->model.nx = w->nx;
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

void world_destroy(struct world *w)
{
	ballast_destroy(&w->ballast);
	for (unsigned n = 0; n < w->processes; n++) {
		struct inhabitant *i = &w->inhabitants[n];
		for (int t = 0; t < THREADS; t++)
			ntmm_thread_destroy(i->threads[t]);
		CloseHandle(i->process);
		model_destroy(&i->model);
	}
	ntmm_machine_counters counters = test_rest(w->machine);
	MUST(counters.commit_total == 0); /* S17 */
	MUST(counters.slots_used == 0);
	MUST(counters.active + counters.tables + counters.standby + counters.modified == 0);
	ntmm_machine_destroy(w->machine);
}

/* ---- comparing ------------------------------------------------------------------------------ */

#define SAME(field) \
	do { \
		if (actual.field != expected.field) \
			world_failed("page at %#" PRIx64 ": " #field " is %#" PRIx64 \
			             ", not %#" PRIx64, \
			             address, (uint64_t)(uintptr_t)actual.field, \
			             (uint64_t)(uintptr_t)expected.field); \
	} while (0)

static void compare_query(const struct inhabitant *i, uint64_t address)
{
	MEMORY_BASIC_INFORMATION actual, expected = model_query(&i->model, address);
	MUST(VirtualQueryEx(i->process, pointer(address), &actual, sizeof actual) == sizeof actual);
	SAME(BaseAddress);
	SAME(AllocationBase);
	SAME(AllocationProtect);
	SAME(RegionSize);
	SAME(State);
	SAME(Protect);
	SAME(Type);
}

/* WS-10. */
static void compare_working_set(const struct inhabitant *i, const struct page *page,
                                uint64_t address)
{
	PSAPI_WORKING_SET_EX_INFORMATION entry = {.VirtualAddress = pointer(address)};
	MUST(QueryWorkingSetEx(i->process, &entry, sizeof entry));
	bool reachable =
		page->state == COMMITTED && !(page->protect & (PAGE_GUARD | PAGE_NOACCESS));
	if (!entry.VirtualAttributes.Valid && page->locked)
		world_failed("page at %#" PRIx64 " is locked, but not resident", address);
	if (!entry.VirtualAttributes.Valid)
		return;
	if (!reachable || entry.VirtualAttributes.Win32Protection != page->protect ||
	    entry.VirtualAttributes.Locked != page->locked)
		world_failed("page at %#" PRIx64 ": the working set says protection %#x, locked %u",
		             address, (unsigned)entry.VirtualAttributes.Win32Protection,
		             (unsigned)entry.VirtualAttributes.Locked);
}

/* What is in RAM is there to see, without touching it. False: it is in the paging file. */
static bool peek(const struct inhabitant *i, uint64_t address, const uint8_t **bytes)
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

static void compare_contents(struct inhabitant *i, const struct page *page, uint64_t address)
{
	static uint8_t buffer[PAGE];
	const uint8_t *bytes;
	if (!peek(i, address, &bytes)) {
		if (page->contents != EITHER)
			return;
		if (!ReadProcessMemory(i->process, pointer(address), buffer, PAGE, NULL))
			world_failed("page at %#" PRIx64 " cannot be read: error %u", address,
			             GetLastError());
		bytes = buffer;
	}
	if (!model_seen(&i->model, address, bytes, PAGE))
		world_failed("page at %#" PRIx64 ": wrong contents, %#x %#x ...", address, bytes[0],
		             bytes[1]);
}

/* Of a page whose table is in the paging file nothing is known. */
static void compare_absent(const struct inhabitant *i, uint64_t address)
{
	ntmm_page_info info = {.size = sizeof info};
	MUST(!ntmm_process_page_info(i->process, address, &info));
	bool no_table = info.where == NTMM_PAGE_PAGED_OUT && !info.slot;
	if (info.where != NTMM_PAGE_NONE && !no_table)
		world_failed("page at %#" PRIx64 " is not committed, but somewhere", address);
}

static void compare_page(struct inhabitant *i, unsigned index)
{
	const struct page *page = model_page(&i->model, index);
	uint64_t address = model_address(&i->model, index);
	compare_query(i, address);
	compare_working_set(i, page, address);
	if (page->state == COMMITTED)
		compare_contents(i, page, address);
	else
		compare_absent(i, address);
}

void world_compare(struct world *w, unsigned who)
{
	world_compare_pages(w, who, w->inhabitants[who].model.count);
}

void world_compare_pages(struct world *w, unsigned who, unsigned pages)
{
	struct inhabitant *i = &w->inhabitants[who];
	ntmm_process_counters counters = {.size = sizeof counters};
	for (unsigned n = 0; n < pages; n++)
		compare_page(i, n);
	MUST(!ntmm_process_get_counters(i->process, &counters));
	MUST(counters.commit == model_committed(&i->model));
	MUST(counters.locked == model_locked(&i->model));
}

/* Pages that a write may have left either way are looked at before anything else happens. */
void world_settle(struct world *w, unsigned who)
{
	struct inhabitant *i = &w->inhabitants[who];
	for (unsigned n = 0; n < i->model.count; n++)
		if (model_page(&i->model, n)->contents == EITHER)
			compare_contents(i, model_page(&i->model, n), model_address(&i->model, n));
}

void world_check(struct world *w)
{
	if (!ntmm_machine_check(w->machine))
		world_failed("machine check: %s", ntmm_error_message());
}
