/* SPDX-License-Identifier: MIT
 *
 * NtAllocateVirtualMemoryEx: placeholders, and a say in where the system may choose (rules V2).
 */
#include "nt/alloc.h"
#include "nt/extended.h"

static struct bounds bounds_by(const struct layout *layout, const struct extended *extended)
{
	struct bounds bounds = bounds_of(layout);
	bounds.binding = extended->lowest || extended->highest || extended->align;
	bounds.lowest = max_u64(bounds.lowest, extended->lowest);
	if (extended->highest)
		bounds.highest = min_u64(bounds.highest, extended->highest);
	if (extended->align)
		bounds.align = extended->align;
	return bounds;
}

static NTSTATUS check_extended(const struct extended *extended, uint32_t type)
{
	if (extended_has(extended, MemExtendedParameterImageMachine))
		return STATUS_INVALID_PARAMETER; /* V2-9: for views of images */
	if (extended_has(extended, MemExtendedParameterAddressRequirements) &&
	    !(type & MEM_RESERVE))
		return STATUS_INVALID_PARAMETER; /* V2-4 */
	return STATUS_SUCCESS;
}

NTSTATUS NtAllocateVirtualMemoryEx(HANDLE process, uint64_t *base, uint64_t *size, uint32_t type,
                                   uint32_t protect, MEM_EXTENDED_PARAMETER *parameters,
                                   uint32_t count)
{
	struct target target;
	struct extended extended;
	struct alloc alloc = {.type = type};
	target_open(&target, process, PROCESS_VM_OPERATION);
	NTSTATUS status = extended_read(target.layout, parameters, count, &extended);
	if (!status)
		status = alloc_check_type(type, ALLOC_TYPES | ALLOC_PLACEHOLDERS);
	if (!status)
		status = era_check_type(era_of(target.layout), &alloc.type);
	if (!status)
		status = check_extended(&extended, type);
	if (!status) {
		alloc.bounds = bounds_by(target.layout, &extended);
		status = alloc_in(&target, &alloc, protect, base, size);
	}
	target_close(&target);
	return status;
}
