/* SPDX-License-Identifier: MIT
 *
 * NtSetInformationVirtualMemory: prefetch, a hint (rules PF).
 */
#include <string.h>

#include "nt/target.h"

/* PF-4; PF-2 for the flags. */
static NTSTATUS check(uint32_t info_class, uint64_t count, const MEMORY_RANGE_ENTRY *ranges,
                      const void *info, uint32_t length)
{
	uint32_t flags;
	if (info_class != VmPrefetchInformation)
		return STATUS_INVALID_PARAMETER_2;
	if (!info)
		return STATUS_INVALID_PARAMETER_5;
	if (length != sizeof flags)
		return STATUS_INVALID_PARAMETER_6;
	if (!count)
		return STATUS_INVALID_PARAMETER_3;
	if (count > UINT64_MAX / sizeof *ranges)
		return STATUS_ACCESS_VIOLATION;
	NTSTATUS status = probe_in(ranges, count * sizeof *ranges);
	if (!status)
		status = probe_in(info, sizeof flags);
	if (status)
		return status;
	for (uint64_t i = 0; i < count; i++) {
		if (!ranges[i].NumberOfBytes)
			return STATUS_INVALID_PARAMETER_4;
	}
	memcpy(&flags, info, sizeof flags);
	return flags ? STATUS_INVALID_PARAMETER_5 : STATUS_SUCCESS;
}

/* The next pages of `range` from *page on that can be prefetched; *page moves past them. False when
 * there are none, or the process has ended. */
static bool next_committed(struct target *target, struct range range, uint64_t *page,
                           struct range *pages)
{
	bool found = false;
	if (target_read(target))
		return false;
	for (struct run run = {.end = *page}; !found && next_run(target->space, range, &run);) {
		found = attr_is_committed(run.attr) && !(run.attr & ATTR_OFFERED);
		*pages = (struct range){run.start, run.end};
		*page = run.end;
	}
	target_unlock(target);
	return found;
}

/* PF-3: what lies outside user space, or is not committed, is passed over. */
static void prefetch(struct target *target, const MEMORY_RANGE_ENTRY *entry)
{
	uint64_t last;
	struct range pages;
	if (entry->VirtualAddress > target->layout->maximum)
		return;
	if (!last_byte(entry->VirtualAddress, entry->NumberOfBytes, &last))
		last = UINT64_MAX;
	last = min_u64(last, target->layout->maximum);
	struct range range = pages_touched(entry->VirtualAddress, last);
	for (uint64_t page = range.start; next_committed(target, range, &page, &pages);)
		target->space->engine->prefetch(target->space, pages);
}

NTSTATUS NtSetInformationVirtualMemory(HANDLE process, uint32_t info_class, uint64_t count,
                                       const MEMORY_RANGE_ENTRY *ranges, const void *info,
                                       uint32_t length)
{
	struct target target;
	NTSTATUS status = check(info_class, count, ranges, info, length);
	if (status)
		return status;
	target_open(&target, process, PROCESS_VM_OPERATION);
	status = target_alive(&target);
	for (uint64_t i = 0; !status && i < count; i++)
		prefetch(&target, &ranges[i]);
	target_close(&target);
	return status;
}
