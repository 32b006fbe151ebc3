/* SPDX-License-Identifier: MIT */
#include "native/locked.h"

#include "base/os_pages.h"
#include "base/user.h"
#include "native/native.h"

#define UNLOCKABLE_PAGES 20 /* of the minimum working set (VL-7) */

static struct vad some; /* runs that are locked belong to this one */

bool locked_init(struct locked *locked, struct range whole)
{
	return runs_init(&locked->runs, whole);
}

static unsigned kinds_of(struct run run)
{
	return attr_is_committed(run.attr) ? attr_prot(run.attr) : 0;
}

bool locked_has(const struct locked *locked, uint64_t page)
{
	return attr_is_committed(runs_at(&locked->runs, page).attr);
}

bool locked_next_other(const struct locked *locked, struct range range, struct range *row)
{
	while (range.start < range.end) {
		struct run run = runs_at(&locked->runs, range.start);
		*row = (struct range){range.start, min_u64(run.end, range.end)};
		if (!kinds_of(run))
			return true;
		range.start = row->end;
	}
	return false;
}

/* ---- locking --------------------------------------------------------------------------------- */

/* VL-4, VL-5: each page is read, as by a system service. */
static NTSTATUS touch(struct range range)
{
	NTSTATUS status = STATUS_SUCCESS;
	for (uint64_t page = range.start; page < range.end && !status; page++)
		status = user_probe(pointer_to_page(page), 1, false, USER_SERVICE, NULL);
	return status;
}

/* The pages have `how` from now on, in addition. All that can fail has been done. */
static void note(struct locked *locked, struct range range, unsigned how)
{
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&locked->runs, page);
		struct range piece = {page, run.end < range.end ? run.end : range.end};
		attr_t attr = (attr_t)(ATTR_COMMITTED | kinds_of(run) | how);
		runs_set(&locked->runs, piece, &some, attr);
		page = piece.end;
	}
}

struct account {
	unsigned runs;
	bool all; /* have the kinds asked for */
};

static struct account count(const struct locked *locked, struct range range, unsigned how)
{
	struct account account = {.all = true};
	for (uint64_t page = range.start; page < range.end; account.runs++) {
		struct run run = runs_at(&locked->runs, page);
		account.all &= (kinds_of(run) & how) == how;
		page = run.end;
	}
	return account;
}

/* The host would write to them when it locks them, or when they become writable: they would be marked, or
 * copied (CW-2). */
static bool are_to_stay(const struct space *space, struct range range)
{
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&space->runs, page);
		if (run.vad && (vad_watch(run.vad) || vad_view(run.vad)))
			return true;
		page = run.end;
	}
	return false;
}

/* What the host has may have gone since it was locked, and other memory have come there. */
static bool are_known(const struct space *space, struct range range)
{
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&space->runs, page);
		if (!run.vad)
			return false;
		page = run.end;
	}
	return true;
}

static NTSTATUS add(struct native *native, struct range range, unsigned how)
{
	struct locked *locked = &native->locked;
	struct account account = count(locked, range, how);
	uint64_t there = runs_committed(&locked->runs, native->space.runs.whole);
	uint64_t new = range_pages(range) - runs_committed(&locked->runs, range);
	bool known = are_known(&native->space, range);
	if (account.all && known)
		return STATUS_WAS_LOCKED;
	if (there + new + UNLOCKABLE_PAGES > native->limits.minimum)
		return STATUS_WORKING_SET_QUOTA; /* VL-7 */
	if (!runs_prepare(&locked->runs, account.runs + 1))
		return STATUS_INSUFFICIENT_RESOURCES;
	/* nor may they seem to have been stored to since they were given up */
	bool stay = are_to_stay(&native->space, range) || lazy_free_has(&native->lazy, range);
	if ((new || !known) &&
	    os_pages_lock(pointer_to_page(range.start), bytes_of(range), stay))
		return STATUS_WORKING_SET_QUOTA;
	note(locked, range, how);
	return STATUS_SUCCESS;
}

/* Whether they can still be locked: they were touched without a lock. The host's own it will refuse. */
static bool are_committed(const struct space *space, struct range range)
{
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = space_run(space, address_of(page));
		if (run.vad && (!attr_is_committed(run.attr) || run.attr & ATTR_OFFERED))
			return false;
		page = run.end;
	}
	return true;
}

bool locked_has_some(const struct locked *locked, struct range range)
{
	return runs_committed(&locked->runs, range);
}

int locked_again(const struct locked *locked, struct range range)
{
	struct range some;
	int error = 0;
	for (; !error && runs_committed_from(&locked->runs, range.start, &some); range.start = some.end) {
		some.start = max_u64(some.start, range.start);
		some.end = min_u64(some.end, range.end);
		if (some.start >= some.end)
			break;
		error = os_pages_lock(pointer_to_page(some.start), bytes_of(some), true);
	}
	return error;
}

NTSTATUS locked_add(struct space *space, struct range range, unsigned how)
{
	struct native *native = native_of(space);
	if (range_pages(range) > native->limits.minimum)
		return STATUS_WORKING_SET_QUOTA;
	NTSTATUS status = touch(range);
	if (status)
		return status;
	shared_lock_write(&space->lock);
	status = are_committed(space, range) ? add(native, range, how) : STATUS_ACCESS_VIOLATION;
	shared_lock_drop(&space->lock);
	return status;
}

/* ---- unlocking ------------------------------------------------------------------------------- */

/* What the host refuses even so it keeps locked: nobody can tell. */
static void unlock(struct native *native, struct range range)
{
	void *at = pointer_to_page(range.start);
	if (!os_pages_unlock(at, bytes_of(range)))
		return;
	slack_give(&native->slack);
	(void)os_pages_unlock(at, bytes_of(range));
	slack_keep(&native->slack);
}

static void drop(struct native *native, struct range range, unsigned how)
{
	struct locked *locked = &native->locked;
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&locked->runs, page);
		struct range piece = {page, run.end < range.end ? run.end : range.end};
		unsigned left = kinds_of(run) & ~how;
		if (left)
			runs_set(&locked->runs, piece, &some, (attr_t)(ATTR_COMMITTED | left));
		else
			runs_set(&locked->runs, piece, NULL, ATTR_RESERVED);
		if (!left && kinds_of(run))
			unlock(native, piece);
		page = piece.end;
	}
}

static NTSTATUS remove_locks(struct native *native, struct range range, unsigned how)
{
	struct locked *locked = &native->locked;
	struct account account = count(locked, range, how);
	if (!account.all)
		return STATUS_NOT_LOCKED; /* VL-22 */
	if (!runs_prepare(&locked->runs, account.runs + 1))
		return STATUS_INSUFFICIENT_RESOURCES;
	drop(native, range, how);
	return STATUS_SUCCESS;
}

/* VL-23: what is not locked leaves memory, if the host likes. */
static void evict_unlocked(const struct locked *locked, struct range range)
{
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&locked->runs, page);
		struct range piece = {page, run.end < range.end ? run.end : range.end};
		if (!kinds_of(run))
			os_pages_evict(pointer_to_page(piece.start), bytes_of(piece));
		page = piece.end;
	}
}

NTSTATUS locked_remove(struct space *space, struct range range, unsigned how)
{
	struct native *native = native_of(space);
	shared_lock_write(&space->lock);
	NTSTATUS status = remove_locks(native, range, how);
	if (status == STATUS_NOT_LOCKED)
		evict_unlocked(&native->locked, range);
	shared_lock_drop(&space->lock);
	return status;
}

/* The tree keeps a reserve of nodes for such changes. */
void locked_forget(struct space *space, struct range range)
{
	struct native *native = native_of(space);
	struct locked *locked = &native->locked;
	if (!runs_committed(&locked->runs, range))
		return;
	(void)runs_prepare(&locked->runs, 1);
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&locked->runs, page);
		struct range piece = {page, run.end < range.end ? run.end : range.end};
		if (kinds_of(run))
			unlock(native, piece);
		page = piece.end;
	}
	if (runs_ready(&locked->runs))
		runs_set(&locked->runs, range, NULL, ATTR_RESERVED);
}

void locked_forget_all(struct space *space)
{
	locked_forget(space, space->runs.whole);
}
