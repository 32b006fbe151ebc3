/* SPDX-License-Identifier: MIT
 *
 * By the processor's own means: what has not been written cannot be written, and the fault marks it.
 */
#include "base/os_pages.h"
#include "native/pages.h"
#include "native/watch.h"
#include "space/marks.h"

static unsigned read_only(prot_t prot)
{
	return host_access(prot) & ~(unsigned)OS_PAGE_WRITE;
}

static int protect(struct range range, unsigned how)
{
	return os_pages_protect(pointer_to_page(range.start), bytes_of(range), how);
}

static unsigned access(const struct page_set *set, uint64_t page, prot_t prot)
{
	return page_set_has(set, page) ? host_access(prot) : read_only(prot);
}

/* None of a run's pages can be written, marked or not: a store to one that is marks it again. Where not even
 * that can be done, all may have been stored to. */
void watch_protect(struct page_set *set, struct range range, attr_t attr)
{
	unsigned how = attr & ATTR_OFFERED ? 0 : read_only(attr_prot(attr));
	if (protect(range, how))
		page_set_add_all(set, range);
}

/* Again as the space says, which is as it was. */
static void undo(struct native *native, struct page_set *set, struct range range)
{
	pages_undo(native, range);
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&native->space.runs, page);
		struct range piece = {page, min_u64(run.end, range.end)};
		if (attr_is_committed(run.attr))
			watch_protect(set, piece, run.attr);
		page = piece.end;
	}
}

static int open(struct native *native, struct page_set *set, struct range range, prot_t prot)
{
	unsigned how = host_access(prot);
	int error = pages_open(native, range, read_only(prot), false);
	struct range rest = range, marked;
	while (!error && how & OS_PAGE_WRITE && page_set_find(set, rest, &marked)) {
		error = protect(marked, how);
		rest.start = marked.end;
	}
	if (error)
		undo(native, set, range);
	return error;
}

static int close(struct native *native, struct page_set *set, struct range range)
{
	(void)set;
	return pages_close(native, range);
}

static void discard(struct native *native, struct page_set *set, struct range range)
{
	(void)native, (void)set;
	(void)os_pages_zero(pointer_to_page(range.start), bytes_of(range));
}

static int store(struct native *native, struct page_set *set, uint64_t page, prot_t prot)
{
	page_set_add(set, page); /* first: once the page is open, others store without a fault */
	return page_open(native, page, host_access(prot));
}

/* ---- marks ----------------------------------------------------------------------------------- */

/* Offered pages are out of reach as they are. */
static bool can_be_written(attr_t attr)
{
	return attr_is_committed(attr) && !(attr & ATTR_OFFERED) &&
	       host_access(attr_prot(attr)) & OS_PAGE_WRITE;
}

/* The next store to each marked page in a row is noticed. When the host cannot split its mappings any more all
 * of the run is protected: what is marked will be marked again by its next store. */
static bool arm(struct run run, struct range marked)
{
	unsigned how = read_only(attr_prot(run.attr));
	return !can_be_written(run.attr) || !protect(marked, how) ||
	       !protect((struct range){run.start, run.end}, how);
}

/* WW-12. Where the host cannot even do that the marks stay: no store is lost. */
static void forget(struct native *native, struct page_set *set, struct range range)
{
	struct range marked;
	while (range.start < range.end && page_set_find(set, range, &marked)) {
		struct run run = runs_at(&native->space.runs, marked.start);
		marked.end = min_u64(marked.end, run.end);
		if (arm(run, marked))
			page_set_remove(set, marked);
		range.start = marked.end;
	}
}

static void marks(struct native *native, struct page_set *set, struct range range,
                  struct marks *marks)
{
	marks_find(set, range, marks);
	if (marks->reset)
		forget(native, set, (struct range){range.start, marks->end});
}

const struct watch_way watch_by_faults = {
	.name = NTMM_WATCH_BY_FAULTS,
	.access = access,
	.open = open,
	.close = close,
	.discard = discard,
	.store = store,
	.marks = marks,
};
