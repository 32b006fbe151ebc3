/* SPDX-License-Identifier: MIT
 *
 * The arguments of NtAllocateVirtualMemory(Ex), as far as they can be judged without the space.
 */
#include "nt/alloc.h"

static bool is_large_pages_wrong(uint32_t type)
{
	return !(type & MEM_COMMIT) || !(type & MEM_RESERVE) ||
	       type & (MEM_PHYSICAL | MEM_WRITE_WATCH);
}

static bool is_physical_wrong(uint32_t type)
{
	return !(type & MEM_RESERVE) || type & ~(MEM_PHYSICAL | MEM_RESERVE | MEM_TOP_DOWN);
}

/* A placeholder is a bare reservation; what replaces one is small pages of private memory. */
static bool is_placeholder_wrong(uint32_t type)
{
	if (!(type & MEM_RESERVE) || type & MEM_LARGE_PAGES)
		return true;
	if (type & MEM_REPLACE_PLACEHOLDER)
		return type & MEM_RESERVE_PLACEHOLDER;
	return type & ~(MEM_RESERVE_PLACEHOLDER | MEM_RESERVE | MEM_TOP_DOWN);
}

NTSTATUS alloc_check_type(uint32_t type, uint32_t known)
{
	if (type & ~known)
		return STATUS_INVALID_PARAMETER; /* VA-3 */
	if (!(type & ALLOC_ACTIONS))
		return STATUS_INVALID_PARAMETER_5; /* VA-4 */
	if (type & ALLOC_RESETS && type != MEM_RESET && type != MEM_RESET_UNDO)
		return STATUS_INVALID_PARAMETER_5; /* VA-5 */
	if (type & MEM_LARGE_PAGES && is_large_pages_wrong(type))
		return STATUS_INVALID_PARAMETER_5; /* VA-6, VA-51, LP-2 */
	if (type & MEM_WRITE_WATCH && !(type & MEM_RESERVE))
		return STATUS_INVALID_PARAMETER_5; /* VA-7 */
	if (type & MEM_PHYSICAL && is_physical_wrong(type))
		return STATUS_INVALID_PARAMETER_5; /* VA-8 */
	if (type & ALLOC_PLACEHOLDERS && is_placeholder_wrong(type))
		return STATUS_INVALID_PARAMETER; /* PH-1, PH-5 */
	return STATUS_SUCCESS;
}

/* PAGE_TARGETS_INVALID tells nothing that is kept here (PR-6). */
NTSTATUS alloc_check_protect(const struct era *era, uint32_t type, uint32_t protect, prot_t *prot)
{
	bool targets = protect & PAGE_TARGETS_INVALID && type & MEM_COMMIT;
	if (type & MEM_PHYSICAL && protect != PAGE_READWRITE)
		return STATUS_INVALID_PARAMETER_6; /* VA-9 */
	if (type & MEM_RESERVE_PLACEHOLDER && protect != PAGE_NOACCESS)
		return STATUS_INVALID_PAGE_PROTECTION; /* PH-1 */
	if (!era_prot(era, targets ? protect & ~(uint32_t)PAGE_TARGETS_INVALID : protect, prot))
		return STATUS_INVALID_PAGE_PROTECTION; /* VA-10, W9-4 */
	if (targets && !prot_can_execute(*prot))
		return STATUS_INVALID_PAGE_PROTECTION;
	if (type & MEM_LARGE_PAGES && *prot & PROT_MODIFIER_MASK)
		return STATUS_INVALID_PAGE_PROTECTION; /* LP-6: NOACCESS, too */
	return STATUS_SUCCESS;
}

struct bounds bounds_of(const struct layout *layout)
{
	return (struct bounds){.lowest = layout->minimum,
	                       .highest = layout->highest,
	                       .align = address_of(GRANULE_PAGES)};
}

/* layout->highest is the highest address that an allocation may use (AS-5). */
NTSTATUS alloc_check_place(const struct layout *layout, struct alloc *alloc, uint64_t base,
                           uint64_t size)
{
	if (base && alloc->bounds.binding)
		return STATUS_INVALID_PARAMETER; /* V2-4 */
	if (base > layout->highest)
		return STATUS_INVALID_PARAMETER_2; /* VA-12 */
	if (!size)
		return era_of(layout)->no_bytes; /* VA-14, W9-3 */
	if (!last_byte(base, size, &alloc->last) || alloc->last > layout->highest)
		return STATUS_INVALID_PARAMETER_4; /* VA-13 */
	if (alloc->type & MEM_RESERVE && base && base < layout->minimum)
		return STATUS_INVALID_PARAMETER; /* VA-18, W9-2 */
	alloc->base = base;
	return STATUS_SUCCESS;
}
