/* SPDX-License-Identifier: MIT */
#include "nt/extended.h"

#include "base/units.h"

#define GRANULE address_of(GRANULE_PAGES)

static bool is_alignment(uint64_t align)
{
	return align >= GRANULE && !(align & (align - 1));
}

static NTSTATUS read_requirements(const struct layout *layout, const MEM_ADDRESS_REQUIREMENTS *from,
                                  struct extended *read)
{
	NTSTATUS status = probe_in(from, sizeof *from);
	if (status)
		return status;
	uint64_t lowest = (uintptr_t)from->LowestStartingAddress;
	uint64_t highest = (uintptr_t)from->HighestEndingAddress;
	if (from->Alignment && !is_alignment(from->Alignment))
		return STATUS_INVALID_PARAMETER; /* V2-5 */
	if (lowest % GRANULE || lowest > layout->maximum)
		return STATUS_INVALID_PARAMETER; /* V2-6 */
	if (highest && ((highest + 1) % PAGE_BYTES || highest > layout->maximum))
		return STATUS_INVALID_PARAMETER;
	if (highest && highest < lowest)
		return STATUS_INVALID_PARAMETER;
	read->lowest = lowest;
	read->highest = highest;
	read->align = from->Alignment;
	return STATUS_SUCCESS;
}

/* A machine has one node (VA-81). */
static NTSTATUS check_node(uint32_t node)
{
	return node && node != NUMA_NO_PREFERRED_NODE ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

/* V2-8. That pages need not be zero, or are brought in softly, allows what is done anyway. */
static NTSTATUS check_attributes(uint64_t flags)
{
	const uint64_t hints = MEM_EXTENDED_PARAMETER_ZERO_PAGES_OPTIONAL |
	                       MEM_EXTENDED_PARAMETER_SOFT_FAULT_PAGES;
	const uint64_t known = hints | MEM_EXTENDED_PARAMETER_GRAPHICS |
	                       MEM_EXTENDED_PARAMETER_NONPAGED |
	                       MEM_EXTENDED_PARAMETER_NONPAGED_LARGE |
	                       MEM_EXTENDED_PARAMETER_NONPAGED_HUGE;
	if (flags & ~known)
		return STATUS_INVALID_PARAMETER; /* with EC_CODE: that is for ARM64 */
	return flags & ~hints ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS;
}

static NTSTATUS read_one(const struct layout *layout, const MEM_EXTENDED_PARAMETER *from,
                         struct extended *read)
{
	switch (from->Type) {
	case MemExtendedParameterAddressRequirements:
		return read_requirements(layout, from->Pointer, read);
	case MemExtendedParameterNumaNode:
		return check_node(from->ULong);
	case MemExtendedParameterAttributeFlags:
		return check_attributes(from->ULong64);
	case MemExtendedParameterImageMachine:
		read->machine = (uint16_t)from->ULong;
		return STATUS_SUCCESS;
	case MemExtendedParameterPartitionHandle:
	case MemExtendedParameterUserPhysicalHandle:
		return STATUS_NOT_SUPPORTED;
	default:
		return STATUS_INVALID_PARAMETER; /* V2-3 */
	}
}

NTSTATUS extended_read(const struct layout *layout, const MEM_EXTENDED_PARAMETER *list,
                       uint32_t count, struct extended *read)
{
	*read = (struct extended){0};
	if (count && !list)
		return STATUS_INVALID_PARAMETER; /* V2-2 */
	NTSTATUS status = count ? probe_in(list, count * (uint64_t)sizeof *list) : STATUS_SUCCESS;
	if (status)
		return status;
	for (uint32_t i = 0; i < count; i++) {
		if (list[i].Type < MemExtendedParameterMax &&
		    extended_has(read, (MEM_EXTENDED_PARAMETER_TYPE)list[i].Type))
			return STATUS_INVALID_PARAMETER; /* V2-3: twice */
		status = read_one(layout, &list[i], read);
		if (status)
			return status;
		read->given |= UINT32_C(1) << list[i].Type;
	}
	return STATUS_SUCCESS;
}
