/* SPDX-License-Identifier: MIT */
#include "space/vad.h"

#include "base/check.h"
#include "base/os.h"
#include "space/view.h"

bool vads_prepare(struct space *space)
{
	for (unsigned i = 0; i < MOST_NEW_VADS; i++) {
		struct vad **spare = &space->spare_vads[i];
		if (!*spare)
			*spare = os_alloc(sizeof **spare);
		if (!*spare)
			return false;
	}
	return true;
}

struct vad *vad_take(struct space *space, struct vad like, struct range range)
{
	unsigned i = 0;
	while (i < MOST_NEW_VADS && !space->spare_vads[i])
		i++;
	CHECK(i < MOST_NEW_VADS);
	struct vad *vad = space->spare_vads[i];
	space->spare_vads[i] = NULL;
	*vad = like;
	vad->range = range;
	return vad;
}

void vad_free(struct vad *vad)
{
	if (vad && vad->view)
		view_free(vad->view);
	if (vad)
		watch_drop(vad->watch);
	os_free(vad);
}

void vads_drop(struct space *space)
{
	for (unsigned i = 0; i < MOST_NEW_VADS; i++) {
		os_free(space->spare_vads[i]);
		space->spare_vads[i] = NULL;
	}
}

struct vad *vad_at(const struct space *space, uint64_t page)
{
	struct vad *vad = runs_at(&space->runs, page).vad;
	CHECK(vad);
	return vad;
}
