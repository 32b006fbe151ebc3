/* SPDX-License-Identifier: MIT
 *
 * Calls on ranges: VirtualAlloc, VirtualAlloc2, VirtualProtect, VirtualQuery.
 */
#include "parts.h"

#include <string.h>

#define SHARED_PAGE UINT64_C(0x7FFE0) /* AS-4 */

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
			if (!table_needed(m, n, shift) &&
			    (n == span.first || n >> shift != (n - 1) >> shift))
				cost++;
	return cost;
}

/* All the tables that a window can need. */
static uint64_t window_cost(struct span span)
{
	uint64_t cost = 0;
	for (unsigned shift = 9; shift <= 27; shift += 9)
		cost += (span.last >> shift) - (span.first >> shift) + 1;
	return cost;
}

/* ---- VirtualAlloc --------------------------------------------------------------------------- */

#define ACTIONS (MEM_COMMIT | MEM_RESERVE | MEM_RESET | MEM_RESET_UNDO)
#define PLACEHOLDERS (MEM_RESERVE_PLACEHOLDER | MEM_REPLACE_PLACEHOLDER)
#define KNOWN \
	(ACTIONS | MEM_PHYSICAL | MEM_LARGE_PAGES | MEM_TOP_DOWN | MEM_WRITE_WATCH | PLACEHOLDERS)

/* PH-1, PH-5. */
static bool placeholder_ok(uint32_t type)
{
	if (type & MEM_RESERVE_PLACEHOLDER)
		return (type | MEM_TOP_DOWN) ==
		       (MEM_RESERVE | MEM_RESERVE_PLACEHOLDER | MEM_TOP_DOWN);
	return !(type & MEM_REPLACE_PLACEHOLDER) ||
	       (type & MEM_RESERVE && !(type & MEM_LARGE_PAGES));
}

/* VA-3 to VA-8. */
static bool type_ok(uint32_t type)
{
	if (type & ~(uint32_t)KNOWN || !(type & ACTIONS) || !placeholder_ok(type))
		return false;
	if (type & (MEM_RESET | MEM_RESET_UNDO) && type & (type - 1))
		return false;
	if (type & MEM_LARGE_PAGES &&
	    (!(type & MEM_COMMIT) || !(type & MEM_RESERVE) ||
	                               type & (MEM_PHYSICAL | MEM_WRITE_WATCH)))
		return false;
	if (type & MEM_WRITE_WATCH && !(type & MEM_RESERVE))
		return false;
	return !(type & MEM_PHYSICAL) ||
	       (type | MEM_TOP_DOWN) == (MEM_PHYSICAL | MEM_RESERVE | MEM_TOP_DOWN);
}

/* VA-9, VA-10. */
static bool alloc_protect_ok(uint32_t type, uint32_t protect)
{
	if (type & MEM_PHYSICAL && protect != PAGE_READWRITE)
		return false;
	if (type & MEM_LARGE_PAGES &&
	    protect & (PAGE_NOACCESS | PAGE_GUARD | PAGE_NOCACHE | PAGE_WRITECOMBINE))
		return false; /* LP-6 */
	if (type & MEM_RESERVE_PLACEHOLDER && protect != PAGE_NOACCESS)
		return false; /* PH-1 */
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

static void reserve_pages(struct model *m, struct span span, uint32_t type, uint32_t protect)
{
	m->last_allocation++;
	for (uint64_t n = span.first; n <= span.last; n++) {
		at(m, n)->state = RESERVED;
		at(m, n)->allocation = m->last_allocation;
		at(m, n)->watched = type & MEM_WRITE_WATCH;
		at(m, n)->window = type & MEM_PHYSICAL;
		at(m, n)->allocation_protect = protect & ~(uint32_t)PAGE_TARGETS_INVALID;
		at(m, n)->placeholder = type & MEM_RESERVE_PLACEHOLDER;
		at(m, n)->replaced = type & MEM_REPLACE_PLACEHOLDER;
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
static struct answer reserve(struct model *m, uint64_t address, struct span span, uint32_t type,
                             uint32_t protect)
{
	if (is_copy(protect))
		return refuse(ERROR_INVALID_PARAMETER); /* VA-17 */
	if (type & MEM_REPLACE_PLACEHOLDER) {
		if (!one_placeholder(m, span))
			return refuse(ERROR_INVALID_ADDRESS); /* PH-5 */
	} else if (!address) {
		if (!choose_place(m, span.last + 1, type & MEM_TOP_DOWN, &span))
			return refuse(ERROR_NOT_ENOUGH_MEMORY); /* VA-26 */
	} else {
		span.first = span.first / 16 * 16; /* VA-22 */
		if (!all_in(m, span, FREE))
			return refuse(ERROR_INVALID_ADDRESS); /* VA-24 */
	}
	if (type & MEM_COMMIT && commit_cost(m, span) > m->commit_left)
		return refuse(ERROR_COMMITMENT_LIMIT); /* VA-31 */
	if (type & MEM_PHYSICAL && window_cost(span) > m->commit_left)
		return refuse(ERROR_COMMITMENT_LIMIT);
	reserve_pages(m, span, type, protect);
	if (type & MEM_COMMIT)
		commit_pages(m, span, protect); /* VA-23 */
	return did(span);
}

static struct answer commit(struct model *m, struct span span, uint32_t protect)
{
	if (!one_allocation(m, span) || look(m, span.first)->placeholder)
		return refuse(ERROR_INVALID_ADDRESS); /* VA-41, VA-50 */
	if (look(m, span.first)->window)
		return refuse(ERROR_INVALID_ADDRESS); /* VA-48 */
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
	if (look(m, span.first)->window)
		return refuse(ERROR_INVALID_ADDRESS); /* VA-67 */
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
	if (look(m, span.first)->window)
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

struct answer model_allocate2(struct model *m, uint64_t address, uint64_t size, uint32_t type,
                              uint32_t protect)
{
	struct span span;
	if (address && address < GRANULE)
		return refuse(ERROR_INVALID_PARAMETER); /* VA-1 */
	if (!type_ok(type) || !alloc_protect_ok(type, protect))
		return refuse(ERROR_INVALID_PARAMETER);
	if (!span_of(address, size, m->highest, &span))
		return refuse(ERROR_INVALID_PARAMETER); /* VA-12 to VA-14 */
	if (type & MEM_LARGE_PAGES)
		return refuse(ERROR_PRIVILEGE_NOT_HELD); /* LP-5: held, but not enabled */
	if (type == MEM_RESET)
		return reset(m, address, size, span);
	if (type == MEM_RESET_UNDO)
		return reset_undo(m, address, size, span);
	if (type & MEM_RESERVE || !address) /* VA-20 */
		return reserve(m, address, span, type, protect);
	return commit(m, span, protect);
}

struct answer model_allocate(struct model *m, uint64_t address, uint64_t size, uint32_t type,
                             uint32_t protect)
{
	if (type & PLACEHOLDERS)
		return refuse(ERROR_INVALID_PARAMETER); /* V2-1 */
	return model_allocate2(m, address, size, type, protect);
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
	if (look(m, span.first)->window)
		return refuse(ERROR_INVALID_ADDRESS); /* VP-11 */
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
	MEMORY_BASIC_INFORMATION info = {.BaseAddress = (PVOID)(uintptr_t)(number * PAGE),
	                                 .State = states[page->state]};
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
