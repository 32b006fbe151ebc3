/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#define LOWEST 16 /* first page that can be allocated (AS-1) */
#define SHARED_PAGE UINT64_C(0x7FFE0) /* AS-4 */
#define BASES 0xFFu
#define CACHE (PAGE_NOCACHE | PAGE_WRITECOMBINE)
#define LOWER_WALL 1u
#define UPPER_WALL 2u
#define MINIMUM_WORKING_SET 50
#define NOT_LOCKABLE 20 /* of them (VL-7) */

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
static const struct page lower_wall = {RESERVED, LOWER_WALL, PAGE_NOACCESS, 0, false, SURE, false};
static const struct page upper_wall = {RESERVED, UPPER_WALL, PAGE_NOACCESS, 0, false, SURE, false};

static bool in_window(const struct model *m, uint64_t number)
{
	return number >= m->first && number < m->first + m->count;
}

static const struct page *look(const struct model *m, uint64_t number)
{
	if (in_window(m, number))
		return &m->pages[number - m->first];
	if (number < LOWEST)
		return &free_page;
	return number < m->first ? &lower_wall : &upper_wall;
}

static struct page *at(struct model *m, uint64_t number)
{
	if (!in_window(m, number))
		abort(); /* the walls are not to be changed */
	return &m->pages[number - m->first];
}

static bool looks_alike(const struct page *a, const struct page *b)
{
	return a->state == b->state && a->allocation == b->allocation && a->protect == b->protect;
}

bool model_equal(const struct model *a, const struct model *b)
{
	for (unsigned i = 0; i < a->count; i++) {
		const struct page *p = &a->pages[i], *q = &b->pages[i];
		if (!looks_alike(p, q) || p->allocation_protect != q->allocation_protect || p->locked != q->locked ||
		    p->contents != q->contents || p->lost != q->lost)
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

/* Page numbers, both inclusive (G-1). */
struct span {
	uint64_t first, last;
};

/* False when the range is empty, goes around or ends above `highest`. */
static bool span_of(uint64_t address, uint64_t size, uint64_t highest, struct span *span)
{
	if (!size || address + (size - 1) < address || address + (size - 1) > highest)
		return false;
	*span = (struct span){address / PAGE, (address + (size - 1)) / PAGE};
	return true;
}

static bool one_allocation(const struct model *m, struct span span)
{
	unsigned allocation = look(m, span.first)->allocation;
	for (uint64_t n = span.first; n <= span.last; n++)
		if (look(m, n)->allocation != allocation)
			return false;
	return allocation != 0;
}

static bool all_in(const struct model *m, struct span span, enum state state)
{
	for (uint64_t n = span.first; n <= span.last; n++)
		if (look(m, n)->state != state)
			return false;
	return true;
}

/* The whole allocation of a page of the window. */
static struct span allocation_of(const struct model *m, uint64_t number)
{
	struct span span = {number, number};
	unsigned allocation = look(m, number)->allocation;
	while (look(m, span.first - 1)->allocation == allocation)
		span.first--;
	while (look(m, span.last + 1)->allocation == allocation)
		span.last++;
	return span;
}

static struct answer refuse(uint32_t error)
{
	return (struct answer){.error = error};
}

static struct answer did(struct span span)
{
	return (struct answer){.base = span.first * PAGE, .size = (span.last - span.first + 1) * PAGE};
}

/* ---- protections ---------------------------------------------------------------------------- */

static bool executable(uint32_t protect)
{
	return protect & (PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY);
}

static bool writable(uint32_t protect)
{
	return protect & (PAGE_READWRITE | PAGE_EXECUTE_READWRITE);
}

static bool is_copy(uint32_t protect)
{
	return protect & (PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY);
}

/* PR-1 to PR-6; `targets`: where that bit is known. */
static bool valid(uint32_t protect, bool targets)
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
	return modifiers == 0 || modifiers == PAGE_GUARD || modifiers == PAGE_NOCACHE || modifiers == PAGE_WRITECOMBINE;
}

/* What a page gets: the cache bits are the allocation's (PR-8), and go with no other modifier. */
static uint32_t effective(const struct page *page, uint32_t protect)
{
	if (protect & PAGE_GUARD)
		return (protect & BASES) | PAGE_GUARD;
	if ((protect & BASES) == PAGE_NOACCESS)
		return PAGE_NOACCESS;
	return (protect & BASES) | (page->allocation_protect & CACHE);
}

static void set_protect(struct page *page, uint32_t protect)
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

static void to_state(struct model *m, uint64_t number, enum state state)
{
	struct page *page = at(m, number);
	zero(m, number);
	page->state = state;
	page->protect = 0;
	page->locked = false;
	if (state == FREE)
		page->allocation = page->allocation_protect = 0;
}

static void store_in_page(struct model *m, uint64_t address, const uint8_t *from, uint64_t size)
{
	uint64_t number = address / PAGE, offset = address % PAGE;
	struct page *page = at(m, number);
	memcpy(&m->bytes[number - m->first][offset], from, size);
	if (page->contents == MAY_VANISH) {
		page->contents = EITHER;
		memset(m->vanished[number - m->first], 0, PAGE);
	}
	memcpy(&m->vanished[number - m->first][offset], from, size);
	page->lost = false;
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

static uint64_t rest_of_page(uint64_t address, uint64_t size)
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

/* ---- commit charge -------------------------------------------------------------------------- */

static bool is_committed(const struct model *m, uint64_t number)
{
	return number == SHARED_PAGE || look(m, number)->state == COMMITTED;
}

/* Whether a table that maps 2^shift pages, among them `number`, is needed already. */
static bool table_needed(const struct model *m, uint64_t number, unsigned shift)
{
	if (SHARED_PAGE >> shift == number >> shift)
		return true;
	for (uint64_t n = m->first; n < m->first + m->count; n++)
		if (n >> shift == number >> shift && is_committed(m, n))
			return true;
	return false;
}

/* Pages, and a page for each table that they are the first to need. */
static uint64_t commit_cost(const struct model *m, struct span span)
{
	uint64_t cost = 0;
	for (uint64_t n = span.first; n <= span.last; n++)
		cost += !is_committed(m, n);
	for (unsigned shift = 9; cost && shift <= 27; shift += 9)
		for (uint64_t n = span.first; n <= span.last; n++)
			if (!table_needed(m, n, shift) && (n == span.first || n >> shift != (n - 1) >> shift))
				cost++;
	return cost;
}

/* ---- VirtualAlloc --------------------------------------------------------------------------- */

#define ACTIONS (MEM_COMMIT | MEM_RESERVE | MEM_RESET | MEM_RESET_UNDO)
#define NOT_YET (MEM_WRITE_WATCH | MEM_PHYSICAL | MEM_LARGE_PAGES)

/* VA-3 to VA-8. */
static bool type_ok(uint32_t type)
{
	if (type & ~(uint32_t)(ACTIONS | NOT_YET | MEM_TOP_DOWN) || !(type & ACTIONS))
		return false;
	if (type & (MEM_RESET | MEM_RESET_UNDO) && type & (type - 1))
		return false;
	if (type & MEM_LARGE_PAGES && (!(type & MEM_COMMIT) || type & (MEM_PHYSICAL | MEM_WRITE_WATCH)))
		return false;
	if (type & MEM_WRITE_WATCH && !(type & MEM_RESERVE))
		return false;
	return !(type & MEM_PHYSICAL) || (type | MEM_TOP_DOWN) == (MEM_PHYSICAL | MEM_RESERVE | MEM_TOP_DOWN);
}

/* VA-9, VA-10. */
static bool alloc_protect_ok(uint32_t type, uint32_t protect)
{
	if (type & MEM_PHYSICAL && protect != PAGE_READWRITE)
		return false;
	return valid(protect, type & MEM_COMMIT);
}

static void commit_pages(struct model *m, struct span span, uint32_t protect)
{
	for (uint64_t n = span.first; n <= span.last; n++) {
		if (at(m, n)->state != COMMITTED)
			to_state(m, n, COMMITTED);
		set_protect(at(m, n), protect);
	}
}

static void reserve_pages(struct model *m, struct span span, uint32_t protect)
{
	m->last_allocation++;
	for (uint64_t n = span.first; n <= span.last; n++) {
		at(m, n)->state = RESERVED;
		at(m, n)->allocation = m->last_allocation;
		at(m, n)->allocation_protect = protect & ~(uint32_t)PAGE_TARGETS_INVALID;
	}
}

/* VA-21, AS-9: the lowest place, or the highest, at a multiple of 64 KB. */
static bool choose_place(const struct model *m, uint64_t pages, bool top_down, struct span *span)
{
	bool found = false;
	for (uint64_t n = m->first; n + pages <= m->first + m->count; n += GRANULE / PAGE) {
		struct span here = {n, n + pages - 1};
		if (!all_in(m, here, FREE) || (found && !top_down))
			continue;
		found = true;
		*span = here;
	}
	return found;
}

/* `span` covers the bytes named; with address 0 its length counts. */
static struct answer reserve(struct model *m, uint64_t address, struct span span, uint32_t type, uint32_t protect)
{
	if (is_copy(protect))
		return refuse(ERROR_INVALID_PARAMETER); /* VA-17 */
	if (!address) {
		if (!choose_place(m, span.last + 1, type & MEM_TOP_DOWN, &span))
			return refuse(ERROR_NOT_ENOUGH_MEMORY); /* VA-26 */
	} else {
		span.first = span.first / 16 * 16; /* VA-22 */
		if (!all_in(m, span, FREE))
			return refuse(ERROR_INVALID_ADDRESS); /* VA-24 */
	}
	if (type & MEM_COMMIT && commit_cost(m, span) > m->commit_left)
		return refuse(ERROR_COMMITMENT_LIMIT); /* VA-31 */
	reserve_pages(m, span, protect);
	if (type & MEM_COMMIT)
		commit_pages(m, span, protect); /* VA-23 */
	return did(span);
}

static struct answer commit(struct model *m, struct span span, uint32_t protect)
{
	if (!one_allocation(m, span))
		return refuse(ERROR_INVALID_ADDRESS); /* VA-41 */
	if (is_copy(protect))
		return refuse(ERROR_INVALID_PARAMETER); /* VA-17 */
	if (commit_cost(m, span) > m->commit_left)
		return refuse(ERROR_COMMITMENT_LIMIT);
	commit_pages(m, span, protect);
	return did(span);
}

/* VA-60: whole pages only. False when there are none. */
static bool inward(uint64_t address, uint64_t size, struct span *span)
{
	uint64_t first = (address + PAGE - 1) / PAGE, end = (address + size) / PAGE;
	*span = (struct span){first, end - 1};
	return end > first;
}

static struct answer reset(struct model *m, uint64_t address, uint64_t size, struct span span)
{
	struct span whole;
	if (!one_allocation(m, span))
		return refuse(ERROR_INVALID_ADDRESS); /* VA-62 */
	if (inward(address, size, &whole))
		for (uint64_t n = whole.first; n <= whole.last; n++)
			if (at(m, n)->state == COMMITTED) { /* VA-63 */
				at(m, n)->contents = MAY_VANISH;
				at(m, n)->lost = false;
			}
	return did(span);
}

static struct answer reset_undo(struct model *m, uint64_t address, uint64_t size, struct span span)
{
	struct span whole;
	struct answer answer = did(span);
	if (!one_allocation(m, span))
		return refuse(ERROR_INVALID_ADDRESS);
	if (!inward(address, size, &whole))
		return answer;
	for (uint64_t n = whole.first; n <= whole.last; n++) {
		if (at(m, n)->lost)
			answer.error = ERROR_INVALID_ADDRESS; /* VA-69 */
		if (at(m, n)->contents == MAY_VANISH)
			answer.may_be_lost = true;
	}
	return answer;
}

void model_undone(struct model *m, uint64_t address, uint64_t size, uint32_t error)
{
	struct span whole;
	if (!inward(address, size, &whole))
		return;
	for (uint64_t n = whole.first; n <= whole.last; n++) {
		struct page *page = at(m, n);
		if (page->contents == MAY_VANISH) {
			page->contents = error ? EITHER : SURE;
			memset(m->vanished[n - m->first], 0, PAGE);
		}
		page->lost = false;
	}
}

struct answer model_allocate(struct model *m, uint64_t address, uint64_t size, uint32_t type, uint32_t protect)
{
	struct span span;
	if (address && address < GRANULE)
		return refuse(ERROR_INVALID_PARAMETER); /* VA-1 */
	if (!type_ok(type) || !alloc_protect_ok(type, protect))
		return refuse(ERROR_INVALID_PARAMETER);
	if (type & NOT_YET)
		return refuse(ERROR_NOT_SUPPORTED);
	if (!span_of(address, size, m->highest, &span))
		return refuse(ERROR_INVALID_PARAMETER); /* VA-12 to VA-14 */
	if (type == MEM_RESET)
		return reset(m, address, size, span);
	if (type == MEM_RESET_UNDO)
		return reset_undo(m, address, size, span);
	if (type & MEM_RESERVE || !address) /* VA-20 */
		return reserve(m, address, span, type, protect);
	return commit(m, span, protect);
}

/* ---- VirtualFree ---------------------------------------------------------------------------- */

/* VF-33: what lies above the hole is an allocation of its own. */
static void split_above(struct model *m, uint64_t last)
{
	unsigned allocation = at(m, last)->allocation;
	m->last_allocation++;
	for (uint64_t n = last + 1; look(m, n)->allocation == allocation; n++)
		at(m, n)->allocation = m->last_allocation;
}

static uint32_t free_type_error(uint32_t type)
{
	if (type == MEM_DECOMMIT || type == MEM_RELEASE)
		return 0;
	if (type == (MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER) || type == (MEM_RELEASE | MEM_COALESCE_PLACEHOLDERS))
		return ERROR_NOT_SUPPORTED;
	return ERROR_INVALID_PARAMETER; /* VF-2 */
}

struct answer model_free(struct model *m, uint64_t address, uint64_t size, uint32_t type, bool win32)
{
	struct span span, all;
	if (win32 && type == MEM_RELEASE && size)
		return refuse(ERROR_INVALID_PARAMETER); /* VF-1 */
	if (free_type_error(type))
		return refuse(free_type_error(type));
	if (!span_of(address, size ? size : 1, m->maximum, &span))
		return refuse(ERROR_INVALID_PARAMETER); /* VF-3 */
	if (!look(m, span.first)->allocation)
		return refuse(ERROR_INVALID_ADDRESS); /* VF-4 */
	all = allocation_of(m, span.first);
	if (!size && span.first != all.first)
		return refuse(ERROR_INVALID_ADDRESS); /* VF-11, VF-30 */
	if (!size)
		span = all;
	if (span.last > all.last)
		return refuse(ERROR_INVALID_PARAMETER); /* VF-5 */
	if (type == MEM_RELEASE)
		split_above(m, span.last);
	for (uint64_t n = span.first; n <= span.last; n++)
		to_state(m, n, type == MEM_RELEASE ? FREE : RESERVED);
	struct answer answer = did(span);
	if (!size && type == MEM_DECOMMIT)
		answer.size = 0; /* VF-20 */
	return answer;
}

/* ---- VirtualProtect, VirtualQuery ----------------------------------------------------------- */

struct answer model_protect(struct model *m, uint64_t address, uint64_t size, uint32_t protect)
{
	struct span span;
	if (!valid(protect, true))
		return refuse(ERROR_INVALID_PARAMETER); /* VP-1 */
	if (!span_of(address, size, m->maximum, &span))
		return refuse(ERROR_INVALID_PARAMETER); /* VP-3 */
	if (!one_allocation(m, span))
		return refuse(ERROR_INVALID_ADDRESS); /* VP-4 */
	if (is_copy(protect))
		return refuse(ERROR_INVALID_PARAMETER); /* VP-8 */
	if (!all_in(m, span, COMMITTED))
		return refuse(ERROR_INVALID_ADDRESS); /* VP-5 */
	struct answer answer = did(span);
	answer.old = at(m, span.first)->protect; /* VP-6 */
	for (uint64_t n = span.first; n <= span.last; n++)
		set_protect(at(m, n), protect);
	return answer;
}

MEMORY_BASIC_INFORMATION model_query(const struct model *m, uint64_t address)
{
	uint64_t number = address / PAGE, end = number + 1;
	const struct page *page = look(m, number);
	static const DWORD states[] = {MEM_FREE, MEM_RESERVE, MEM_COMMIT};
	MEMORY_BASIC_INFORMATION info = {.BaseAddress = (PVOID)(uintptr_t)(number * PAGE), .State = states[page->state]};
	while (looks_alike(look(m, end), page)) /* VQ-7; ends at a wall */
		end++;
	info.RegionSize = (end - number) * PAGE;
	info.Protect = page->state == FREE ? PAGE_NOACCESS : page->protect;
	if (page->state == FREE)
		return info;
	info.AllocationProtect = page->allocation_protect;
	info.Type = MEM_PRIVATE;
	info.AllocationBase = (PVOID)(uintptr_t)(allocation_of(m, number).first * PAGE);
	return info;
}

/* ---- accesses ------------------------------------------------------------------------------- */

static bool allows(const struct model *m, uint32_t protect, ntmm_access access)
{
	if (protect & PAGE_NOACCESS)
		return false;
	if (access == NTMM_STORE)
		return writable(protect);
	return access == NTMM_LOAD || !m->nx || executable(protect); /* PR-10 */
}

static bool is_guard(const struct page *page)
{
	return page->state == COMMITTED && page->protect & PAGE_GUARD;
}

/* GP-2: once. */
static void consume_guard(struct page *page)
{
	page->protect = effective(page, page->protect & BASES);
}

struct raised model_access(struct model *m, ntmm_access access, uint64_t address, uint64_t size)
{
	uint64_t kind = access == NTMM_STORE ? 1 : access == NTMM_FETCH && m->nx ? 8 : 0; /* EX-1, EX-2 */
	uint64_t end = address + size;
	while (address < end) {
		uint64_t number = address / PAGE;
		const struct page *page = look(m, number);
		if (is_guard(page)) {
			consume_guard(at(m, number));
			return (struct raised){(uint32_t)STATUS_GUARD_PAGE_VIOLATION, kind, address};
		}
		if (page->state != COMMITTED || !allows(m, page->protect, access))
			return (struct raised){(uint32_t)STATUS_ACCESS_VIOLATION, kind, address};
		address = (number + 1) * PAGE; /* EX-3 */
	}
	return (struct raised){0};
}

struct answer model_service(struct model *m, ntmm_access access, uint64_t address, uint64_t size)
{
	struct answer answer = {0};
	while (answer.done < size) {
		uint64_t part = rest_of_page(address + answer.done, size - answer.done);
		answer.error = model_access(m, access, address + answer.done, part).code;
		if (answer.error)
			break;
		answer.done += part;
	}
	return answer;
}

/* ---- ReadProcessMemory, WriteProcessMemory --------------------------------------------------- */

struct answer model_read(const struct model *m, uint64_t address, uint64_t size)
{
	struct span span;
	struct answer answer = {0};
	if (!size)
		return answer; /* PM-1 */
	if (!span_of(address, size, m->maximum, &span))
		return refuse(ERROR_NOACCESS); /* PM-2 */
	while (answer.done < size) {
		const struct page *page = look(m, (address + answer.done) / PAGE);
		if (page->state != COMMITTED || page->protect & (PAGE_NOACCESS | PAGE_GUARD)) { /* PM-4, GP-10 */
			answer.error = ERROR_PARTIAL_COPY; /* PM-5 */
			break;
		}
		answer.done += rest_of_page(address + answer.done, size - answer.done);
	}
	return answer;
}

/* PM-8, and PM-11 for code when the call is not the native one. */
static bool may_write(const struct page *page, bool native)
{
	if (page->state != COMMITTED || page->protect & PAGE_GUARD)
		return false;
	return writable(page->protect) || (!native && executable(page->protect));
}

/* PM-12, PM-13. */
static uint32_t write_error(const struct model *m, struct span span)
{
	const struct page *page = look(m, span.first);
	if (!one_allocation(m, span) || !all_in(m, span, COMMITTED))
		return ERROR_INVALID_ADDRESS;
	return may_write(page, false) ? 0 : ERROR_NOACCESS;
}

struct answer model_write(struct model *m, uint64_t address, const uint8_t *from, uint64_t size, bool native)
{
	struct span span;
	struct answer answer = {0};
	if (!size)
		return answer;
	if (!span_of(address, size, m->maximum, &span))
		return refuse(ERROR_NOACCESS);
	if (!native && write_error(m, span))
		return refuse(write_error(m, span));
	while (answer.done < size) {
		uint64_t part = rest_of_page(address + answer.done, size - answer.done);
		if (!may_write(look(m, (address + answer.done) / PAGE), native)) {
			answer.error = answer.done ? ERROR_PARTIAL_COPY : ERROR_NOACCESS;
			break;
		}
		store_in_page(m, address + answer.done, from + answer.done, part);
		answer.done += part;
	}
	return answer;
}

/* ---- VirtualLock ---------------------------------------------------------------------------- */

static bool has_holes(const struct model *m, struct span span)
{
	for (uint64_t n = span.first; n <= span.last; n++)
		if (look(m, n)->state == FREE)
			return true;
	return false;
}

/* The first page that stops it decides; *stop is which. */
static uint32_t lock_error(const struct model *m, struct span span, uint64_t *stop)
{
	unsigned locked = model_locked(m);
	for (*stop = span.first; *stop <= span.last; ++*stop) {
		const struct page *page = look(m, *stop);
		if (is_guard(page))
			return ERROR_GUARD_PAGE_VIOLATION; /* VL-5 */
		if (page->state != COMMITTED || page->protect & PAGE_NOACCESS)
			return ERROR_NOACCESS; /* VL-4 */
		if (!page->locked && ++locked > MINIMUM_WORKING_SET - NOT_LOCKABLE)
			return ERROR_WORKING_SET_QUOTA; /* VL-7 */
	}
	return 0;
}

struct answer model_lock(struct model *m, uint64_t address, uint64_t size)
{
	struct span span;
	uint64_t stop;
	if (!span_of(address, size, m->maximum, &span))
		return refuse(ERROR_INVALID_PARAMETER); /* VL-2 */
	if (has_holes(m, span))
		return refuse(ERROR_NOACCESS); /* VL-3 */
	if (span.last - span.first + 1 > MINIMUM_WORKING_SET)
		return refuse(ERROR_WORKING_SET_QUOTA);
	uint32_t error = lock_error(m, span, &stop);
	if (error == ERROR_GUARD_PAGE_VIOLATION)
		consume_guard(at(m, stop));
	if (error)
		return refuse(error);
	for (uint64_t n = span.first; n <= span.last; n++)
		at(m, n)->locked = true;
	return did(span);
}

struct answer model_unlock(struct model *m, uint64_t address, uint64_t size)
{
	struct span span;
	if (!span_of(address, size, m->maximum, &span))
		return refuse(ERROR_INVALID_PARAMETER);
	for (uint64_t n = span.first; n <= span.last; n++)
		if (!look(m, n)->locked)
			return refuse(ERROR_NOT_LOCKED); /* VL-21, VL-22 */
	for (uint64_t n = span.first; n <= span.last; n++)
		at(m, n)->locked = false; /* VL-9: no count */
	return did(span);
}
