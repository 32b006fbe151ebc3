/* SPDX-License-Identifier: MIT
 *
 * What NtFreeVirtualMemory does to placeholders: split, put back, coalesce.
 */
#include "nt/free.h"

NTSTATUS preserve_check(struct space *space, struct free *f, const struct vad *vad)
{
	bool all = f->range.start == vad->range.start && f->range.end == vad->range.end;
	if (vad->kind == VAD_PLACEHOLDER) {
		f->quiet = true;
		return all ? STATUS_CONFLICTING_ADDRESSES : space_prepare(space, 2); /* PH-3 */
	}
	if (!vad->replaced || !all)
		return STATUS_CONFLICTING_ADDRESSES; /* PH-3, PH-7 */
	return space_prepare(space, 1);
}

void preserve_apply(struct space *space, const struct free *f)
{
	struct vad *vad = runs_at(&space->runs, f->range.start).vad;
	if (vad->kind == VAD_PLACEHOLDER) {
		space_split(space, f->range);
		return;
	}
	if (runs_committed(&space->runs, f->range))
		space->engine->decommit(space, f->range);
	space_decommit(space, f->range);
	space_put_back(space, vad);
}

NTSTATUS coalesce_check(struct space *space, struct free *f)
{
	f->range = pages_touched(f->base, f->last);
	f->quiet = true;
	if (!space_can_coalesce(space, f->range))
		return STATUS_CONFLICTING_ADDRESSES;
	return space_prepare(space, 1);
}

void coalesce_apply(struct space *space, const struct free *f)
{
	space_coalesce(space, f->range);
}
