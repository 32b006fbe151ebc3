/* SPDX-License-Identifier: MIT
 *
 * NtAllocateVirtualMemory: reserve and commit (rules VA). MEM_RESET is in reset.c.
 */
#include "nt/alloc.h"
#include "nt/view_pages.h"
#include "nt/zero_bits.h"
#include "space/ready.h"

static NTSTATUS reserve_at(struct space *space, struct alloc *alloc)
{
	alloc->range = pages_touched(alloc->base, alloc->last);
	alloc->range.start = round_down(alloc->range.start, GRANULE_PAGES); /* VA-22 */
	struct run run = runs_at(&space->runs, alloc->range.start);
	if (run.vad || run.end < alloc->range.end)
		return STATUS_CONFLICTING_ADDRESSES; /* VA-24 */
	return ready_claim(space, alloc->range);
}

static NTSTATUS reserve_anywhere(struct space *space, struct alloc *alloc)
{
	const struct bounds *bounds = &alloc->bounds;
	struct place_wish wish = {.bounds = {page_of(bounds->lowest), page_of(bounds->highest + 1)},
	                          .pages = page_of(alloc->last) + 1, /* base is 0 */
	                          .align = page_of(bounds->align),
	                          .top_down = alloc->type & MEM_TOP_DOWN};
	if (wish.bounds.start + wish.pages > wish.bounds.end)
		return STATUS_NO_MEMORY; /* VA-26, V2-7 */
	NTSTATUS status = ready_place(space, &wish, &alloc->range.start);
	alloc->range.end = alloc->range.start + wish.pages;
	return status;
}

/* PH-5: the pages of one placeholder, which may begin anywhere. */
static NTSTATUS reserve_placeholder(const struct space *space, struct alloc *alloc)
{
	alloc->range = pages_touched(alloc->base, alloc->last);
	if (!space_is_placeholder(space, alloc->range))
		return STATUS_CONFLICTING_ADDRESSES;
	return STATUS_SUCCESS;
}

static NTSTATUS find_place(struct space *space, struct alloc *alloc)
{
	if (alloc->type & MEM_REPLACE_PLACEHOLDER)
		return reserve_placeholder(space, alloc);
	return alloc->base ? reserve_at(space, alloc) : reserve_anywhere(space, alloc);
}

/* The last step that can fail: the pages are there, and the space is told. */
static NTSTATUS commit_large(struct space *space, const struct alloc *alloc)
{
	NTSTATUS status = space->engine->large_commit(space, alloc->range, alloc->prot);
	if (status)
		space_uncharge(space, alloc->charge);
	return status;
}

/* What an allocation has beside its place: a set of pages, what is committed. All or nothing. */
static NTSTATUS furnish(struct space *space, struct alloc *alloc)
{
	NTSTATUS status = STATUS_SUCCESS;
	if (alloc->type & MEM_LARGE_PAGES)
		return commit_large(space, alloc);
	if (alloc->type & (MEM_WRITE_WATCH | MEM_PHYSICAL)) {
		alloc->set = page_set_create(alloc->range);
		status = alloc->set ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES; /* VA-32 */
	}
	if (!status && alloc->type & MEM_COMMIT)
		status = ready_open(space, alloc->range, alloc->prot, alloc->set);
	if (!status)
		return STATUS_SUCCESS;
	page_set_drop(alloc->set);
	space_uncharge(space, alloc->charge);
	return status;
}

static NTSTATUS afford(struct space *space, struct alloc *alloc)
{
	space_seek(space, alloc->range.start);
	NTSTATUS status = space_prepare(space, 2);
	if (!status && alloc->type & MEM_COMMIT)
		status = space_charge(space, alloc->range, &alloc->charge);
	if (!status && alloc->type & MEM_PHYSICAL)
		status = space_charge_window(space, alloc->range, &alloc->charge);
	return status ? status : furnish(space, alloc);
}

static NTSTATUS reserve_check(struct space *space, struct alloc *alloc)
{
	if (prot_is_copy(alloc->prot))
		return STATUS_INVALID_PAGE_PROTECTION; /* VA-17 */
	NTSTATUS status = find_place(space, alloc);
	if (status)
		return status;
	status = afford(space, alloc);
	if (status && !(alloc->type & MEM_REPLACE_PLACEHOLDER))
		ready_drop(space, alloc->range);
	return status;
}

static NTSTATUS commit_view_check(struct space *space, const struct vad *vad, struct alloc *alloc)
{
	struct view_change change = {.range = alloc->range, .prot = alloc->prot};
	NTSTATUS status = view_commit_check(space, vad, &change);
	alloc->prot = change.prot;
	alloc->charge = change.charge;
	return status;
}

static enum vad_kind kind_of(uint32_t type)
{
	if (type & MEM_RESERVE_PLACEHOLDER)
		return VAD_PLACEHOLDER;
	return type & MEM_PHYSICAL ? VAD_PHYSICAL : VAD_PRIVATE;
}

/* With MEM_COMMIT all of it is committed at once (VA-23). */
static void reserve_apply(struct space *space, const struct alloc *alloc)
{
	bool commits = alloc->type & MEM_COMMIT, replaces = alloc->type & MEM_REPLACE_PLACEHOLDER;
	struct vad *vad;
	if (replaces)
		vad = space_replace(space, alloc->range, alloc->prot, VAD_PRIVATE);
	else if (commits)
		vad = space_reserve_committed(space, alloc->range, alloc->prot, alloc->charge);
	else
		vad = space_reserve(space, alloc->range, alloc->prot, kind_of(alloc->type));
	if (vad->kind == VAD_PHYSICAL)
		vad->has.mapped = alloc->set;
	else
		vad->has.watch = alloc->set;
	if (alloc->type & MEM_LARGE_PAGES) {
		vad->kind = VAD_LARGE;
		return;
	}
	if (replaces && commits)
		space_commit(space, alloc->range, alloc->prot, alloc->charge);
	if (commits)
		space->engine->protect(space, alloc->range, alloc->prot);
}

static NTSTATUS commit_check(struct space *space, struct alloc *alloc)
{
	struct vad *vad;
	alloc->range = pages_touched(alloc->base, alloc->last); /* VA-40 */
	space_seek(space, alloc->range.start);
	if (!space_one_vad(space, alloc->range, &vad) || vad->kind == VAD_PLACEHOLDER)
		return STATUS_CONFLICTING_ADDRESSES; /* VA-41, VA-50 */
	if (!vad_is_paged(vad))
		return STATUS_CONFLICTING_ADDRESSES; /* VA-48 */
	if (vad_view(vad))
		return commit_view_check(space, vad, alloc);
	if (prot_is_copy(alloc->prot) || vad_is_systems(vad))
		return STATUS_INVALID_PAGE_PROTECTION; /* VA-17, AS-4, W9-2 */
	NTSTATUS status = space_prepare(space, space_changes(space, alloc->range));
	if (!status)
		status = space_charge(space, alloc->range, &alloc->charge);
	if (status)
		return status;
	status = ready_open(space, alloc->range, space_private_prot(vad, alloc->prot), vad_watch(vad));
	if (status)
		space_uncharge(space, alloc->charge);
	return status;
}

static void commit_apply(struct space *space, const struct alloc *alloc)
{
	struct vad *vad = runs_at(&space->runs, alloc->range.start).vad;
	if (vad_view(vad)) {
		struct view_change change = {alloc->range, alloc->prot, alloc->charge};
		view_change_apply(space, &change);
		return;
	}
	prot_t prot = space_private_prot(vad, alloc->prot); /* PR-8 */
	take_back_offered(space, alloc->range);
	space_commit(space, alloc->range, prot, alloc->charge);
	space->engine->protect(space, alloc->range, prot);
}

static NTSTATUS change(struct space *space, struct alloc *alloc)
{
	bool reserves = alloc->type & MEM_RESERVE || !alloc->base; /* VA-20 */
	if (alloc->type & ALLOC_RESETS) {
		NTSTATUS status = reset_check(space, alloc);
		return status ? status : reset_apply(space, alloc);
	}
	NTSTATUS status = reserves ? reserve_check(space, alloc) : commit_check(space, alloc);
	if (status)
		return status;
	if (reserves)
		reserve_apply(space, alloc);
	else
		commit_apply(space, alloc);
	return STATUS_SUCCESS;
}

static NTSTATUS allocate(struct target *target, struct alloc *alloc)
{
	NTSTATUS status = target_write(target);
	if (status)
		return status;
	status = change(target->space, alloc);
	target_unlock(target);
	if (!status && !(alloc->type & ALLOC_RESETS))
		target->space->engine->note(target->space, NOTE_ALLOC, alloc->range);
	return status;
}

/* LP-3 to LP-6. The memory is read and written, whatever was asked for. */
static NTSTATUS check_large(struct target *target, struct alloc *alloc, uint64_t size)
{
	const uint64_t large = address_of(LARGE_PAGES);
	if (target->status)
		return target->status;
	if (!may_lock_memory(target))
		return STATUS_PRIVILEGE_NOT_HELD;
	if (size % large)
		return STATUS_INVALID_PARAMETER_4;
	if (alloc->base % large)
		return STATUS_INVALID_PARAMETER_2;
	alloc->bounds.align = max_u64(alloc->bounds.align, large);
	if (!prot_is_copy(alloc->prot)) /* that is refused later (VA-17) */
		alloc->prot = prot_can_execute(alloc->prot) ? PROT_EXECUTE_READWRITE
		                                            : PROT_READWRITE;
	return STATUS_SUCCESS;
}

NTSTATUS alloc_in(struct target *target, struct alloc *alloc, uint32_t protect, uint64_t *base,
                  uint64_t *size)
{
	NTSTATUS status =
		alloc_check_protect(era_of(target->layout), alloc->type, protect, &alloc->prot);
	if (!status)
		status = probe_words(base, size); /* VA-11 */
	if (!status)
		status = alloc_check_place(target->layout, alloc, *base, *size);
	if (!status && alloc->type & MEM_LARGE_PAGES)
		status = check_large(target, alloc, *size);
	if (!status)
		status = allocate(target, alloc);
	if (status)
		return status;
	*base = address_of(alloc->range.start);
	*size = address_of(range_pages(alloc->range));
	return STATUS_SUCCESS;
}

NTSTATUS NtAllocateVirtualMemory(HANDLE process, uint64_t *base, uint64_t zero_bits, uint64_t *size,
                                 uint32_t type, uint32_t protect)
{
	struct target target;
	struct alloc alloc = {.type = type};
	target_open(&target, process, PROCESS_VM_OPERATION);
	NTSTATUS status = STATUS_INVALID_PARAMETER_3; /* VA-2 */
	if (type & era_of(target.layout)->shared_type) {
		alloc.type = type &= ~era_of(target.layout)->shared_type;
		target_share(&target);
	}
	alloc.bounds = bounds_of(target.layout);
	if (zero_bits_highest(target.layout, zero_bits, &alloc.bounds.highest))
		status = alloc_check_type(type, ALLOC_TYPES); /* V2-1: no placeholders */
	if (!status)
		status = era_check_type(era_of(target.layout), &alloc.type);
	if (!status)
		status = alloc_in(&target, &alloc, protect, base, size);
	target_close(&target);
	return status;
}
