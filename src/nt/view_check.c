/* SPDX-License-Identifier: MIT
 *
 * The arguments of NtMapViewOfSection(Ex), as far as they can be judged without the space.
 */
#include "nt/map.h"

/* MV-13, MV-16. */
NTSTATUS map_check_type(uint32_t type, uint32_t known, SECTION_INHERIT inherit)
{
	if (inherit != ViewShare && inherit != ViewUnmap)
		return STATUS_INVALID_PARAMETER_8;
	if (type & ~known)
		return STATUS_INVALID_PARAMETER_9;
	return type & MEM_LARGE_PAGES ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS;
}

/* MV-15. */
NTSTATUS map_check_protect(const struct era *era, uint32_t protect, prot_t *prot)
{
	bool modified = protect & (PAGE_GUARD | PAGE_NOCACHE | PAGE_WRITECOMBINE);
	if (modified || !era_prot(era, protect, prot))
		return STATUS_INVALID_PAGE_PROTECTION;
	return STATUS_SUCCESS;
}

/* MV-6, MV-9, MV-14; then MV-5. */
NTSTATUS map_check_place(const struct layout *layout, const struct map_call *call)
{
	uint64_t last;
	if (call->base > layout->maximum)
		return STATUS_INVALID_PARAMETER_3;
	if (call->bytes && (!last_byte(call->base, call->bytes, &last) || last > layout->maximum))
		return call->base ? STATUS_INVALID_PARAMETER_3 : STATUS_NO_MEMORY;
	if (call->base > call->highest)
		return STATUS_INVALID_PARAMETER_4;
	bool replaces = call->type & MEM_REPLACE_PLACEHOLDER;
	if (call->offset % GRANULE_BYTES ||
	    call->base % (replaces ? PAGE_BYTES : GRANULE_BYTES)) /* PH-10 */
		return STATUS_MAPPED_ALIGNMENT;
	if (call->base && call->base < layout->minimum)
		return STATUS_INVALID_PARAMETER_3;
	return STATUS_SUCCESS;
}

/* MV-2. */
uint32_t map_access(prot_t prot)
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

/* SC-17: all views of it lie where its base says. */
static bool use_base(const struct section_object *object, struct map_call *call)
{
	uint64_t base = object->base + call->offset;
	if (call->base && call->base != base)
		return false;
	call->base = base;
	return true;
}

/* The section's side of it: MV-3, MV-13, then the size. */
NTSTATUS map_check_section(const struct era *era, const struct section_object *object,
                           struct map_call *call)
{
	struct view *view = &call->view;
	prot_t cache = prot_cache_of(object->protect);
	if (view->section->kind == SECTION_IMAGE)
		return map_check_image(object, call);
	if (!view_allows(object->protect & PROT_ACCESS_MASK, view->protect))
		return STATUS_SECTION_PROTECTION;
	if (era->plain && prot_is_copy(view->protect) && !prot_is_copy(object->protect))
		return STATUS_SECTION_PROTECTION; /* W9-12 */
	if (call->type & MEM_RESERVE)
		return view->section->kind == SECTION_FILE ? STATUS_NOT_SUPPORTED
		                                           : STATUS_INVALID_PARAMETER_9;
	if (view->protect != PROT_NOACCESS)
		view->protect |= cache; /* PR-9 */
	view->fixed = object->attributes & SEC_NO_CHANGE;
	if (object->base && !use_base(object, call))
		return STATUS_CONFLICTING_ADDRESSES;
	return check_size(object, call);
}
