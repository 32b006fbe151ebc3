/* SPDX-License-Identifier: MIT */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#define CACHE (PAGE_NOCACHE | PAGE_WRITECOMBINE)
#define LOWEST 16 /* first page that can be allocated (AS-1) */
#define LOWER_WALL 1u
#define UPPER_WALL 2u

void model_create(struct model *m, uint64_t base, unsigned count)
{
	*m = (struct model){.first = base / PAGE, .count = count, .last_allocation = UPPER_WALL};
	m->bytes = calloc(count, PAGE);
	m->vanished = calloc(count, PAGE);
}

void model_destroy(struct model *m)
{
	free(m->bytes);
	free(m->vanished);
}

void model_copy(struct model *to, const struct model *from)
{
	uint8_t(*bytes)[PAGE] = to->bytes;
	uint8_t(*vanished)[PAGE] = to->vanished;
	for (unsigned i = 0; i < from->count; i++) {
		if (to->pages[i].state == COMMITTED || from->pages[i].state == COMMITTED)
			memcpy(bytes[i], from->bytes[i], PAGE);
		if (from->pages[i].contents == EITHER)
			memcpy(vanished[i], from->vanished[i], PAGE);
	}
	*to = *from;
	to->bytes = bytes;
	to->vanished = vanished;
}

/* ---- pages ---------------------------------------------------------------------------------- */

static const struct page free_page = {.state = FREE};
static const struct page lower_wall = {
	.state = RESERVED, .allocation = LOWER_WALL, .allocation_protect = PAGE_NOACCESS};
static const struct page upper_wall = {
	.state = RESERVED, .allocation = UPPER_WALL, .allocation_protect = PAGE_NOACCESS};

bool in_window(const struct model *m, uint64_t number)
{
	return number >= m->first && number < m->first + m->count;
}

const struct page *look(const struct model *m, uint64_t number)
{
	if (in_window(m, number))
		return &m->pages[number - m->first];
	if (number < LOWEST)
		return &free_page;
	return number < m->first ? &lower_wall : &upper_wall;
}

struct page *at(struct model *m, uint64_t number)
{
	if (!in_window(m, number))
		abort(); /* the walls are not to be changed */
	return &m->pages[number - m->first];
}

bool looks_alike(const struct page *a, const struct page *b)
{
	return a->state == b->state && a->allocation == b->allocation && a->protect == b->protect;
}

static bool begins_allocation(const struct model *m, unsigned index)
{
	return index == 0 || m->pages[index].allocation != m->pages[index - 1].allocation;
}

/* Allocations may have other numbers. */
static bool pages_equal(const struct page *p, const struct page *q)
{
	return p->state == q->state && p->protect == q->protect &&
	       p->placeholder == q->placeholder && p->replaced == q->replaced &&
	       p->allocation_protect == q->allocation_protect && p->locked == q->locked &&
	       p->contents == q->contents && p->lost == q->lost && p->watched == q->watched &&
	       p->marked == q->marked;
}

bool model_equal(const struct model *a, const struct model *b)
{
	for (unsigned i = 0; i < a->count; i++) {
		const struct page *p = &a->pages[i], *q = &b->pages[i];
		if (!pages_equal(p, q) || begins_allocation(a, i) != begins_allocation(b, i))
			return false;
		if (p->state == COMMITTED && memcmp(a->bytes[i], b->bytes[i], PAGE))
			return false;
	}
	return true;
}

unsigned model_committed(const struct model *m)
{
	unsigned count = 0;
	for (unsigned i = 0; i < m->count; i++)
		count += m->pages[i].state == COMMITTED;
	return count;
}

unsigned model_locked(const struct model *m)
{
	unsigned count = 0;
	for (unsigned i = 0; i < m->count; i++)
		count += m->pages[i].locked;
	return count;
}

/* ---- ranges --------------------------------------------------------------------------------- */

bool span_of(uint64_t address, uint64_t size, uint64_t highest, struct span *span)
{
	if (!size || address + (size - 1) < address || address + (size - 1) > highest)
		return false;
	*span = (struct span){address / PAGE, (address + (size - 1)) / PAGE};
	return true;
}

bool one_allocation(const struct model *m, struct span span)
{
	unsigned allocation = look(m, span.first)->allocation;
	for (uint64_t n = span.first; n <= span.last; n++)
		if (look(m, n)->allocation != allocation)
			return false;
	return allocation != 0;
}

bool all_in(const struct model *m, struct span span, enum state state)
{
	for (uint64_t n = span.first; n <= span.last; n++)
		if (look(m, n)->state != state)
			return false;
	return true;
}

struct span allocation_of(const struct model *m, uint64_t number)
{
	struct span span = {number, number};
	unsigned allocation = look(m, number)->allocation;
	while (look(m, span.first - 1)->allocation == allocation)
		span.first--;
	while (look(m, span.last + 1)->allocation == allocation)
		span.last++;
	return span;
}

struct answer refuse(uint32_t error)
{
	return (struct answer){.error = error};
}

struct answer did(struct span span)
{
	return (struct answer){.base = span.first * PAGE,
	                       .size = (span.last - span.first + 1) * PAGE};
}

/* ---- protections ---------------------------------------------------------------------------- */

bool executable(uint32_t protect)
{
	return protect &
	       (PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY);
}

bool writable(uint32_t protect)
{
	return protect & (PAGE_READWRITE | PAGE_EXECUTE_READWRITE);
}

bool is_copy(uint32_t protect)
{
	return protect & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY);
}

bool valid(uint32_t protect, bool targets)
{
	uint32_t base = protect & BASES, modifiers = protect & (PAGE_GUARD | CACHE);
	if (protect & PAGE_TARGETS_INVALID && !(targets && executable(protect)))
		return false;
	if (protect & ~(BASES | PAGE_GUARD | CACHE | PAGE_TARGETS_INVALID))
		return false;
	if (base == 0 || (base & (base - 1)) != 0)
		return false;
	if (base == PAGE_NOACCESS && modifiers)
		return false;
	return modifiers == 0 || modifiers == PAGE_GUARD || modifiers == PAGE_NOCACHE ||
	       modifiers == PAGE_WRITECOMBINE;
}

uint32_t effective(const struct page *page, uint32_t protect)
{
	if (protect & PAGE_GUARD)
		return (protect & BASES) | PAGE_GUARD;
	if ((protect & BASES) == PAGE_NOACCESS)
		return PAGE_NOACCESS;
	return (protect & BASES) | (page->allocation_protect & CACHE);
}

void set_protect(struct page *page, uint32_t protect)
{
	page->protect = effective(page, protect);
	if (page->protect & (PAGE_GUARD | PAGE_NOACCESS))
		page->locked = false; /* VP-14 */
}

/* ---- contents ------------------------------------------------------------------------------- */

static void zero(struct model *m, uint64_t number)
{
	memset(m->bytes[number - m->first], 0, PAGE);
	at(m, number)->contents = SURE;
	at(m, number)->lost = false;
}

void to_state(struct model *m, uint64_t number, enum state state)
{
	struct page *page = at(m, number);
	zero(m, number);
	page->state = state;
	page->protect = 0;
	page->locked = false;
	if (state != FREE)
		return; /* marks stay (WW-22) */
	page->allocation = page->allocation_protect = 0;
	page->watched = page->marked = page->window = false;
	page->placeholder = page->replaced = false;
}

void note_write(struct model *m, uint64_t number)
{
	struct page *page = at(m, number);
	page->lost = false;
	page->marked = page->watched;
	if (page->contents != MAY_VANISH)
		return;
	page->contents = EITHER;
	memset(m->vanished[number - m->first], 0, PAGE);
}

void store_in_page(struct model *m, uint64_t address, const uint8_t *from, uint64_t size)
{
	uint64_t number = address / PAGE, offset = address % PAGE;
	note_write(m, number);
	memcpy(&m->bytes[number - m->first][offset], from, size);
	memcpy(&m->vanished[number - m->first][offset], from, size);
}

static bool seen_in_page(struct model *m, uint64_t address, const uint8_t *actual, uint64_t size)
{
	static const uint8_t zeros[PAGE];
	uint64_t index = address / PAGE - m->first, offset = address % PAGE;
	struct page *page = &m->pages[index];
	const uint8_t *other = page->contents == EITHER ? &m->vanished[index][offset] : zeros;
	bool same = !memcmp(actual, &m->bytes[index][offset], size);
	bool vanished = page->contents != SURE && !memcmp(actual, other, size);
	if (same && page->contents == EITHER && (!vanished || size == PAGE))
		page->contents = SURE;
	if (same || !vanished)
		return same;
	page->lost = page->contents == MAY_VANISH;
	if (page->contents == MAY_VANISH)
		memset(m->bytes[index], 0, PAGE);
	else
		memcpy(m->bytes[index], m->vanished[index], PAGE);
	page->contents = SURE;
	return true;
}

uint64_t rest_of_page(uint64_t address, uint64_t size)
{
	uint64_t rest = PAGE - address % PAGE;
	return size < rest ? size : rest;
}

void model_store(struct model *m, uint64_t address, const void *from, uint64_t size)
{
	const uint8_t *bytes = from;
	for (uint64_t part; size; address += part, bytes += part, size -= part) {
		part = rest_of_page(address, size);
		store_in_page(m, address, bytes, part);
	}
}

bool model_seen(struct model *m, uint64_t address, const void *actual, uint64_t size)
{
	const uint8_t *bytes = actual;
	for (uint64_t part; size; address += part, bytes += part, size -= part) {
		part = rest_of_page(address, size);
		if (!seen_in_page(m, address, bytes, part))
			return false;
	}
	return true;
}
