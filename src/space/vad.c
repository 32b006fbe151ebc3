/* SPDX-License-Identifier: MIT */
#include "space/vad.h"

#include "base/check.h"

bool vads_prepare(struct space *space)
{
	return pool_reserve(&space->vads, MOST_NEW_VADS);
}

struct vad *vad_take(struct space *space, struct vad like, struct range range)
{
	struct vad *vad = pool_take(&space->vads);
	*vad = like;
	vad->range = range;
	return vad;
}

void vad_free(struct space *space, struct vad *vad)
{
	page_set_drop(vad_watch(vad));
	page_set_drop(vad_mapped(vad));
	pool_give(&space->vads, vad);
}

struct vad *vad_at(const struct space *space, uint64_t page)
{
	struct vad *vad = runs_at(&space->runs, page).vad;
	CHECK(vad);
	return vad;
}
