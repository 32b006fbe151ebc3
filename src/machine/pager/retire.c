/* SPDX-License-Identifier: MIT
 *
 * A page in a bad frame first leaves its working set. If it is clean then, it is in its slot or
 * file as well, or zero: the frame is repurposed. If it is dirty or held, it moves to another
 * frame.
 */
#include "machine/pager/retire.h"

#include <string.h>

#include "machine/pager/events.h"
#include "machine/pager/frames.h"
#include "machine/pager/trim.h"

#define TRIES 64 /* to get a frame to move to */

enum step {
	STEP_DONE,
	STEP_AGAIN,   /* it is a step further: look again */
	STEP_ROOM,    /* no frame to move to */
	STEP_REFUSED, /* it cannot be moved */
};

static enum step leave_working_set(struct pager *pager, frame_t frame)
{
	struct shootdown shootdown = {0};
	if (frame_at(&pager->phys, frame)->flags & FRAME_LOCKED)
		return STEP_REFUSED;
	trim_page(pager->maps[map_owner_of(&pager->phys, frame).map], frame, &shootdown);
	shoot_wait(&shootdown);
	return STEP_AGAIN;
}

/* The page in `from`, which is out of use, is in `to` from now on. */
static void move_page(struct pager *pager, frame_t from, frame_t to)
{
	struct phys *phys = &pager->phys;
	struct frame *old = frame_at(phys, from), *new = frame_at(phys, to);
	struct place place = map_place_of(phys, from);
	enum frame_state state = old->state;
	struct frame record = *old;
	record.state = new->state;
	record.next = record.previous = NO_FRAME;
	memcpy(frame_bytes(phys, to), frame_bytes(phys, from), PAGE_BYTES);
	*new = record;
	map_set(phys, place, pte_transition(to, pte_prot(pte_load(place.entry))));
	frame_set_state(phys, to, state);
	old->slot = 0; /* the new one's */
	old->flags = 0;
	old->held = false;
	pager_drop(pager, from);
}

static enum step move(struct pager *pager, frame_t frame)
{
	frame_t to = pager_take(pager, USE_READ);
	if (to == NO_FRAME)
		return STEP_ROOM;
	move_page(pager, frame, to);
	return STEP_AGAIN;
}

static enum step retire_step(struct pager *pager, frame_t frame)
{
	const struct frame *record = frame_at(&pager->phys, frame);
	if (record->flags & FRAME_OUTGOING) {
		lock_wait(&pager->lock, &pager->transferred);
		return STEP_AGAIN;
	}
	switch ((enum frame_state)record->state) {
	case FRAME_FREE:
	case FRAME_ZEROED:
		phys_retire(&pager->phys, frame);
		ledger_lower(&pager->resident, 1);
		ledger_lower(&pager->commit, 1);
		return STEP_DONE;
	case FRAME_ACTIVE:
	case FRAME_IDLE:
		return leave_working_set(pager, frame);
	case FRAME_STANDBY:
		pager_repurpose(pager, frame);
		return STEP_AGAIN;
	case FRAME_MODIFIED:
	case FRAME_NO_WRITE:
		return move(pager, frame);
	case FRAME_READING:
	case FRAME_WRITING:
	case FRAME_ZEROING:
		lock_wait(&pager->lock, &pager->transferred);
		return STEP_AGAIN;
	default:
		return STEP_REFUSED;
	}
}

static NTSTATUS retire(struct pager *pager, frame_t frame)
{
	enum step step;
	NTSTATUS status = STATUS_SUCCESS;
	for (unsigned tries = 0; tries < TRIES;) {
		lock_take(&pager->lock);
		while ((step = retire_step(pager, frame)) == STEP_AGAIN)
			;
		lock_drop(&pager->lock);
		if (step == STEP_DONE)
			return STATUS_SUCCESS;
		if (step == STEP_REFUSED)
			return STATUS_NOT_SUPPORTED;
		status = pager_make_room(pager);
		tries += status != STATUS_SUCCESS;
	}
	return status;
}

/* What is promised can still be kept with a frame less. */
static NTSTATUS reserve(struct pager *pager)
{
	if (!ledger_reserve(&pager->resident, 1))
		return STATUS_INSUFFICIENT_RESOURCES;
	if (ledger_reserve(&pager->commit, 1))
		return STATUS_SUCCESS;
	ledger_return(&pager->resident, 1);
	return STATUS_COMMITMENT_LIMIT;
}

static bool is_bad(struct pager *pager, frame_t frame)
{
	lock_take(&pager->lock);
	bool bad = frame_at(&pager->phys, frame)->state == FRAME_BAD;
	lock_drop(&pager->lock);
	return bad;
}

NTSTATUS pager_retire(struct pager *pager, frame_t frame)
{
	if (is_bad(pager, frame))
		return STATUS_SUCCESS;
	NTSTATUS status = reserve(pager);
	if (status)
		return status;
	status = retire(pager, frame);
	if (status) {
		ledger_return(&pager->resident, 1);
		ledger_return(&pager->commit, 1);
	}
	pager_deliver(pager);
	return status && is_bad(pager, frame) ? STATUS_SUCCESS : status; /* another was quicker */
}
