/* SPDX-License-Identifier: MIT
 *
 * MEM_RESET and MEM_RESET_UNDO (VA-60 to VA-69). Neither changes what Windows can say about a page,
 * so the space stays as it is and the engine does the work.
 */
#include "nt/alloc.h"
#include "space/view.h"

NTSTATUS reset_check(struct space *space, struct alloc *alloc)
{
	struct vad *vad;
	alloc->range = pages_touched(alloc->base, alloc->last);
	if (!space_one_vad(space, alloc->range, &vad))
		return STATUS_CONFLICTING_ADDRESSES; /* VA-62 */
	if (!vad_is_paged(vad))
		return STATUS_CONFLICTING_ADDRESSES; /* VA-67 */
	if (vad_view(vad) && vad_view(vad)->section->kind != SECTION_MEMORY)
		return STATUS_USER_MAPPED_FILE; /* VA-66 */
	if (vad_is_systems(vad))
		return STATUS_INVALID_PAGE_PROTECTION; /* AS-4 */
	return STATUS_SUCCESS;
}

/* Only whole pages, so that nothing the caller did not name is lost (VA-60). May be empty. */
static struct range whole_pages(const struct alloc *alloc)
{
	return (struct range){pages_for(alloc->base), page_of(alloc->last + 1)};
}

NTSTATUS reset_apply(struct space *space, const struct alloc *alloc)
{
	struct range range = whole_pages(alloc);
	bool intact = true;
	for (struct run run = {.end = range.start}; next_run(space, range, &run);) {
		struct range piece = {run.start, run.end};
		if (!attr_is_committed(run.attr) || run.attr & ATTR_OFFERED)
			continue; /* VA-63; offered pages are disposable as they are */
		if (alloc->type & MEM_RESET)
			space->engine->reset(space, piece);
		else
			intact &= space->engine->reset_undo(space, piece);
	}
	return intact ? STATUS_SUCCESS : STATUS_CONFLICTING_ADDRESSES; /* VA-69 */
}
