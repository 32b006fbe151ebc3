/* SPDX-License-Identifier: MIT
 *
 * NtMapViewOfSection (rules MV).
 */
#include "nt/extended.h"
#include "nt/map.h"
#include "nt/zero_bits.h"
#include "space/ready.h"

#define TYPES (MEM_TOP_DOWN | MEM_RESERVE | MEM_LARGE_PAGES)
#define TYPES_EX (TYPES | MEM_REPLACE_PLACEHOLDER)

/* PH-10. */
static NTSTATUS replace_check(const struct space *space, struct map_call *call)
{
	struct range *range = &call->view.range;
	uint64_t pages = range_pages(*range);
	*range = (struct range){page_of(call->base), page_of(call->base) + pages};
	return space_is_placeholder(space, *range) ? STATUS_SUCCESS : STATUS_CONFLICTING_ADDRESSES;
}

/* MV-6, VA-26. */
static NTSTATUS map_anywhere(struct space *space, struct map_call *call)
{
	struct range *range = &call->view.range;
	uint64_t highest = min_u64(call->highest, space->layout->highest);
	struct place_wish wish = {.bounds = {page_of(call->lowest), page_of(highest + 1)},
	                          .pages = range_pages(*range),
	                          .align = GRANULE_PAGES,
	                          .top_down = call->type & MEM_TOP_DOWN};
	if (wish.pages > range_pages(wish.bounds))
		return STATUS_NO_MEMORY;
	NTSTATUS status = ready_place(space, &wish, &range->start);
	range->end = range->start + wish.pages;
	return status;
}

static NTSTATUS map_at(struct space *space, struct map_call *call)
{
	struct range *range = &call->view.range;
	uint64_t pages = range_pages(*range);
	*range = (struct range){page_of(call->base), page_of(call->base) + pages};
	if (range->end > page_of(space->layout->highest) + 1)
		return STATUS_INVALID_PARAMETER_3; /* AS-5 */
	struct run run = runs_at(&space->runs, range->start);
	if (run.vad || run.end < range->end)
		return STATUS_CONFLICTING_ADDRESSES;
	return ready_claim(space, *range);
}

static NTSTATUS find_place(struct space *space, struct map_call *call)
{
	if (call->type & MEM_REPLACE_PLACEHOLDER)
		return replace_check(space, call);
	NTSTATUS status = call->base ? map_at(space, call) : map_anywhere(space, call);
	if (status != STATUS_CONFLICTING_ADDRESSES || !call->prefers)
		return status;
	call->base = 0; /* something is there that the space does not know */
	return map_anywhere(space, call);
}

/* W9-11: data lies where all processes see it; an image does when it wants to, but it is not moved there. */
static NTSTATUS choose_arena(struct target *target, struct map_call *call)
{
	const struct section *section = call->view.section;
	bool image = section->kind == SECTION_IMAGE;
	if (!layout_is_9x(target->layout))
		return STATUS_SUCCESS;
	if (!call->base) {
		target_at(target, image ? section->base : target->layout->limit - 1);
		call->lowest = target->layout->minimum;
		call->highest = target->layout->highest;
	}
	if (image)
		return !target_is_shared(target) || !call->base || call->base == section->base
		               ? STATUS_SUCCESS
		               : STATUS_CONFLICTING_ADDRESSES;
	return target_is_shared(target) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER_3;
}

/* The last steps. What has been committed of the section stays so. */
static NTSTATUS furnish(struct space *space, struct map_call *call)
{
	struct view *view = &call->view;
	struct range committed = {view->first, view->first + pages_for(call->commit)};
	uint64_t charge = 0;
	bool commits = committed.start < committed.end;
	NTSTATUS status = STATUS_SUCCESS;
	if (commits)
		status = section_charge_commit(view->section, committed, &charge);
	if (commits && !status)
		status = section_commit(view->section, committed, charge);
	if (!status)
		status = ready_show(space, view);
	if (status)
		space_uncharge(space, call->charge);
	return status;
}

static NTSTATUS afford(struct space *space, struct map_call *call)
{
	struct view *view = &call->view;
	if (view->section->kind == SECTION_IMAGE)
		view->delta = address_of(view->range.start) - view->section->base;
	if (view->holders && view->delta)
		return STATUS_CONFLICTING_ADDRESSES;
	NTSTATUS status = space_prepare_view(space, view->section);
	if (!status)
		status = space_charge_view(space, view, &call->charge);
	return status ? status : furnish(space, call);
}

static NTSTATUS map_check(struct space *space, struct map_call *call)
{
	map_prefer_base(space, call);
	NTSTATUS status = find_place(space, call);
	if (status)
		return status;
	status = afford(space, call);
	if (status && !(call->type & MEM_REPLACE_PLACEHOLDER))
		ready_drop(space, call->view.range);
	return status;
}

/* W9-11: as the same view that is there already, or as the first that shows this. */
static NTSTATUS hold(struct target *target, struct map_call *call)
{
	struct view *same = arena_find(target->space, &call->view, page_of(call->base));
	struct view *view = same ? same : &call->view;
	if (!view_hold(view, target->process->space))
		return STATUS_INSUFFICIENT_RESOURCES;
	call->there = same != NULL;
	if (same)
		call->view.range = same->range;
	return STATUS_SUCCESS;
}

static NTSTATUS map_new(struct space *space, struct map_call *call)
{
	NTSTATUS status = map_check(space, call);
	if (!status) {
		section_retain(call->view.section);
		space->engine->map(space, space_map(space, &call->view, call->charge));
	} else {
		view_drop_all(&call->view);
	}
	return status;
}

static NTSTATUS map_in(struct target *target, struct map_call *call)
{
	struct space *space = target->space;
	NTSTATUS status = target_write(target);
	if (status)
		return status;
	if (target_is_shared(target))
		status = hold(target, call);
	if (!status && !call->there)
		status = map_new(space, call);
	target_unlock(target);
	if (!status && !call->there)
		space->engine->note(space, NOTE_ALLOC, call->view.range);
	return status;
}

static NTSTATUS map_section(struct target *target, HANDLE handle, struct map_call *call)
{
	struct section_object *object;
	struct view *view = &call->view;
	NTSTATUS status = section_object_reference(handle, map_access(view->protect), &object,
	                                           &view->section);
	if (status)
		return status;
	status = target_alive(target);
	if (!status && !target->space->engine->section_fits(target->space, view->section))
		status = STATUS_NOT_SAME_DEVICE;
	if (!status)
		status = choose_arena(target, call);
	if (!status)
		status = map_check_section(era_of(target->layout), object, call);
	if (!status)
		status = map_in(target, call);
	if (!status && view->section->kind == SECTION_IMAGE)
		status = map_finish_image(target, call);
	section_release(view->section);
	section_object_release(object);
	return status;
}

static NTSTATUS check_pointers(uint64_t *base, uint64_t *offset, uint64_t *size)
{
	NTSTATUS status = probe_words(base, size);
	return status || !offset ? status : probe_word(offset);
}

/* The rest, once the process is open and the arguments fit its layout. */
static NTSTATUS map_from(struct target *target, HANDLE section, struct map_call *call,
                         uint64_t *base, uint64_t *size)
{
	NTSTATUS status = map_check_place(target->layout, call);
	if (!status)
		status = era_status(era_of(target->layout), map_section(target, section, call));
	if (status >= 0) { /* STATUS_IMAGE_NOT_AT_BASE too */
		*base = address_of(call->view.range.start);
		*size = address_of(range_pages(call->view.range));
	}
	return status;
}

/* MV-18 has the order. */
NTSTATUS NtMapViewOfSection(HANDLE section, HANDLE process, uint64_t *base, uint64_t zero_bits,
                            uint64_t commit, uint64_t *offset, uint64_t *size,
                            SECTION_INHERIT inherit, uint32_t type, uint32_t protect)
{
	struct target target;
	NTSTATUS status = check_pointers(base, offset, size);
	if (status)
		return status;
	struct map_call call = {.base = *base,
	                        .bytes = *size,
	                        .offset = offset ? *offset : 0,
	                        .commit = commit,
	                        .type = type,
	                        .view.inherit = inherit == ViewShare};
	target_open(&target, process, PROCESS_VM_OPERATION);
	target_at(&target, call.base);
	call.lowest = target.layout->minimum;
	status = map_check_type(type, TYPES, inherit);
	if (!status)
		status = map_check_protect(era_of(target.layout), protect, &call.view.protect);
	if (!status && !zero_bits_highest(target.layout, zero_bits, &call.highest))
		status = STATUS_INVALID_PARAMETER_4;
	if (!status)
		status = map_from(&target, section, &call, base, size);
	target_close(&target);
	return status;
}

/* V2-9. */
static NTSTATUS check_extended(const struct extended *extended, const struct map_call *call)
{
	if (extended->align)
		return STATUS_INVALID_PARAMETER;
	if (call->type & MEM_REPLACE_PLACEHOLDER && (!call->base || !call->bytes))
		return STATUS_INVALID_PARAMETER;
	return STATUS_SUCCESS;
}

NTSTATUS NtMapViewOfSectionEx(HANDLE section, HANDLE process, uint64_t *base, uint64_t *offset,
                              uint64_t *size, uint32_t type, uint32_t protect,
                              MEM_EXTENDED_PARAMETER *parameters, uint32_t count)
{
	struct target target;
	struct extended extended;
	NTSTATUS status = check_pointers(base, offset, size);
	if (status)
		return status;
	struct map_call call = {.base = *base,
	                        .bytes = *size,
	                        .offset = offset ? *offset : 0,
	                        .type = type,
	                        .view.inherit = true};
	target_open(&target, process, PROCESS_VM_OPERATION);
	target_at(&target, call.base);
	status = extended_read(target.layout, parameters, count, &extended);
	if (!status)
		status = check_extended(&extended, &call);
	if (!status)
		status = map_check_type(type, TYPES_EX, ViewShare);
	if (!status)
		status = map_check_protect(era_of(target.layout), protect, &call.view.protect);
	if (!status) {
		call.lowest = max_u64(target.layout->minimum, extended.lowest);
		call.highest = extended.highest ? extended.highest : target.layout->highest;
		call.machine = extended.machine;
		status = map_from(&target, section, &call, base, size);
	}
	target_close(&target);
	return status;
}
