/* SPDX-License-Identifier: MIT
 *
 * NtAllocateVirtualMemory: reserve and commit (rules VA). MEM_RESET is in reset.c.
 */
#include "nt/alloc.h"
#include "nt/view_pages.h"
#include "nt/zero_bits.h"

#define ACTIONS (MEM_COMMIT | MEM_RESERVE | MEM_RESET | MEM_RESET_UNDO)
#define RESETS (MEM_RESET | MEM_RESET_UNDO)
#define NOT_YET (MEM_PHYSICAL | MEM_LARGE_PAGES)
#define MODIFIERS (MEM_TOP_DOWN | MEM_WRITE_WATCH | NOT_YET)

static bool is_large_pages_wrong(uint32_t type)
{
	return !(type & MEM_COMMIT) || type & (MEM_PHYSICAL | MEM_WRITE_WATCH);
}

static bool is_physical_wrong(uint32_t type)
{
	return !(type & MEM_RESERVE) || type & ~(MEM_PHYSICAL | MEM_RESERVE | MEM_TOP_DOWN);
}

static NTSTATUS check_type(uint32_t type)
{
	if (type & ~(ACTIONS | MODIFIERS))
		return STATUS_INVALID_PARAMETER; /* VA-3 */
	if (!(type & ACTIONS))
		return STATUS_INVALID_PARAMETER_5; /* VA-4 */
	if (type & RESETS && type != MEM_RESET && type != MEM_RESET_UNDO)
		return STATUS_INVALID_PARAMETER_5; /* VA-5 */
	if (type & MEM_LARGE_PAGES && is_large_pages_wrong(type))
		return STATUS_INVALID_PARAMETER_5; /* VA-6 */
	if (type & MEM_WRITE_WATCH && !(type & MEM_RESERVE))
		return STATUS_INVALID_PARAMETER_5; /* VA-7 */
	if (type & MEM_PHYSICAL && is_physical_wrong(type))
		return STATUS_INVALID_PARAMETER_5; /* VA-8 */
	return STATUS_SUCCESS;
}

/* VA-9, VA-10. PAGE_TARGETS_INVALID tells nothing that is kept here (PR-6). */
static NTSTATUS check_protect(uint32_t type, uint32_t protect, prot_t *prot)
{
	bool targets = protect & PAGE_TARGETS_INVALID && type & MEM_COMMIT;
	if (type & MEM_PHYSICAL && protect != PAGE_READWRITE)
		return STATUS_INVALID_PARAMETER_6;
	if (!prot_from_win32(targets ? protect & ~(uint32_t)PAGE_TARGETS_INVALID : protect, prot))
		return STATUS_INVALID_PAGE_PROTECTION;
	if (targets && !prot_can_execute(*prot))
		return STATUS_INVALID_PAGE_PROTECTION;
	return STATUS_SUCCESS;
}

/* VA-12 to VA-14, VA-18; `highest` is the highest address that an allocation may use (AS-5). */
static NTSTATUS check_place(const struct layout *layout, struct alloc *alloc, uint64_t base,
                            uint64_t size)
{
	if (base > layout->highest)
		return STATUS_INVALID_PARAMETER_2;
	if (!last_byte(base, size, &alloc->last) || alloc->last > layout->highest)
		return STATUS_INVALID_PARAMETER_4;
	if (alloc->type & MEM_RESERVE && base && base < layout->minimum)
		return STATUS_INVALID_PARAMETER;
	alloc->base = base;
	return STATUS_SUCCESS;
}

static NTSTATUS reserve_at(const struct space *space, struct alloc *alloc)
{
	alloc->range = pages_touched(alloc->base, alloc->last);
	alloc->range.start = round_down(alloc->range.start, GRANULE_PAGES); /* VA-22 */
	struct run run = runs_at(&space->runs, alloc->range.start);
	if (run.vad || run.end < alloc->range.end)
		return STATUS_CONFLICTING_ADDRESSES; /* VA-24 */
	return STATUS_SUCCESS;
}

static NTSTATUS reserve_anywhere(const struct space *space, struct alloc *alloc)
{
	struct range bounds = {page_of(space->layout->minimum), page_of(alloc->highest + 1)};
	uint64_t pages = page_of(alloc->last) + 1; /* base is 0 */
	if (bounds.start + pages > bounds.end)
		return STATUS_NO_MEMORY; /* VA-26 */
	NTSTATUS status = space_place(space, bounds, pages, GRANULE_PAGES,
	                              alloc->type & MEM_TOP_DOWN, &alloc->range.start);
	alloc->range.end = alloc->range.start + pages;
	return status;
}

static NTSTATUS reserve_check(struct space *space, struct alloc *alloc)
{
	if (prot_is_copy(alloc->prot))
		return STATUS_INVALID_PAGE_PROTECTION; /* VA-17 */
	NTSTATUS status = alloc->base ? reserve_at(space, alloc) : reserve_anywhere(space, alloc);
	if (!status)
		status = space_prepare(space, 2);
	if (!status && alloc->type & MEM_COMMIT)
		status = space_charge(space, alloc->range, &alloc->charge);
	if (status || !(alloc->type & MEM_WRITE_WATCH))
		return status;
	alloc->watch = watch_create(alloc->range);
	if (alloc->watch)
		return STATUS_SUCCESS;
	space_uncharge(space, alloc->charge);
	return STATUS_INSUFFICIENT_RESOURCES; /* VA-32 */
}

static void reserve_apply(struct space *space, const struct alloc *alloc)
{
	space_reserve(space, alloc->range, alloc->prot, VAD_PRIVATE);
	if (alloc->watch)
		space_watch(space, alloc->range.start, alloc->watch);
}

static NTSTATUS commit_view_check(struct space *space, const struct vad *vad, struct alloc *alloc)
{
	struct view_change change = {.range = alloc->range, .prot = alloc->prot};
	NTSTATUS status = view_commit_check(space, vad, &change);
	alloc->prot = change.prot;
	alloc->charge = change.charge;
	return status;
}

static NTSTATUS commit_check(struct space *space, struct alloc *alloc)
{
	struct vad *vad;
	alloc->range = pages_touched(alloc->base, alloc->last); /* VA-40 */
	if (!space_one_vad(space, alloc->range, &vad))
		return STATUS_CONFLICTING_ADDRESSES; /* VA-41 */
	if (vad->view)
		return commit_view_check(space, vad, alloc);
	if (prot_is_copy(alloc->prot) || vad->kind == VAD_SHARED_PAGE)
		return STATUS_INVALID_PAGE_PROTECTION; /* VA-17, AS-4 */
	NTSTATUS status = space_prepare(space, 1);
	if (!status)
		status = space_charge(space, alloc->range, &alloc->charge);
	return status;
}

static void commit_apply(struct space *space, const struct alloc *alloc)
{
	struct vad *vad = runs_at(&space->runs, alloc->range.start).vad;
	if (vad->view) {
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
	if (alloc->type & RESETS) {
		NTSTATUS status = reset_check(space, alloc);
		return status ? status : reset_apply(space, alloc);
	}
	NTSTATUS status = reserves ? reserve_check(space, alloc) : commit_check(space, alloc);
	if (status)
		return status;
	if (reserves)
		reserve_apply(space, alloc);
	if (alloc->type & MEM_COMMIT)
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
	if (!status && !(alloc->type & RESETS))
		target->space->engine->note(target->space, NOTE_ALLOC, alloc->range);
	return status;
}

static NTSTATUS check(const struct layout *layout, struct alloc *alloc, uint64_t zero_bits,
                      uint32_t protect)
{
	if (!zero_bits_highest(layout, zero_bits, &alloc->highest))
		return STATUS_INVALID_PARAMETER_3; /* VA-2 */
	NTSTATUS status = check_type(alloc->type);
	if (!status)
		status = check_protect(alloc->type, protect, &alloc->prot);
	if (!status && alloc->type & NOT_YET)
		status = STATUS_NOT_SUPPORTED;
	return status;
}

NTSTATUS NtAllocateVirtualMemory(HANDLE process, uint64_t *base, uint64_t zero_bits, uint64_t *size,
                                 uint32_t type, uint32_t protect)
{
	struct target target;
	struct alloc alloc = {.type = type};
	target_open(&target, process, PROCESS_VM_OPERATION);
	NTSTATUS status = check(target.layout, &alloc, zero_bits, protect);
	if (!status && (!host_pointer_ok(base) || !host_pointer_ok(size)))
		status = STATUS_ACCESS_VIOLATION; /* VA-11 */
	if (!status)
		status = check_place(target.layout, &alloc, *base, *size);
	if (!status)
		status = allocate(&target, &alloc);
	target_close(&target);
	if (!status) {
		*base = address_of(alloc.range.start);
		*size = address_of(range_pages(alloc.range));
	}
	return status;
}
