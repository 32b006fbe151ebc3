/* SPDX-License-Identifier: MIT
 *
 * Changes of a space. What can fail, space_prepare and space_charge, comes first; the rest cannot.
 */
#include "base/check.h"
#include "space/tables.h"
#include "space/vad.h"

NTSTATUS space_prepare(struct space *space, unsigned changes)
{
	if (!vads_prepare(space) || !runs_prepare(&space->runs, changes))
		return STATUS_INSUFFICIENT_RESOURCES; /* VA-32 */
	return STATUS_SUCCESS;
}

NTSTATUS space_charge(struct space *space, struct range range, struct charge *charged)
{
	charged->pages = range_pages(range) - runs_committed(&space->runs, range);
	charged->tables = charged->pages ? tables_to_add(&space->runs, range) : 0;
	if (!ledger_charge(space->ledger, charged->pages + charged->tables))
		return STATUS_COMMITMENT_LIMIT;
	return STATUS_SUCCESS;
}

NTSTATUS space_charge_window(struct space *space, struct range range, struct charge *charged)
{
	*charged = (struct charge){0, tables_over(range)};
	return ledger_charge(space->ledger, charged->tables) ? STATUS_SUCCESS
	                                                     : STATUS_COMMITMENT_LIMIT;
}

void space_uncharge(struct space *space, struct charge charged)
{
	ledger_return(space->ledger, charged.pages + charged.tables);
}

void space_seek(struct space *space, uint64_t page)
{
	runs_seek(&space->runs, page);
}

static struct vad *take_pages(struct space *space, struct range range, struct vad like, attr_t attr)
{
	struct vad *vad = vad_take(space, like, range);
	runs_set(&space->runs, range, vad, attr);
	space->free_pages -= range_pages(range);
	return vad;
}

struct vad *space_reserve(struct space *space, struct range range, prot_t protect,
                          enum vad_kind kind)
{
	struct vad like = {.protect = protect, .kind = (uint8_t)kind};
	if (kind == VAD_PHYSICAL)
		space->windows += tables_over(range);
	return take_pages(space, range, like, ATTR_RESERVED);
}

void space_take_charge(struct space *space, struct charge charged)
{
	space->commit += charged.pages;
	space->commit_peak = max_u64(space->commit_peak, space->commit);
	space->tables += charged.tables;
}

struct vad *space_reserve_committed(struct space *space, struct range range, prot_t prot,
                                    struct charge charged)
{
	struct vad like = {.protect = prot, .kind = VAD_PRIVATE};
	space_take_charge(space, charged);
	return take_pages(space, range, like, ATTR_COMMITTED | prot);
}

unsigned space_changes(const struct space *space, struct range range)
{
	unsigned changes = 1;
	if (!space->clones)
		return changes;
	for (uint64_t page = range.start; page < range.end; changes++)
		page = runs_at(&space->runs, page).end;
	return changes;
}

/* What was committed before keeps its level. */
static void set_prot(struct space *space, struct range range, prot_t prot)
{
	struct vad *vad = vad_at(space, range.start);
	if (!space->clones) {
		runs_set(&space->runs, range, vad, ATTR_COMMITTED | prot);
		return;
	}
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&space->runs, page);
		struct range piece = {page, min_u64(run.end, range.end)};
		attr_t level = run.attr & ATTR_LEVEL_MASK;
		runs_set(&space->runs, piece, vad, ATTR_COMMITTED | prot | level);
		page = piece.end;
	}
}

void space_commit(struct space *space, struct range range, prot_t prot, struct charge charged)
{
	set_prot(space, range, prot);
	space_take_charge(space, charged);
}

/* Gives back the charge for what is committed in `range`. */
static void return_charge(struct space *space, struct range range)
{
	uint64_t pages = runs_committed(&space->runs, range);
	uint64_t tables = pages ? tables_to_drop(&space->runs, range) : 0;
	space->commit -= pages;
	space->tables -= tables;
	ledger_return(space->ledger, pages + tables);
}

static void return_window(struct space *space, const struct vad *vad)
{
	uint64_t tables = vad->kind == VAD_PHYSICAL ? tables_over(vad->range) : 0;
	space->windows -= tables;
	ledger_return(space->ledger, tables);
}

void space_decommit(struct space *space, struct range range)
{
	return_charge(space, range);
	runs_set(&space->runs, range, vad_at(space, range.start), ATTR_RESERVED);
}

/* The pages of `range` go to an allocation of their own, run by run. */
static void split_off(struct space *space, struct vad like, struct range range)
{
	struct vad *upper = vad_take(space, like, range);
	if (vad_watch(upper))
		page_set_share(vad_watch(upper));
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&space->runs, page);
		runs_set(&space->runs, (struct range){run.start, run.end}, upper, run.attr);
		page = run.end;
	}
}

unsigned space_release_changes(const struct space *space, struct range range)
{
	struct vad *vad = vad_at(space, range.start);
	unsigned changes = 1;
	if (range.start == vad->range.start)
		return changes;
	for (uint64_t page = range.end; page < vad->range.end; changes++)
		page = runs_at(&space->runs, page).end;
	return changes;
}

void space_release(struct space *space, struct range range)
{
	struct vad *vad = vad_at(space, range.start);
	struct range whole = vad->range;
	return_charge(space, range);
	runs_set(&space->runs, range, NULL, ATTR_RESERVED);
	space->free_pages += range_pages(range);
	if (range.start == whole.start && range.end == whole.end) {
		return_window(space, vad);
		vad_free(space, vad);
	} else if (range.start == whole.start) {
		vad->range.start = range.end;
	} else {
		vad->range.end = range.start;
		if (range.end < whole.end)
			split_off(space, *vad, (struct range){range.end, whole.end});
	}
}

void space_protect(struct space *space, struct range range, prot_t prot)
{
	set_prot(space, range, prot);
}

void space_set_offered(struct space *space, struct range range, bool offered)
{
	for (uint64_t page = range.start; page < range.end;) {
		struct run run = runs_at(&space->runs, page);
		uint64_t end = min_u64(run.end, range.end);
		attr_t attr = offered ? run.attr | ATTR_OFFERED : run.attr & ~ATTR_OFFERED;
		runs_set(&space->runs, (struct range){page, end}, run.vad, attr);
		page = end;
	}
}

bool space_clear_guard(struct space *space, uint64_t page)
{
	struct run run = runs_at(&space->runs, page);
	prot_t prot = space_private_prot(run.vad, run.attr & PROT_ACCESS_MASK);
	runs_prepare(&space->runs, 1);
	if (!runs_ready(&space->runs))
		return false;
	runs_set(&space->runs, (struct range){page, page + 1}, run.vad,
	         (run.attr & ~ATTR_PROT_MASK) | prot);
	return true;
}
