/* SPDX-License-Identifier: MIT
 *
 * The supply of frames, and how more are made (PG-36).
 *
 * Conventions: pager.h. The pager's lock is held.
 * Functions marked (s) or (0) take it themselves.
 */
#ifndef NTMM_MACHINE_PAGER_FRAMES_H
#define NTMM_MACHINE_PAGER_FRAMES_H

#include "machine/pager/pager.h"

#define STARVED_TRIES 64 /* to make room without any progress, before whoever needs it gives up */

/* Free, zeroed or standby (PG-36); in the latter case its page now is in its slot alone. */
frame_t pager_take(struct pager *pager, enum frame_use use);
/* The page or table in `frame` is gone: the frame is free, its slot too. Not in a working set. */
void pager_drop(struct pager *pager, frame_t frame);
/* PG-34: the page in `frame`, on standby, is in its slot or file alone; the frame is free. */
void pager_repurpose(struct pager *pager, frame_t frame);
/* Unless it is being written to: then the end of that frees it. */
void pager_free_slot(struct pager *pager, struct frame *record);
/* A page or table that is being written comes back into use: before its state changes (PG-61). */
void pager_recall(struct frame *record);
/* PG-33: where a page stands that is in no working set and not in transfer. */
static inline enum frame_state frame_rest_state(const struct frame *record)
{
	if (record->held)
		return FRAME_NO_WRITE;
	return record->flags & FRAME_DIRTY ? FRAME_MODIFIED : FRAME_STANDBY;
}
/* It has left the working set: standby, modified, or being written still. */
void pager_rest(struct pager *pager, frame_t frame);
/* (s) Makes a frame available, by trimming and writing. STATUS_SUCCESS after some progress; else why
 * there is none: the last write error or STATUS_NO_MEMORY. */
NTSTATUS pager_make_room(struct pager *pager);
/* Whether pages should leave working sets, or be looked at; whether some should be written. */
bool pager_trim_is_due(const struct pager *pager);
bool pager_write_is_due(const struct pager *pager);
/* (0) The former, some of it; whether anything could be done. */
bool pager_trim_step(struct pager *pager);
/* (0) After a touch that left few pages available: trims, and writes if that does not help, so that the
 * next ones need not wait. */
void pager_keep_ahead(struct pager *pager);
/* (0) As ntmm_machine_balance. */
uint64_t pager_balance(struct pager *pager, uint64_t available);
/* Whether so few pages are available that whoever can should balance. */
bool pager_is_low(const struct pager *pager);

#endif
