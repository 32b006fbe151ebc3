/* SPDX-License-Identifier: MIT */
#include "space/ready.h"

#define MOST_TRIES 16

/* Others may take what was found before it is claimed: those who know nothing of the space. */
NTSTATUS ready_place(struct space *space, const struct place_wish *wish, uint64_t *start)
{
	const struct engine *engine = space->engine;
	if (!engine->place)
		return space_place(space, wish, start);
	NTSTATUS status = STATUS_CONFLICTING_ADDRESSES;
	for (unsigned i = 0; i < MOST_TRIES && status == STATUS_CONFLICTING_ADDRESSES; i++) {
		status = engine->place(space, wish, start);
		if (!status)
			status = engine->claim(space, (struct range){*start, *start + wish->pages});
	}
	return status == STATUS_CONFLICTING_ADDRESSES ? STATUS_NO_MEMORY : status;
}

NTSTATUS ready_claim(struct space *space, struct range range)
{
	return space->engine->claim ? space->engine->claim(space, range) : STATUS_SUCCESS;
}

void ready_drop(struct space *space, struct range range)
{
	if (space->engine->drop)
		space->engine->drop(space, range);
}

NTSTATUS ready_open(struct space *space, struct range range, prot_t prot,
                    struct page_set *watch)
{
	return space->engine->open ? space->engine->open(space, range, prot, watch)
	                           : STATUS_SUCCESS;
}

NTSTATUS ready_close(struct space *space, struct range range)
{
	return space->engine->close ? space->engine->close(space, range) : STATUS_SUCCESS;
}

NTSTATUS ready_withdraw(struct space *space, struct range range)
{
	return space->engine->withdraw ? space->engine->withdraw(space, range)
	                               : ready_open(space, range, PROT_NOACCESS, NULL);
}

NTSTATUS ready_show(struct space *space, const struct view *view)
{
	return space->engine->show ? space->engine->show(space, view) : STATUS_SUCCESS;
}

NTSTATUS ready_hide(struct space *space, const struct view *view)
{
	return space->engine->hide ? space->engine->hide(space, view) : STATUS_SUCCESS;
}

void ready_undo(struct space *space, struct range range)
{
	for (uint64_t page = range.start; page < range.end && space->engine->open;) {
		struct run run = space_run(space, address_of(page));
		struct range piece = {page, run.end < range.end ? run.end : range.end};
		prot_t prot = run.attr & ATTR_OFFERED ? PROT_NOACCESS : attr_prot(run.attr);
		if (attr_is_committed(run.attr))
			(void)space->engine->open(space, piece, prot, vad_watch(run.vad));
		else
			(void)space->engine->close(space, piece);
		page = piece.end;
	}
}
