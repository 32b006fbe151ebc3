/* SPDX-License-Identifier: MIT
 *
 * NtQueryVirtualMemory (rules VQ, WS-9, WS-10).
 */
#include <string.h>

#include "nt/target.h"
#include "space/view.h"

struct query {
	uint64_t address;
	void *buffer;     /* the host's */
	uint64_t length;  /* bytes of it */
	uint64_t written; /* bytes of it written */
};

/* VQ-7: Windows cannot tell them apart. Being offered, or charged, shows nowhere. */
static bool are_alike(struct run a, struct run b)
{
	const attr_t unseen = ATTR_OFFERED | ATTR_CHARGED | ATTR_LEVEL_MASK;
	return a.vad == b.vad && (a.attr & ~unseen) == (b.attr & ~unseen);
}

/* Only runs of one allocation can be alike, so at its end there is nothing to look for. */
static uint64_t region_end(struct space *space, struct run run)
{
	struct run next = run;
	while (run.vad && next.end < run.vad->range.end) {
		next = space_seen(space, next.end);
		if (!are_alike(run, next))
			return next.start;
	}
	return next.end;
}

static PVOID pointer_to(uint64_t page)
{
	return (PVOID)(uintptr_t)address_of(page);
}

static DWORD type_of(const struct vad *vad)
{
	if (!vad_view(vad))
		return MEM_PRIVATE;
	return vad_view(vad)->section->kind == SECTION_IMAGE ? MEM_IMAGE : MEM_MAPPED;
}

/* The table of rule VQ-10; W9-6. */
static void describe(struct space *space, uint64_t page, MEMORY_BASIC_INFORMATION *info)
{
	struct run run = space_seen(space, page);
	memset(info, 0, sizeof *info); /* with what lies between the members: it goes out, too */
	info->BaseAddress = pointer_to(page);
	info->RegionSize = address_of(region_end(space, run) - page);
	info->State = MEM_FREE;
	info->Protect = PAGE_NOACCESS;
	if (!run.vad)
		return;
	const struct era *era = era_of(space->layout);
	bool committed = attr_is_committed(run.attr);
	info->AllocationBase = pointer_to(run.vad->range.start);
	info->AllocationProtect = era_protect(era, run.vad->protect);
	info->State = committed ? MEM_COMMIT : MEM_RESERVE;
	info->Protect = committed ? era_protect(era, attr_prot(run.attr)) : era->reserved_protect;
	info->Type = type_of(run.vad);
}

/* What the process has there by itself; free memory ends where that begins. */
static void describe_foreign(const struct foreign *foreign, MEMORY_BASIC_INFORMATION *info)
{
	static const DWORD types[] = {[FOREIGN_PRIVATE] = MEM_PRIVATE,
	                              [FOREIGN_MAPPED] = MEM_MAPPED,
	                              [FOREIGN_IMAGE] = MEM_IMAGE};
	memset(info, 0, sizeof *info);
	info->BaseAddress = pointer_to(foreign->range.start);
	info->RegionSize = address_of(range_pages(foreign->range));
	info->State = MEM_FREE;
	info->Protect = PAGE_NOACCESS;
	if (foreign->kind == FOREIGN_NONE)
		return;
	info->AllocationBase = pointer_to(foreign->whole.start);
	info->AllocationProtect = prot_to_win32(foreign->whole_prot);
	info->State = foreign->committed ? MEM_COMMIT : MEM_RESERVE;
	info->Protect = foreign->committed ? prot_to_win32(foreign->prot) : 0;
	info->Type = types[foreign->kind];
}

/* Fills in the answer: as much as fits. */
static void answer(struct query *query, const void *info, uint64_t bytes)
{
	query->written = min_u64(bytes, query->length);
	memcpy(query->buffer, info, query->written);
}

/* The engine is asked without the lock: when there is an allocation by then, it is told about instead. */
static NTSTATUS query_basic(struct target *target, struct query *query)
{
	const uint64_t page = page_of(query->address);
	MEMORY_BASIC_INFORMATION info;
	struct foreign foreign;
	bool is_known;
	do {
		NTSTATUS status = target_read(target);
		if (status)
			return status;
		const struct engine *engine = target->space->engine;
		describe(target->space, page, &info);
		target_unlock(target);
		is_known = info.State != MEM_FREE || !engine->foreign;
		if (!is_known && engine->foreign(target->space, page, &foreign)) {
			describe_foreign(&foreign, &info);
			is_known = true;
		}
	} while (!is_known);
	answer(query, &info, sizeof info);
	return STATUS_SUCCESS;
}

/* Of a view of a SEC_RESERVE section: what the section says (VQ-15); of a window: what is mapped. */
static uint64_t committed_pages(const struct space *space, struct range range)
{
	uint64_t pages = 0;
	for (struct run run = {.end = range.start}; next_run(space, range, &run);)
		pages += attr_is_committed(run.attr) ? run.end - run.start : 0;
	return pages;
}

/* Its pieces are counted one by one. */
static bool region_foreign(struct space *space, uint64_t page, MEMORY_REGION_INFORMATION *info)
{
	struct foreign foreign;
	const struct engine *engine = space->engine;
	if (!engine->foreign || !engine->foreign(space, page, &foreign) ||
	    foreign.kind == FOREIGN_NONE)
		return false;
	const struct range whole = foreign.whole;
	info->AllocationBase = address_of(whole.start);
	info->AllocationProtect = prot_to_win32(foreign.whole_prot);
	info->RegionSize = address_of(range_pages(whole));
	for (page = whole.start; page < whole.end; page = foreign.range.end) {
		if (!engine->foreign(space, page, &foreign))
			break;
		if (foreign.committed)
			info->CommitSize += address_of(range_pages(foreign.range));
	}
	return true;
}

static NTSTATUS query_region(struct target *target, struct query *query)
{
	MEMORY_REGION_INFORMATION info = {.RegionType = 0};
	NTSTATUS status = target_read(target);
	if (status)
		return status;
	const struct space *space = target->space;
	const struct vad *vad = space_run(space, query->address).vad;
	if (vad) {
		info.AllocationBase = address_of(vad->range.start);
		info.AllocationProtect = prot_to_win32(vad->protect);
		info.RegionSize = address_of(range_pages(vad->range));
		info.CommitSize = address_of(committed_pages(space, vad->range));
	}
	target_unlock(target);
	if (!vad && !region_foreign(target->space, page_of(query->address), &info))
		return STATUS_MEMORY_NOT_ALLOCATED;
	answer(query, &info, sizeof info);
	return STATUS_SUCCESS;
}

/* WS-10. */
static ULONG_PTR attributes(struct space *own, uint64_t address)
{
	struct space *space = space_at(own, address);
	PSAPI_WORKING_SET_EX_BLOCK block = {.Flags = 0};
	struct residency residency = {.valid = false};
	if (address <= space->layout->maximum)
		space->engine->residency(space, page_of(address), &residency);
	block.Shared = residency.shared;
	if (!residency.valid)
		return block.Flags;
	block.ShareCount = min_u64(residency.sharers, 7) & 7;
	block.Valid = 1;
	block.Win32Protection = prot_to_win32(residency.prot) & 0x7FF;
	block.LargePage = residency.large;
	block.Locked = residency.locked;
	return block.Flags;
}

static NTSTATUS query_working_set(struct target *target, struct query *query)
{
	PSAPI_WORKING_SET_EX_INFORMATION entry;
	NTSTATUS status = target_alive(target);
	if (status)
		return status;
	for (; query->length - query->written >= sizeof entry; query->written += sizeof entry) {
		char *place = (char *)query->buffer + query->written;
		memcpy(&entry, place, sizeof entry);
		entry.VirtualAttributes.Flags = attributes(target->space,
		                                           (uintptr_t)entry.VirtualAddress);
		memcpy(place, &entry, sizeof entry);
	}
	return STATUS_SUCCESS;
}

struct query_class {
	NTSTATUS (*run)(struct target *target, struct query *query);
	uint32_t access; /* G-4: who may ask everything may ask the first, too */
	uint64_t least;  /* bytes of buffer */
	bool at_address; /* the address argument is meant; else the whole buffer is */
};

/* A caller that does not know CommitSize, which came later, gets what it knows (VQ-20). */
static const struct query_class classes[] = {
	[MemoryBasicInformation] = {query_basic, PROCESS_QUERY_LIMITED_INFORMATION,
	                            sizeof(MEMORY_BASIC_INFORMATION), true},
	[MemoryRegionInformation] = {query_region, PROCESS_QUERY_INFORMATION,
	                             offsetof(MEMORY_REGION_INFORMATION, CommitSize), true},
	[MemoryWorkingSetExInformation] = {query_working_set, PROCESS_QUERY_INFORMATION, 0, false},
};
#define CLASSES (sizeof classes / sizeof classes[0])

union answer {
	MEMORY_BASIC_INFORMATION basic;
	MEMORY_REGION_INFORMATION region;
};

/* VQ-5. */
static NTSTATUS check(const struct layout *layout, const struct query_class *query_class,
                      const struct query *query, uint64_t *returned)
{
	if (query_class->at_address && query->address > layout->maximum)
		return STATUS_INVALID_PARAMETER; /* VQ-4 */
	uint64_t most = query_class->at_address ? sizeof(union answer) : query->length;
	NTSTATUS status = probe_out(query->buffer, min_u64(max_u64(query->length, 1), most));
	if (!status && returned)
		status = probe_word(returned);
	if (status)
		return status; /* VQ-3 */
	if (query->length < query_class->least)
		return STATUS_INFO_LENGTH_MISMATCH; /* VQ-2 */
	return STATUS_SUCCESS;
}

NTSTATUS NtQueryVirtualMemory(HANDLE process, uint64_t address, MEMORY_INFORMATION_CLASS info_class,
                              void *buffer, uint64_t length, uint64_t *returned)
{
	struct target target;
	struct query query = {.address = address, .buffer = buffer, .length = length};
	if ((unsigned)info_class >= CLASSES || !classes[info_class].run)
		return STATUS_INVALID_INFO_CLASS; /* VQ-21 */
	const struct query_class *c = &classes[info_class];
	target_open(&target, process, c->access);
	if (c->at_address)
		target_at(&target, address);
	NTSTATUS status = check(target.layout, c, &query, returned);
	if (!status)
		status = c->run(&target, &query);
	target_close(&target);
	if (!status && returned)
		*returned = query.written;
	return status;
}
