/* SPDX-License-Identifier: MIT
 *
 * Who uses pages: accesses, copies, locks; and which were written.
 */
#include "parts.h"

#define MINIMUM_WORKING_SET 50
#define NOT_LOCKABLE 20 /* of them (VL-7) */

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
	uint64_t kind = access == NTMM_STORE            ? 1
	                : access == NTMM_FETCH && m->nx ? 8
	                                                : 0; /* EX-1, EX-2 */
	uint64_t end = address + size;
	while (address < end) {
		uint64_t number = address / PAGE;
		const struct page *page = look(m, number);
		if (is_guard(page)) {
			consume_guard(at(m, number));
			return (struct raised){(uint32_t)STATUS_GUARD_PAGE_VIOLATION, kind,
			                       address};
		}
		if (page->state != COMMITTED || !allows(m, page->protect, access))
			return (struct raised){(uint32_t)STATUS_ACCESS_VIOLATION, kind, address};
		if (access == NTMM_STORE)
			note_write(m, number);
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

/* ---- ReadProcessMemory, WriteProcessMemory -------------------------------------------------- */

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
		if (page->state != COMMITTED ||
		    page->protect & (PAGE_NOACCESS | PAGE_GUARD)) { /* PM-4, GP-10 */
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

struct answer model_write(struct model *m, uint64_t address, const uint8_t *from, uint64_t size,
                          bool native)
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

static uint32_t hole_error(const struct model *m, struct span span)
{
	for (uint64_t n = span.first; n <= span.last; n++) {
		if (look(m, n)->state == FREE)
			return ERROR_NOACCESS;
		if (look(m, n)->window)
			return ERROR_INVALID_PARAMETER;
	}
	return 0;
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
	if (hole_error(m, span))
		return refuse(hole_error(m, span)); /* VL-3 */
	if (span.last - span.first + 1 > MINIMUM_WORKING_SET)
		return refuse(ERROR_WORKING_SET_QUOTA);
	uint32_t error = lock_error(m, span, &stop);
	if (error == ERROR_GUARD_PAGE_VIOLATION)
		consume_guard(at(m, stop));
	if (error)
		return refuse(error);
	for (uint64_t n = span.first; n <= span.last; n++)
		at(m, n)->locked = true;
	for (uint64_t n = span.first; n <= span.last; n++)
		at(m, n)->marked = at(m, n)->watched; /* VL-12 */
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

/* ---- write watch ---------------------------------------------------------------------------- */

static bool is_watched(const struct model *m, uint64_t address, uint64_t size, struct span *span)
{
	return span_of(address, size, m->maximum, span) && one_allocation(m, *span) &&
	       look(m, span->first)->watched;
}

struct answer model_get_watch(struct model *m, uint64_t address, uint64_t size, uint32_t flags,
                              uint64_t most, uint64_t *addresses)
{
	struct span span;
	struct answer answer = {0};
	if (flags & ~(uint32_t)WRITE_WATCH_FLAG_RESET || !most ||
	    !is_watched(m, address, size, &span))
		return refuse(ERROR_INVALID_PARAMETER); /* WW-2 */
	for (uint64_t n = span.first; n <= span.last && answer.done < most; n++) {
		if (!at(m, n)->marked)
			continue;
		addresses[answer.done++] = n * PAGE;
		at(m, n)->marked = !flags; /* WW-7 */
	}
	return answer;
}

struct answer model_reset_watch(struct model *m, uint64_t address, uint64_t size)
{
	struct span span;
	if (!is_watched(m, address, size, &span))
		return refuse(ERROR_INVALID_PARAMETER); /* WW-25 */
	for (uint64_t n = span.first; n <= span.last; n++)
		at(m, n)->marked = false;
	return did(span);
}
