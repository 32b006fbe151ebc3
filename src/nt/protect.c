/* SPDX-License-Identifier: MIT
 *
 * NtProtectVirtualMemory (rules VP).
 */
#include "nt/target.h"
#include "nt/view_pages.h"
#include "space/ready.h"

struct protect {
	struct range range;
	struct vad *vad; /* that has it */
	prot_t prot;     /* asked for; from protect_check on: that the pages get */
	prot_t old;      /* of the first page (VP-6) */
	bool is_so;      /* nothing would change */
	struct charge charge; /* of a view: for copies (CW-6) */
};

/* VP-1, W9-4. PAGE_TARGETS_NO_UPDATE tells nothing that is kept here (PR-6). */
static NTSTATUS check_protect(const struct era *era, uint32_t protect, prot_t *prot)
{
	if (!era_prot(era, protect & ~(uint32_t)PAGE_TARGETS_NO_UPDATE, prot))
		return STATUS_INVALID_PAGE_PROTECTION;
	if (protect & PAGE_TARGETS_NO_UPDATE && !prot_can_execute(*prot))
		return STATUS_INVALID_PAGE_PROTECTION;
	return STATUS_SUCCESS;
}

/* VP-3. */
static NTSTATUS check_place(const struct layout *layout, uint64_t base, uint64_t size,
                            struct range *range)
{
	uint64_t last;
	if (base > layout->maximum)
		return STATUS_INVALID_PARAMETER_2;
	if (!last_byte(base, size, &last) || last > layout->maximum)
		return STATUS_INVALID_PARAMETER_3;
	*range = pages_touched(base, last);
	return STATUS_SUCCESS;
}

static NTSTATUS protect_view_check(struct space *space, struct protect *p)
{
	struct view_change change = {.range = p->range, .prot = p->prot};
	p->old = attr_prot(space_seen(space, p->range.start).attr);
	NTSTATUS status = view_protect_check(space, p->vad, &change);
	p->prot = change.prot;
	p->charge = change.charge;
	return status;
}

/* Whether all pages have the protection already. `run` is that of the first. */
static bool is_so_already(struct run run, const struct protect *p)
{
	attr_t attr = run.attr & ~ATTR_LEVEL_MASK;
	return run.end >= p->range.end && attr == (attr_t)(ATTR_COMMITTED | p->prot);
}

/* The shared page, which is not the engine's, never gets as far as that. */
static NTSTATUS open_pages(struct space *space, const struct protect *p)
{
	if (p->is_so)
		return STATUS_SUCCESS;
	NTSTATUS status = space_prepare(space, space_changes(space, p->range));
	return status ? status : ready_open(space, p->range, p->prot, vad_watch(p->vad));
}

static NTSTATUS protect_private_check(struct space *space, struct protect *p)
{
	struct run first = runs_at(&space->runs, p->range.start);
	NTSTATUS missing = era_of(space->layout)->not_committed; /* W9-7 */
	p->old = attr_prot(first.attr);
	if (prot_is_copy(p->prot))
		return STATUS_INVALID_PARAMETER_4; /* VP-8 */
	if (!space_all_committed(space, p->range))
		return missing ? missing : STATUS_NOT_COMMITTED; /* VP-5 */
	p->prot = space_private_prot(p->vad, p->prot); /* PR-8 */
	if (vad_is_systems(p->vad) && p->prot != p->old)
		return STATUS_INVALID_PAGE_PROTECTION; /* AS-4, VP-13, W9-2 */
	p->is_so = is_so_already(first, p);
	return open_pages(space, p);
}

static NTSTATUS protect_check(struct space *space, struct protect *p)
{
	space_seek(space, p->range.start);
	NTSTATUS missing = era_of(space->layout)->not_committed; /* W9-7 */
	if (!space_one_vad(space, p->range, &p->vad))
		return missing ? missing : STATUS_CONFLICTING_ADDRESSES; /* VP-4 */
	if (!vad_is_paged(p->vad))
		return STATUS_CONFLICTING_ADDRESSES; /* VP-11 */
	return vad_view(p->vad) ? protect_view_check(space, p) : protect_private_check(space, p);
}

static void protect_apply(struct space *space, const struct protect *p)
{
	if (vad_view(p->vad)) {
		struct view_change change = {p->range, p->prot, p->charge};
		view_change_apply(space, &change);
		return;
	}
	if (p->is_so)
		return;
	take_back_offered(space, p->range);
	space_protect(space, p->range, p->prot);
	space->engine->protect(space, p->range, p->prot);
}

/* What lies there, if anything, is what the process has beside its allocations. */
static bool is_foreign(const struct space *space, uint64_t page)
{
	return space->engine->foreign_protect && !runs_at(&space->runs, page).vad;
}

static NTSTATUS protect_pages(struct target *target, struct protect *p)
{
	NTSTATUS status = target_write(target);
	if (status)
		return status;
	struct space *space = target->space;
	bool foreign = is_foreign(space, p->range.start);
	if (!foreign)
		status = protect_check(space, p);
	if (!foreign && !status)
		protect_apply(space, p);
	target_unlock(target);
	return foreign ? space->engine->foreign_protect(space, p->range, p->prot, &p->old) : status;
}

NTSTATUS NtProtectVirtualMemory(HANDLE process, uint64_t *base, uint64_t *size, uint32_t protect,
                                uint32_t *old)
{
	struct target target;
	struct protect p;
	target_open(&target, process, PROCESS_VM_OPERATION);
	NTSTATUS status = check_protect(era_of(target.layout), protect, &p.prot);
	if (!status)
		status = probe_words(base, size);
	if (!status)
		status = probe_word(old); /* VP-2 */
	if (!status)
		status = check_place(target.layout, *base, *size, &p.range);
	if (!status)
		status = protect_pages(&target, &p);
	target_close(&target);
	if (!status) {
		*base = address_of(p.range.start);
		*size = address_of(range_pages(p.range));
		*old = era_protect(era_of(target.layout), p.old);
	}
	return status;
}
