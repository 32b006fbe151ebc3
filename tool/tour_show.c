/* SPDX-License-Identifier: MIT
 *
 * What the tour prints: answers of calls, and the state after a step.
 */
#include "tour.h"

#include <inttypes.h>
#include <stdio.h>

#include <ntmm/status.h>

static uint64_t address_of(const void *pointer)
{
	return (uintptr_t)pointer;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void print_error(void)
{
	const char *name = ntmm_error_name(GetLastError());
	printf(" and %s (%u)", name ? name : "error", GetLastError());
}

static void print_call(const char *call)
{
	printf("  %s\n    -> ", call);
}

void tour_answer_pointer(const char *call, const void *answer)
{
	print_call(call);
	printf("0x%08" PRIx64, address_of(answer));
	if (!answer)
		print_error();
	putchar('\n');
}

void tour_answer_bool(const char *call, BOOL answer)
{
	print_call(call);
	fputs(answer ? "TRUE" : "FALSE", stdout);
	if (!answer)
		print_error();
	putchar('\n');
}

void tour_answer_number(const char *call, uint64_t answer)
{
	print_call(call);
	printf("%" PRIu64 "\n", answer);
}

static const char *access_name(uint64_t kind)
{
	return kind == 0 ? "reading" : kind == 1 ? "writing" : "executing";
}

void tour_answer_access(const char *call, const ntmm_thread *thread, bool answer, const uint64_t *value)
{
	print_call(call);
	if (answer) {
		fputs("true", stdout);
		if (value)
			printf(", value is 0x%" PRIx64, *value);
		putchar('\n');
		return;
	}
	const EXCEPTION_RECORD *raised = ntmm_thread_exception(thread);
	const char *name = ntmm_status_name((NTSTATUS)raised->ExceptionCode);
	printf("false: %s, %s 0x%08" PRIx64 "\n", name ? name : "an exception",
	       access_name(raised->ExceptionInformation[0]), (uint64_t)raised->ExceptionInformation[1]);
}

/* ---- regions --------------------------------------------------------------------------------- */

static const struct {
	DWORD bits;
	const char *name;
} protections[] = {
	{PAGE_NOACCESS, "PAGE_NOACCESS"},
	{PAGE_READONLY, "PAGE_READONLY"},
	{PAGE_READWRITE, "PAGE_READWRITE"},
	{PAGE_WRITECOPY, "PAGE_WRITECOPY"},
	{PAGE_EXECUTE_READ, "PAGE_EXECUTE_READ"},
	{PAGE_EXECUTE_READWRITE, "PAGE_EXECUTE_READWRITE"},
};

static const char *protection_name(DWORD protect)
{
	for (size_t i = 0; i < sizeof protections / sizeof *protections; i++)
		if (protections[i].bits == (protect & 0xff))
			return protections[i].name;
	return "?";
}

static void print_region(const char *label, const MEMORY_BASIC_INFORMATION *region)
{
	printf("  %-8s 0x%08" PRIx64 " ", label, address_of(region->BaseAddress));
	if (region->State == MEM_FREE) {
		puts("MEM_FREE");
		return;
	}
	printf("%3zu KB  ", region->RegionSize / KB);
	if (region->State == MEM_RESERVE)
		puts("MEM_RESERVE");
	else
		printf("MEM_COMMIT   %s%s\n", protection_name(region->Protect),
		       region->Protect & PAGE_GUARD ? " | PAGE_GUARD" : "");
}

/* All regions of the allocation; when there is none, what lies where it was. */
static void show_regions(HANDLE process, const char *base)
{
	const char *at = base, *label = "regions";
	MEMORY_BASIC_INFORMATION region;
	while (VirtualQueryEx(process, at, &region, sizeof region)) {
		if (at != base && region.AllocationBase != base)
			return;
		print_region(label, &region);
		if (region.State == MEM_FREE)
			return;
		label = "";
		at += region.RegionSize;
	}
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* Bits of a present entry, in the processor's format. */
#define ENTRY_WRITABLE UINT64_C(0x2)
#define ENTRY_NO_EXECUTE (UINT64_C(1) << 63)

static void print_active(const ntmm_page_info *page)
{
	printf("present, frame %" PRIu64 ": %s%s%s%s", page->frame,
	       page->entry & ENTRY_WRITABLE ? "writable" : "read-only",
	       page->entry & ENTRY_NO_EXECUTE ? ", no-execute" : "", page->accessed ? ", accessed" : "",
	       page->dirty ? ", dirty" : "");
}

/* Of a section, in other processes. */
static void print_elsewhere(const ntmm_page_info *page)
{
	printf("zero; the section has it in frame %" PRIu64, page->frame);
}

static const char *list_name(uint32_t where)
{
	return where == NTMM_PAGE_STANDBY    ? "on the standby list"
	       : where == NTMM_PAGE_MODIFIED ? "on the modified list"
	                                     : "being read or written";
}

static void print_page(const ntmm_page_info *page)
{
	switch (page->where) {
	case NTMM_PAGE_NONE: printf("zero"); break;
	case NTMM_PAGE_PAGED_OUT: printf("paged out"); break;
	case NTMM_PAGE_ACTIVE: page->entry ? print_active(page) : print_elsewhere(page); break;
	default: printf("in transition, frame %" PRIu64 " %s", page->frame, list_name(page->where)); break;
	}
	if (page->slot)
		printf(", slot %" PRIu64, page->slot);
	putchar('\n');
}

static void show_pages(HANDLE process, const uint64_t *address)
{
	const char *label = "pages";
	for (int i = 0; i < TOUR_PAGES; i++) {
		ntmm_page_info page = {.size = sizeof page};
		if (ntmm_process_page_info(process, address[i], &page) != STATUS_SUCCESS)
			continue;
		printf("  %-8s 0x%08" PRIx64 " ", label, address[i]);
		print_page(&page);
		label = "";
	}
}

/* ---- counts ---------------------------------------------------------------------------------- */

static void show_machine(const struct tour *tour)
{
	ntmm_machine_counters all = {.size = sizeof all};
	ntmm_machine_get_counters(tour->machine, &all);
	printf("  %-8s %" PRIu64 ": %" PRIu64 " zeroed, %" PRIu64 " free, %" PRIu64 " standby, %" PRIu64
	       " modified, %" PRIu64 " active, %" PRIu64 " tables, %" PRIu64 " fixed\n",
	       "frames", all.ram, all.zeroed, all.free, all.standby, all.modified, all.active, all.tables,
	       all.fixed);
	printf("  %-8s %" PRIu64 " of %" PRIu64 "\n", "slots", all.slots_used, all.slots);
	printf("  %-8s %" PRIu64 " of %" PRIu64 "\n", "commit", all.commit_total, all.commit_limit);
}

static void show_process(const char *label, HANDLE process)
{
	ntmm_process_counters own = {.size = sizeof own};
	ntmm_process_get_counters(process, &own);
	printf("  %-8s demand-zero %" PRIu64 ", soft %" PRIu64 ", hard %" PRIu64 ", page-outs %" PRIu64
	       ", page-ins %" PRIu64 "\n",
	       label, own.demand_zero, own.soft, own.hard, own.page_outs, own.page_ins);
}

static void show_place(HANDLE process, const char *base, const uint64_t *address)
{
	if (!base)
		return;
	show_regions(process, base);
	show_pages(process, address);
}

void tour_show(const struct tour *tour)
{
	const struct tour_other *other = &tour->other;
	show_place(tour->process, tour->base, tour->page);
	if (other->process) {
		puts("  second process");
		show_place(other->process, other->base, other->page);
	}
	show_machine(tour);
	show_process("process", tour->process);
	if (other->process)
		show_process("second", other->process);
}
