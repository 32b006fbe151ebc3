/* SPDX-License-Identifier: MIT
 *
 * Placeholders: reserved ranges that are cut and joined at any page, and replaced whole (rules PH).
 */
#include "base/check.h"
#include "space/vad.h"

static bool is_whole(const struct vad *vad, struct range range)
{
	return vad->range.start == range.start && vad->range.end == range.end;
}

bool space_is_placeholder(const struct space *space, struct range range)
{
	const struct vad *vad = runs_at(&space->runs, range.start).vad;
	return vad && vad->kind == VAD_PLACEHOLDER && is_whole(vad, range);
}

struct vad *space_replace(struct space *space, struct range range, prot_t protect,
                          enum vad_kind kind)
{
	struct vad *vad = vad_at(space, range.start);
	CHECK(vad->kind == VAD_PLACEHOLDER && is_whole(vad, range));
	*vad = (struct vad){
		.range = range, .protect = protect, .kind = (uint8_t)kind, .replaced = true};
	return vad;
}

void space_put_back(struct space *space, struct vad *vad)
{
	CHECK(vad->replaced && !vad_view(vad));
	DEBUG_CHECK(!runs_committed(&space->runs, vad->range));
	page_set_drop(vad_watch(vad));
	*vad = (struct vad){
		.range = vad->range, .protect = PROT_NOACCESS, .kind = VAD_PLACEHOLDER};
}

/* A placeholder begins at `page`, which lies in one. */
static void cut(struct space *space, uint64_t page)
{
	struct vad *lower = vad_at(space, page);
	struct range upper = {page, lower->range.end};
	if (lower->range.start == page)
		return;
	lower->range.end = page;
	runs_set(&space->runs, upper, vad_take(space, *lower, upper), ATTR_RESERVED);
}

void space_split(struct space *space, struct range range)
{
	uint64_t end = vad_at(space, range.start)->range.end;
	cut(space, range.start);
	if (range.end < end)
		cut(space, range.end);
}

bool space_can_coalesce(const struct space *space, struct range range)
{
	uint64_t page = range.start, pieces = 0;
	for (; page < range.end; pieces++) {
		const struct vad *vad = runs_at(&space->runs, page).vad;
		if (!vad || vad->kind != VAD_PLACEHOLDER || vad->range.start != page)
			return false;
		page = vad->range.end;
	}
	return page == range.end && pieces > 1;
}

void space_coalesce(struct space *space, struct range range)
{
	struct vad *first = vad_at(space, range.start);
	for (uint64_t page = first->range.end; page < range.end;) {
		struct vad *vad = vad_at(space, page);
		page = vad->range.end;
		vad_free(space, vad);
	}
	first->range.end = range.end;
	runs_set(&space->runs, range, first, ATTR_RESERVED);
}
