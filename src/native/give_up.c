/* SPDX-License-Identifier: MIT */
#include "native/give_up.h"

#include "base/os_pages.h"
#include "native/pages.h"

/* ---- giving up ------------------------------------------------------------------------------- */

/* Whether the host can take contents away, and give them back: what it takes is found out by
 * writing to the pages, and such a write nobody may see. */
static bool can_be_given(struct run run)
{
	return run.vad->kind == VAD_PRIVATE && !vad_watch(run.vad) &&
	       host_access(attr_prot(run.attr)) & OS_PAGE_WRITE;
}

/* What is not given up the host may take first, and writes it to swap: nothing of it is lost. */
static void cool(struct range range)
{
	os_pages_cool(pointer_to_page(range.start), bytes_of(range));
}

/* Locked pages stay as they are (VA-68). */
void give_up_reset(struct space *space, struct range range)
{
	struct native *native = native_of(space);
	bool given = can_be_given(runs_at(&space->runs, range.start));
	struct range rest = range, piece;
	for (; locked_next_other(&native->locked, rest, &piece); rest.start = piece.end) {
		if (!given || !lazy_free_note(&native->lazy, piece))
			cool(piece);
		if (given)
			lazy_free_give(&native->lazy, piece);
	}
}

/* Contents can be looked at as long as the pages are within reach. */
NTSTATUS give_up_withdraw(struct space *space, struct range range)
{
	struct native *native = native_of(space);
	struct run run = runs_at(&space->runs, range.start);
	if (can_be_given(run) && !(run.attr & ATTR_OFFERED))
		(void)lazy_free_note(&native->lazy, range);
	int error = pages_open(native, range, 0, true);
	if (!error)
		locked_forget(space, range); /* OF-3 */
	return error ? STATUS_INSUFFICIENT_RESOURCES : STATUS_SUCCESS;
}

void give_up_offer(struct space *space, struct range range, unsigned priority)
{
	(void)priority;
	for (struct range piece; range.start < range.end; range.start = piece.end) {
		struct run run = runs_at(&space->runs, range.start);
		piece = (struct range){range.start, min_u64(run.end, range.end)};
		cool(piece);
		if (can_be_given(run))
			lazy_free_give(&native_of(space)->lazy, piece);
	}
}

/* ---- the end of it ---------------------------------------------------------------------------- */

/* What cannot be written was made safe when it became so. */
bool give_up_take_back(struct space *space, struct range range)
{
	struct run run = runs_at(&space->runs, range.start);
	bool were_kept = !can_be_given(run) || run.attr & ATTR_OFFERED;
	return lazy_free_take_back(&native_of(space)->lazy, range, were_kept);
}

/* Offered pages must be within reach for that, and so must those that the host did not open the
 * last time. */
static int keep_run(struct native *native, struct run run, struct range piece)
{
	unsigned how = host_access(attr_prot(run.attr));
	int error = run.attr & ATTR_OFFERED ? pages_open(native, piece, how, true) : 0;
	if (error || !lazy_free_keep(&native->lazy, piece))
		return error;
	error = pages_open(native, piece, how, true);
	return error ? error : lazy_free_keep(&native->lazy, piece);
}

int give_up_end(struct native *native, struct range range)
{
	int error = 0;
	if (!lazy_free_has(&native->lazy, range))
		return 0;
	for (uint64_t page = range.start; page < range.end && !error;) {
		struct run run = runs_at(&native->space.runs, page);
		struct range piece = {page, min_u64(run.end, range.end)};
		if (lazy_free_has(&native->lazy, piece) && can_be_given(run))
			error = keep_run(native, run, piece);
		page = piece.end;
	}
	if (error)
		pages_undo(native, range);
	return error;
}
