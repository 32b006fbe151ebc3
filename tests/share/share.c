/* SPDX-License-Identifier: MIT */
#include "share.h"

#include <stdlib.h>
#include <string.h>

static uint64_t commit_total(const struct share *s)
{
	ntmm_machine_counters c = {.size = sizeof c};
	MUST(!ntmm_machine_get_counters(s->machine, &c));
	return c.commit_total;
}

void share_create(struct share *s, const ntmm_machine_config *config, ntmm_layout layout)
{
	ntmm_machine_counters c = {.size = sizeof c};
	*s = (struct share){.layout = layout};
	MUST(!ntmm_machine_create(config, &s->machine));
	MUST(!ntmm_machine_get_counters(s->machine, &c));
	s->limit = c.commit_limit;
}

/* ---- processes ------------------------------------------------------------------------------- */

void actor_begin(struct share *s, struct actor *actor, unsigned ballast)
{
	HANDLE process = ntmm_process_create(s->machine, s->layout);
	if (!process) {
		MUST(GetLastError() == ERROR_COMMITMENT_LIMIT ||
		     GetLastError() == ERROR_NO_SYSTEM_RESOURCES);
		return;
	}
	*actor = (struct actor){.process = process, .thread = ntmm_thread_create(process, NULL)};
	MUST(actor->thread);
	void *base = VirtualAllocEx(process, NULL, ballast * PAGE, MEM_RESERVE | MEM_COMMIT,
	                            PAGE_READWRITE);
	actor->ballast = (uintptr_t)base;
	actor->ballast_pages = base ? ballast : 0;
	MUST(base || GetLastError() == ERROR_COMMITMENT_LIMIT);
}

static void section_drop(struct section *section)
{
	if (!--section->references)
		free(section);
}

void actor_end(struct actor *actor)
{
	if (!actor->process)
		return;
	ntmm_thread_destroy(actor->thread);
	MUST(CloseHandle(actor->process));
	for (unsigned v = 0; v < VIEWS; v++)
		if (actor->views[v].section)
			section_drop(actor->views[v].section);
	memset(actor, 0, sizeof *actor);
}

/* ---- sections -------------------------------------------------------------------------------- */

/* Sections are made by a thread of their machine. */
static struct actor *any_actor(struct share *s)
{
	for (unsigned a = 0; a < ACTORS; a++)
		if (s->actors[a].process)
			return &s->actors[a];
	return NULL;
}

void section_begin(struct share *s, unsigned n, unsigned pages, unsigned stride, DWORD protect,
                   bool reserve)
{
	struct actor *actor = any_actor(s);
	struct section *section = calloc(1, sizeof *section);
	if (!actor || s->sections[n]) {
		free(section);
		return;
	}
	*section = (struct section){.references = 1, .pages = pages, .stride = stride, .protect = protect, .reserve = reserve};
	for (unsigned i = 0; i < pages; i++)
		section->committed[i] = !reserve;
	MUST(ntmm_thread_attach(actor->thread));
	section->handle = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL,
	                                     protect | (reserve ? SEC_RESERVE : SEC_COMMIT), 0,
	                                     (DWORD)(pages * stride * PAGE), NULL);
	DWORD error = GetLastError();
	ntmm_thread_detach();
	uint64_t before = commit_of(s);
	s->sections[n] = section;
	bool fits = commit_of(s) <= s->limit;
	if (section->handle) {
		MUST(fits);
		return;
	}
	MUST(fits ? error == ERROR_NO_SYSTEM_RESOURCES : error == ERROR_COMMITMENT_LIMIT);
	s->sections[n] = NULL;
	free(section);
	MUST(commit_total(s) == before);
}

void section_close(struct share *s, unsigned n)
{
	struct section *section = s->sections[n];
	if (!section)
		return;
	MUST(CloseHandle(section->handle));
	section->handle = NULL;
	s->sections[n] = NULL;
	section_drop(section);
}

/* ---- views ----------------------------------------------------------------------------------- */

static bool overlaps(const struct view *view, uint64_t at, uint64_t bytes)
{
	uint64_t end = view->base + (uint64_t)view->pages * view->section->stride * PAGE;
	return at < end && at + bytes > view->base;
}

static bool is_taken(const struct actor *actor, const struct view *new, uint64_t bytes)
{
	for (unsigned v = 0; v < VIEWS; v++) {
		const struct view *view = &actor->views[v];
		if (view != new && view->section && overlaps(view, new->base, bytes))
			return true;
	}
	uint64_t end = actor->ballast + actor->ballast_pages * PAGE;
	return new->base<end &&new->base + bytes> actor->ballast;
}

static void view_fill(struct view *view)
{
	for (unsigned i = 0; i < view->pages; i++)
		view->page[i] =
			(struct view_page){.prot = view->protect, .charged = is_copy(view->protect)};
}

void view_map(struct share *s, struct actor *actor, struct view *view, unsigned section,
              unsigned first, unsigned pages, uint64_t at, DWORD protect)
{
	struct section *shown = s->sections[section];
	if (!actor->process || view->section || !shown || first + pages > shown->pages)
		return;
	uint64_t bytes = pages * shown->stride * PAGE;
	uint64_t before = commit_of(s);
	void *base = MapViewOfFile2(shown->handle, actor->process,
	                            first * shown->stride * PAGE, pointer(at), bytes, 0, protect);
	DWORD error = base ? 0 : GetLastError();
	*view = (struct view){.section = shown, .first = first, .pages = pages, .protect = protect, .base = base ? (uintptr_t)base : at};
	view_fill(view);
	bool taken = is_taken(actor, view, bytes);
	DWORD expected = !is_compatible(shown->protect, protect) ? ERROR_ACCESS_DENIED
	                 : at && taken                           ? ERROR_INVALID_ADDRESS
	                 : commit_of(s) > s->limit               ? ERROR_COMMITMENT_LIMIT
	                                                         : 0;
	if (at || base)
		MUST(error == expected);
	MUST(!base || !taken);
	shown->references += base != NULL;
	if (base)
		return;
	view->section = NULL;
	MUST(commit_total(s) == before);
}

void view_unmap(struct actor *actor, struct view *view, unsigned page)
{
	if (!view->section)
		return;
	MUST(UnmapViewOfFile2(actor->process, pointer(address_of_page(view, page % view->pages)), 0));
	for (unsigned i = 0; i < view->pages; i++)
		actor->locked -= view->page[i].locked;
	section_drop(view->section);
	view->section = NULL;
}

/* ---- the end --------------------------------------------------------------------------------- */

void share_destroy(struct share *s)
{
	ntmm_machine_counters c = {.size = sizeof c};
	for (unsigned n = 0; n < SECTIONS; n++)
		section_close(s, n);
	for (unsigned a = 0; a < ACTORS; a++)
		actor_end(&s->actors[a]);
	MUST(ntmm_machine_check(s->machine));
	MUST(!ntmm_machine_get_counters(s->machine, &c));
	MUST(c.commit_total == 0 && c.resident_total == 0 && c.slots_used == 0);
	MUST(c.ram == c.zeroed + c.free + c.fixed);
	ntmm_machine_destroy(s->machine);
}
