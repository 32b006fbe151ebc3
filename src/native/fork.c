/* SPDX-License-Identifier: MIT */
#include "native/fork.h"

#include "base/heap.h"
#include "native/native.h"
#include "native/physical.h"
#include "native/signals.h"
#include "native/watch.h"
#include "space/view.h"

/* A section may have views and no handle. */
static void free_sections(const struct space *space)
{
	struct range whole = space->runs.whole;
	for (uint64_t page = whole.start; page < whole.end;) {
		struct run run = runs_at(&space->runs, page);
		if (run.vad && vad_view(run.vad))
			section_forked(vad_view(run.vad)->section);
		page = run.end;
	}
}

void native_fork(enum fork_step step)
{
	struct native *native = native_now();
	if (!native)
		return;
	shared_lock_fork(&native->space.lock, step);
	if (step == FORK_BEFORE)
		watch_fork(native);
	if (step != FORK_IN_CHILD)
		return;
	watch_forked(native);
	free_sections(&native->space);
	locked_forget_all(&native->space);
	physical_forked(native);
}

void native_fork_last(enum fork_step step)
{
	lock_fork(&signals_lock, step);
	if (step == FORK_BEFORE)
		heap_hold();
	else
		heap_let_go();
}
