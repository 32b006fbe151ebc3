/* SPDX-License-Identifier: MIT
 *
 * By the host, which notes stores to pages that are armed, from when they are committed on. A page is marked
 * when it is in the set or the host says that it was written.
 *
 * What cannot be told, because the program has closed our descriptors or the host has no memory, is
 * taken as written: no store is lost.
 */
#include "base/os_pages.h"
#include "native/pages.h"
#include "native/watch.h"
#include "space/marks.h"

#define ROOM 128 /* rows of pages that are harvested at a time */

_Static_assert(sizeof(struct marked) == sizeof(struct os_written) &&
                       offsetof(struct marked, end) == offsetof(struct os_written, end),
               "the host tells straight into an answer");

static unsigned access(const struct page_set *set, uint64_t page, prot_t prot)
{
	(void)set, (void)page;
	return host_access(prot);
}

/* The next committed pages in a row of `range`, from its start on. */
static bool next_committed(const struct native *native, struct range range, struct range *found)
{
	if (range.start >= range.end ||
	    !runs_committed_from(&native->space.runs, range.start, found) ||
	    found->start >= range.end)
		return false;
	found->start = max_u64(found->start, range.start);
	found->end = min_u64(found->end, range.end);
	return true;
}

/* ---- asking the host ------------------------------------------------------------------------- */

static void add(struct page_set *set, const struct os_written *found, size_t count)
{
	for (size_t i = 0; i < count; i++)
		page_set_add_all(set, (struct range){page_of(found[i].start), page_of(found[i].end)});
}

/* Committed pages in a row. */
static void harvest_row(const struct watch *watch, struct page_set *set, struct range row,
                        bool rearm)
{
	struct os_written found[ROOM];
	struct os_watch_scan scan = {.start = address_of(row.start),
	                             .end = address_of(row.end),
	                             .rearm = rearm,
	                             .found = found,
	                             .room = ROOM,
	                             .most = UINT64_MAX};
	for (; scan.start < scan.end; scan.start = scan.stop) {
		if (os_watch_scan(&watch->host, &scan)) {
			page_set_add_all(set, row);
			return;
		}
		add(set, found, scan.count);
	}
}

static void harvest(const struct native *native, struct page_set *set, struct range range,
                    bool rearm)
{
	struct range row;
	for (; next_committed(native, range, &row); range.start = row.end)
		harvest_row(&native->watch, set, row, rearm);
}

void watch_harvest(const struct native *native, struct page_set *set, struct range range)
{
	harvest(native, set, range, false);
}

/* ---- opening, closing ------------------------------------------------------------------------ */

int watch_arm(const struct native *native, struct range range)
{
	return os_watch_arm(&native->watch.host, pointer_to_page(range.start), bytes_of(range));
}

/* The pages that are not committed yet. */
static int arm_new(const struct native *native, struct range range)
{
	struct range row;
	int error = 0;
	while (!error && range.start < range.end) {
		bool more = next_committed(native, range, &row);
		struct range new = {range.start, more ? row.start : range.end};
		if (new.start < new.end)
			error = watch_arm(native, new);
		range.start = more ? row.end : range.end;
	}
	return error;
}

/* New pages cannot be written before they are armed. */
static int open(struct native *native, struct page_set *set, struct range range, prot_t prot)
{
	unsigned how = host_access(prot);
	(void)set;
	if (runs_committed(&native->space.runs, range) == range_pages(range))
		return pages_open(native, range, how, false);
	int error = pages_open(native, range, how & ~(unsigned)OS_PAGE_WRITE, false);
	if (error)
		return error;
	error = arm_new(native, range);
	if (!error && how & OS_PAGE_WRITE)
		error = os_pages_protect(pointer_to_page(range.start), bytes_of(range), how);
	if (error)
		pages_undo(native, range);
	return error;
}

/* Shut, so that what comes to the place next is not the host's to watch. */
static int close(struct native *native, struct page_set *set, struct range range)
{
	harvest(native, set, range, false);
	return pages_shut(native, range);
}

static void discard(struct native *native, struct page_set *set, struct range range)
{
	harvest(native, set, range, false);
	(void)os_pages_zero(pointer_to_page(range.start), bytes_of(range));
	if (watch_arm(native, range))
		page_set_add_all(set, range);
}

static int store(struct native *native, struct page_set *set, uint64_t page, prot_t prot)
{
	(void)set;
	return page_open(native, page, host_access(prot));
}

/* ---- marks ----------------------------------------------------------------------------------- */

struct asking {
	struct native *native;
	struct page_set *set;
	struct marks *marks;
	uint64_t left; /* pages to be told of */
};

/* By the set, to which all that the host has goes first. */
static void by_set(struct asking *asking, struct range range)
{
	struct marks *marks = asking->marks;
	harvest(asking->native, asking->set, range, marks->reset);
	marks_find(asking->set, range, marks);
	range.end = marks->end;
	if (marks->reset)
		page_set_remove(asking->set, range);
}

enum outcome { ROW_DONE, ROW_FULL, ROW_FAILED };

/* Committed pages in a row: the host tells straight into the answer. */
static enum outcome tell_row(struct asking *asking, struct range row)
{
	struct marks *marks = asking->marks;
	struct os_watch_scan scan = {.start = address_of(row.start),
	                             .end = address_of(row.end),
	                             .rearm = marks->reset};
	for (; scan.start < scan.end; scan.start = scan.stop) {
		struct os_written *found = (void *)(marks->found + marks->count);
		scan.found = found;
		scan.room = marks->room - marks->count;
		scan.most = asking->left;
		if (os_watch_scan(&asking->native->watch.host, &scan))
			return ROW_FAILED;
		for (size_t i = 0; i < scan.count; i++)
			asking->left -= page_of(found[i].end - found[i].start);
		marks->count += scan.count;
		marks->end = page_of(scan.stop);
		if (!asking->left || marks->count == marks->room)
			return ROW_FULL;
	}
	return ROW_DONE;
}

static void tell(struct asking *asking, struct range range)
{
	struct marks *marks = asking->marks;
	struct range rest = range, row;
	enum outcome outcome = ROW_DONE;
	marks->count = 0;
	for (; outcome == ROW_DONE && next_committed(asking->native, rest, &row); rest.start = row.end)
		outcome = tell_row(asking, row);
	if (outcome == ROW_DONE)
		marks->end = range.end;
	if (outcome != ROW_FAILED)
		return;
	add(asking->set, (void *)marks->found, marks->count);
	by_set(asking, range);
}

/* A failure shows in the next answer. */
static void forget(struct asking *asking, struct range range)
{
	struct range rest = range, row;
	for (; next_committed(asking->native, rest, &row); rest.start = row.end) {
		struct os_watch_scan scan = {.start = address_of(row.start),
		                             .end = address_of(row.end),
		                             .rearm = true,
		                             .most = UINT64_MAX};
		(void)os_watch_scan(&asking->native->watch.host, &scan);
	}
	page_set_remove(asking->set, range);
	asking->marks->end = range.end;
}

static void take_marks(struct native *native, struct page_set *set, struct range range,
                       struct marks *marks)
{
	struct asking asking = {native, set, marks, marks->most};
	struct range member;
	if (!marks->found)
		forget(&asking, range);
	else if (page_set_find(set, range, &member))
		by_set(&asking, range);
	else
		tell(&asking, range);
}

const struct watch_way watch_by_host = {
	.name = NTMM_WATCH_BY_HOST,
	.access = access,
	.open = open,
	.close = close,
	.discard = discard,
	.store = store,
	.marks = take_marks,
};
