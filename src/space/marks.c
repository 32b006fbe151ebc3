/* SPDX-License-Identifier: MIT */
#include "space/marks.h"

static void tell(struct marks *marks, struct range range)
{
	struct marked *last = marks->found + marks->count - 1;
	uint64_t start = address_of(range.start), end = address_of(range.end);
	if (marks->count && last->end == start)
		last->end = end;
	else
		marks->found[marks->count++] = (struct marked){.start = start, .end = end};
}

void marks_find(const struct page_set *set, struct range range, struct marks *marks)
{
	struct range rest = range, found;
	uint64_t left = marks->most;
	marks->count = 0;
	marks->end = range.end;
	while (marks->found && page_set_find(set, rest, &found)) {
		found.end = min_u64(found.end, found.start + left);
		tell(marks, found);
		left -= range_pages(found);
		rest.start = found.end;
		if (left && marks->count < marks->room)
			continue;
		marks->end = rest.start;
		return;
	}
}

void marks_take(struct space *space, struct range range, struct marks *marks)
{
	struct page_set *set = vad_watch(runs_at(&space->runs, range.start).vad);
	struct range marked;
	marks_find(set, range, marks);
	range.end = marks->end;
	if (!marks->reset || !page_set_find(set, range, &marked))
		return;
	space->engine->rearm(space, range);
	page_set_remove(set, range);
}

void space_marks(struct space *space, struct range range, struct marks *marks)
{
	if (space->engine->marks)
		space->engine->marks(space, range, marks);
	else
		marks_take(space, range, marks);
}
