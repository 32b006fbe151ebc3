/* SPDX-License-Identifier: MIT
 *
 * Worlds begin and end; what can be seen of them is compared with the model.
 */
#include "world.h"

/* ---- beginning and end ---------------------------------------------------------------------- */

void world_create(struct world *w, const ntmm_machine_config *config)
{
	*w = (struct world){.ground = &machine_ground, .nx = !(config->flags & NTMM_MACHINE_NO_NX)};
	if (ntmm_machine_create(config, &w->machine))
		world_failed("no machine: %s", ntmm_error_message());
}

void world_create_native(struct world *w, uint64_t commit)
{
	*w = (struct world){.ground = &native_ground, .nx = true};
	w->ground->create(w, commit);
}

void world_add(struct world *w, const struct site *site)
{
	struct inhabitant *i = &w->inhabitants[w->processes++];
	i->world = w;
	w->ground->add(i, site);
}

void world_destroy(struct world *w)
{
	w->ground->destroy(w);
	for (unsigned n = 0; n < w->processes; n++)
		model_destroy(&w->inhabitants[n].model);
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

static void compare_contents(struct inhabitant *i, const struct page *page, uint64_t address)
{
	static uint8_t buffer[PAGE];
	const uint8_t *bytes;
	if (!i->world->ground->peek(i, address, &bytes)) {
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

static void compare_page(struct inhabitant *i, unsigned index)
{
	const struct page *page = model_page(&i->model, index);
	uint64_t address = model_address(&i->model, index);
	compare_query(i, address);
	compare_working_set(i, page, address);
	if (page->state == COMMITTED)
		compare_contents(i, page, address);
	else
		i->world->ground->expect_absent(i, address);
}

void world_compare(struct world *w, unsigned who)
{
	world_compare_pages(w, who, w->inhabitants[who].model.count);
}

void world_compare_pages(struct world *w, unsigned who, unsigned pages)
{
	struct inhabitant *i = &w->inhabitants[who];
	uint64_t committed, locked;
	for (unsigned n = 0; n < pages; n++)
		compare_page(i, n);
	w->ground->figures(i, &committed, &locked);
	MUST(committed == model_committed(&i->model));
	MUST(locked == model_locked(&i->model));
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
	if (!w->ground->check(w))
		world_failed("check: %s", ntmm_error_message());
}
