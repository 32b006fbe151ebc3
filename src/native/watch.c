/* SPDX-License-Identifier: MIT
 *
 * Which of the two ways it is; and what becomes of watched memory when the process forks.
 */
#include "native/watch.h"

#include "native/native.h"
#include "space/marks.h"

static const struct watch_way *choose(struct native *native)
{
	struct watch *watch = &native->watch;
	if (!watch->way)
		watch->way = os_watch_begin(&watch->host) ? &watch_by_faults : &watch_by_host;
	return watch->way;
}

NTSTATUS watch_choose(struct native *native, ntmm_watch_way name)
{
	struct watch *watch = &native->watch;
	if (watch->way)
		return watch->way->name == name ? STATUS_SUCCESS : STATUS_CONFLICTING_ADDRESSES;
	if (name == NTMM_WATCH_BY_HOST && os_watch_begin(&watch->host))
		return STATUS_NOT_SUPPORTED;
	watch->way = name == NTMM_WATCH_BY_HOST ? &watch_by_host : &watch_by_faults;
	return STATUS_SUCCESS;
}

/* ---- for others ------------------------------------------------------------------------------ */

/* Pages of watched memory are committed, so that a way has been chosen. */
unsigned watch_access(const struct native *native, const struct page_set *set, uint64_t page,
                      prot_t prot)
{
	return native->watch.way->access(set, page, prot);
}

int watch_open(struct native *native, struct page_set *set, struct range range, prot_t prot)
{
	return choose(native)->open(native, set, range, prot);
}

int watch_close(struct native *native, struct page_set *set, struct range range)
{
	return native->watch.way->close(native, set, range);
}

void watch_discard(struct native *native, struct page_set *set, struct range range)
{
	native->watch.way->discard(native, set, range);
}

int watch_store(struct native *native, struct page_set *set, uint64_t page, prot_t prot)
{
	return native->watch.way->store(native, set, page, prot);
}

void watch_marks(struct space *space, struct range range, struct marks *marks)
{
	struct native *native = native_of(space);
	struct page_set *set = vad_watch(runs_at(&space->runs, range.start).vad);
	if (native->watch.way)
		native->watch.way->marks(native, set, range, marks);
	else
		marks_find(set, range, marks); /* none */
}

/* ---- fork ------------------------------------------------------------------------------------ */

/* The next run of watched, committed pages from that of `run->end` on. */
static bool next_watched(const struct space *space, struct run *run)
{
	while (run->end < space->runs.whole.end) {
		*run = runs_at(&space->runs, run->end);
		if (run->vad && vad_watch(run->vad) && attr_is_committed(run->attr))
			return true;
	}
	return false;
}

static struct range range_of(const struct run *run)
{
	return (struct range){run->start, run->end};
}

void watch_fork(struct native *native)
{
	struct run run = {0};
	if (native->watch.way != &watch_by_host)
		return;
	while (next_watched(&native->space, &run))
		watch_harvest(native, vad_watch(run.vad), range_of(&run));
}

static int arm_all(const struct native *native)
{
	struct run run = {0};
	int error = 0;
	while (!error && next_watched(&native->space, &run))
		error = watch_arm(native, range_of(&run));
	return error;
}

/* When the host does not allow in the child what it has allowed in the parent, faults do it. */
void watch_forked(struct native *native)
{
	struct watch *watch = &native->watch;
	struct run run = {0};
	if (watch->way != &watch_by_host)
		return;
	os_watch_end(&watch->host);
	if (!os_watch_begin(&watch->host) && !arm_all(native))
		return;
	os_watch_end(&watch->host);
	watch->way = &watch_by_faults;
	while (next_watched(&native->space, &run))
		watch_protect(vad_watch(run.vad), range_of(&run), run.attr);
}
