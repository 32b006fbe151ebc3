/* SPDX-License-Identifier: MIT
 *
 * NtMapViewOfSection (rules MV).
 */
#include "nt/map.h"
#include "nt/zero_bits.h"

#define KNOWN_TYPES (MEM_TOP_DOWN | MEM_RESERVE | MEM_LARGE_PAGES)

/* MV-13, MV-16. */
static NTSTATUS check_type(uint32_t type, SECTION_INHERIT inherit)
{
	if (inherit != ViewShare && inherit != ViewUnmap)
		return STATUS_INVALID_PARAMETER_8;
	if (type & ~(uint32_t)KNOWN_TYPES)
		return STATUS_INVALID_PARAMETER_9;
	return type & MEM_LARGE_PAGES ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS;
}

/* MV-15. */
static NTSTATUS check_protect(uint32_t protect, prot_t *prot)
{
	bool modified = protect & (PAGE_GUARD | PAGE_NOCACHE | PAGE_WRITECOMBINE);
	if (modified || !prot_from_win32(protect, prot))
		return STATUS_INVALID_PAGE_PROTECTION;
	return STATUS_SUCCESS;
}

/* MV-6, MV-9, MV-14; then MV-5. */
static NTSTATUS check_place(const struct layout *layout, const struct map_call *call)
{
	uint64_t last;
	if (call->base > layout->maximum)
		return STATUS_INVALID_PARAMETER_3;
	if (call->bytes && (!last_byte(call->base, call->bytes, &last) || last > layout->maximum))
		return call->base ? STATUS_INVALID_PARAMETER_3 : STATUS_NO_MEMORY;
	if (call->base > call->highest)
		return STATUS_INVALID_PARAMETER_4;
	if (call->offset % GRANULE_BYTES || call->base % GRANULE_BYTES)
		return STATUS_MAPPED_ALIGNMENT;
	if (call->base && call->base < layout->minimum)
		return STATUS_INVALID_PARAMETER_3;
	return STATUS_SUCCESS;
}

/* MV-2. */
static uint32_t access_for(prot_t prot)
{
	uint32_t access = 0;
	if (prot_can_execute(prot) && prot != PROT_NOACCESS)
		access |= SECTION_MAP_EXECUTE;
	if (prot_can_write(prot) && !prot_is_copy(prot))
		access |= SECTION_MAP_WRITE;
	return access ? access : SECTION_MAP_READ;
}

/* MV-7. In `view`: where in the section, and how many pages. */
static NTSTATUS check_size(const struct section_object *object, struct map_call *call)
{
	if (call->offset >= object->bytes || call->bytes > object->bytes - call->offset)
		return STATUS_INVALID_VIEW_SIZE;
	if (!call->bytes)
		call->bytes = object->bytes - call->offset;
	if (call->commit > call->bytes)
		return STATUS_INVALID_PARAMETER_5; /* MV-17 */
	call->view.first = page_of(call->offset);
	call->view.range = (struct range){0, pages_for(call->bytes)};
	call->view.file_end = call->offset + call->bytes;
	return STATUS_SUCCESS;
}

/* The section's side of it: MV-3, MV-13, then the size. */
static NTSTATUS check_section(const struct section_object *object, struct map_call *call)
{
	struct view *view = &call->view;
	prot_t cache = prot_cache_of(object->protect);
	if (view->section->kind == SECTION_IMAGE)
		return map_check_image(object, call);
	if (!view_allows(object->protect & PROT_ACCESS_MASK, view->protect))
		return STATUS_SECTION_PROTECTION;
	if (call->type & MEM_RESERVE)
		return view->section->kind == SECTION_FILE ? STATUS_NOT_SUPPORTED
		                                           : STATUS_INVALID_PARAMETER_9;
	if (view->protect != PROT_NOACCESS)
		view->protect |= cache; /* PR-9 */
	return check_size(object, call);
}

/* MV-6, VA-26. */
static NTSTATUS find_place(const struct space *space, struct map_call *call)
{
	struct range *range = &call->view.range;
	uint64_t pages = range_pages(*range);
	uint64_t highest = min_u64(call->highest, space->layout->highest);
	struct range bounds = {page_of(space->layout->minimum), page_of(highest + 1)};
	NTSTATUS status = STATUS_SUCCESS;
	if (!call->base && pages > range_pages(bounds))
		return STATUS_NO_MEMORY;
	if (!call->base)
		status = space_place(space, bounds, pages, GRANULE_PAGES, call->type & MEM_TOP_DOWN,
		                     &range->start);
	else
		range->start = page_of(call->base);
	range->end = range->start + pages;
	if (status || !call->base)
		return status;
	if (range->end > page_of(space->layout->highest) + 1)
		return STATUS_INVALID_PARAMETER_3; /* AS-5 */
	struct run run = runs_at(&space->runs, range->start);
	return run.vad || run.end < range->end ? STATUS_CONFLICTING_ADDRESSES : STATUS_SUCCESS;
}

static NTSTATUS map_check(struct space *space, struct map_call *call)
{
	struct view *view = &call->view;
	struct range committed = {view->first, view->first + pages_for(call->commit)};
	map_prefer_base(space, call);
	NTSTATUS status = find_place(space, call);
	if (view->section->kind == SECTION_IMAGE)
		view->delta = address_of(view->range.start) - view->section->base;
	if (!status)
		status = space_prepare_view(space, view->section);
	if (!status)
		status = space_charge_view(space, view, &call->charge);
	if (status || committed.start == committed.end)
		return status;
	status = section_commit(view->section, committed);
	if (status)
		space_uncharge(space, call->charge);
	return status;
}

static NTSTATUS map_in(struct target *target, struct map_call *call)
{
	struct space *space = target->space;
	NTSTATUS status = target_write(target);
	if (status)
		return status;
	status = map_check(space, call);
	if (!status) {
		section_retain(call->view.section);
		space->engine->map(space, space_map(space, &call->view, call->charge));
	}
	target_unlock(target);
	if (!status)
		space->engine->note(space, NOTE_ALLOC, call->view.range);
	return status;
}

static NTSTATUS map_section(struct target *target, HANDLE handle, struct map_call *call)
{
	struct section_object *object;
	struct view *view = &call->view;
	NTSTATUS status = section_object_reference(handle, access_for(view->protect), &object,
	                                           &view->section);
	if (status)
		return status;
	status = target_alive(target);
	if (!status && !target->space->engine->section_fits(target->space, view->section))
		status = STATUS_NOT_SAME_DEVICE;
	if (!status)
		status = check_section(object, call);
	if (!status)
		status = map_in(target, call);
	if (!status && view->section->kind == SECTION_IMAGE)
		status = map_finish_image(target, call);
	section_release(view->section);
	section_object_release(object);
	return status;
}

static NTSTATUS check_pointers(const uint64_t *base, const uint64_t *offset, const uint64_t *size)
{
	bool fine = host_pointer_ok(base) && host_pointer_ok(size) &&
	            (!offset || host_pointer_ok(offset));
	return fine ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
}

/* MV-18 has the order. */
static NTSTATUS check(const struct layout *layout, struct map_call *call, uint64_t zero_bits,
                      uint32_t protect, SECTION_INHERIT inherit)
{
	NTSTATUS status = check_type(call->type, inherit);
	if (!status)
		status = check_protect(protect, &call->view.protect);
	if (!status && !zero_bits_highest(layout, zero_bits, &call->highest))
		status = STATUS_INVALID_PARAMETER_4;
	if (!status)
		status = check_place(layout, call);
	call->view.inherit = inherit == ViewShare;
	return status;
}

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
	                        .type = type};
	target_open(&target, process, PROCESS_VM_OPERATION);
	status = check(target.layout, &call, zero_bits, protect, inherit);
	if (!status)
		status = map_section(&target, section, &call);
	target_close(&target);
	if (status >= 0) { /* STATUS_IMAGE_NOT_AT_BASE too */
		*base = address_of(call.view.range.start);
		*size = address_of(range_pages(call.view.range));
	}
	return status;
}
