/* SPDX-License-Identifier: MIT */
#include "share.h"

#define SHARED_PAGE UINT64_C(0x7FFE0) /* AS-4: its tables are charged to every process */
#define TABLE_LEVELS 3
#define TABLE_BITS 9
#define SECTION_ROOT 1
#define PROCESS_ROOT 1

struct words *words_of(struct view *view, unsigned page)
{
	struct view_page *p = &view->page[page];
	return p->copied ? &p->words : &view->section->words[view->first + page];
}

bool is_copy(DWORD protect)
{
	return protect & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY);
}

bool is_committed(const struct view *view, unsigned page)
{
	return view->section->committed[view->first + page];
}

DWORD protection_seen(const struct view *view, unsigned page)
{
	const struct view_page *p = &view->page[page];
	if (!is_committed(view, page))
		return 0;
	DWORD prot = p->prot;
	if (p->copied && prot == PAGE_WRITECOPY)
		prot = PAGE_READWRITE; /* VP-24 */
	if (p->copied && prot == PAGE_EXECUTE_WRITECOPY)
		prot = PAGE_EXECUTE_READWRITE;
	return prot | (p->guard ? PAGE_GUARD : 0);
}

enum { R = 1,
       W = 2,
       X = 4 };

static unsigned access_set(DWORD protect)
{
	switch (protect & 0xFF) {
	case PAGE_NOACCESS:
		return 0;
	case PAGE_READONLY:
	case PAGE_WRITECOPY:
		return R;
	case PAGE_READWRITE:
		return R | W;
	case PAGE_EXECUTE_READWRITE:
		return R | W | X;
	default:
		return R | X;
	}
}

bool is_compatible(DWORD mapped, DWORD protect)
{
	return !(access_set(protect) & ~access_set(mapped));
}

uint64_t address_of_page(const struct view *view, unsigned page)
{
	return view->base + (uint64_t)page * view->section->stride * PAGE;
}

uint64_t offset_of_word(const struct view *view, unsigned page, unsigned word)
{
	uint64_t place = (view->first + page) * 8;
	return address_of_page(view, page) + (word ? PAGE - 8 - place : place);
}

/* ---- what is promised ------------------------------------------------------------------------ */

#define MOST_RANGES (VIEWS + 2 + MOST_PAGES)

/* Ranges of committed pages; [start, last]. */
struct ranges {
	uint64_t start[MOST_RANGES], last[MOST_RANGES];
	unsigned count;
};

static void add(struct ranges *r, uint64_t start, uint64_t pages)
{
	r->start[r->count] = start;
	r->last[r->count++] = start + pages - 1;
}

static bool is_in_earlier(const struct ranges *r, unsigned n, uint64_t span, unsigned shift)
{
	for (unsigned i = 0; i < n; i++)
		if (span >= r->start[i] >> shift && span <= r->last[i] >> shift)
			return true;
	return false;
}

/* CM-2: one page for each table that the ranges can need. */
static uint64_t tables_of(const struct ranges *r)
{
	uint64_t tables = 0;
	for (unsigned level = 1; level <= TABLE_LEVELS; level++) {
		unsigned shift = level * TABLE_BITS;
		for (unsigned i = 0; i < r->count; i++)
			for (uint64_t span = r->start[i] >> shift; span <= r->last[i] >> shift; span++)
				tables += !is_in_earlier(r, i, span, shift);
	}
	return tables;
}

static uint64_t pages_of(const struct view *view)
{
	return (uint64_t)view->pages * view->section->stride;
}

uint64_t copies_to_charge(const struct view *view, unsigned from, unsigned to, DWORD protect)
{
	uint64_t pages = 0;
	for (unsigned i = from; i < to && is_copy(protect); i++)
		pages += !view->page[i].charged;
	return pages;
}

uint64_t commit_of_actor(const struct actor *actor)
{
	uint64_t pages = actor->ballast_pages;
	for (unsigned v = 0; v < VIEWS; v++) {
		const struct view *view = &actor->views[v];
		if (view->section && is_copy(view->protect)) {
			pages += pages_of(view); /* MV-12 */
			continue;
		}
		for (unsigned i = 0; view->section && i < view->pages; i++)
			pages += view->page[i].charged; /* CW-6 */
	}
	return pages;
}

static uint64_t process_commit(const struct actor *actor)
{
	struct ranges r = {.count = 0};
	add(&r, SHARED_PAGE, 1);
	if (actor->ballast_pages)
		add(&r, actor->ballast / PAGE, actor->ballast_pages);
	for (unsigned v = 0; v < VIEWS; v++)
		if (actor->views[v].section)
			add(&r, actor->views[v].base / PAGE, pages_of(&actor->views[v]));
	return commit_of_actor(actor) + tables_of(&r) + PROCESS_ROOT;
}

/* SC-8. */
static uint64_t section_commit(const struct section *section)
{
	struct ranges r = {.count = 0};
	uint64_t pages = 0;
	for (unsigned i = 0; i < section->pages; i++)
		if (section->committed[i]) {
			add(&r, (uint64_t)i * section->stride, 1);
			pages++;
		}
	return pages + tables_of(&r) + SECTION_ROOT;
}

/* Sections that have no handle any more are found by their views, once. */
static bool is_first_view(const struct share *s, unsigned actor, unsigned view)
{
	const struct section *section = s->actors[actor].views[view].section;
	for (unsigned a = 0; a <= actor; a++)
		for (unsigned v = 0; v < (a == actor ? view : VIEWS); v++)
			if (s->actors[a].views[v].section == section)
				return false;
	return true;
}

uint64_t commit_of(const struct share *s)
{
	uint64_t pages = 0;
	for (unsigned n = 0; n < SECTIONS; n++)
		pages += s->sections[n] ? section_commit(s->sections[n]) : 0;
	for (unsigned a = 0; a < ACTORS; a++) {
		const struct actor *actor = &s->actors[a];
		pages += actor->process ? process_commit(actor) : 0;
		for (unsigned v = 0; v < VIEWS; v++) {
			const struct section *section = actor->views[v].section;
			if (section && !section->handle && is_first_view(s, a, v))
				pages += section_commit(section);
		}
	}
	return pages;
}
