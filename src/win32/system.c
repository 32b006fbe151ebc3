/* SPDX-License-Identifier: MIT
 *
 * The machine as the current process sees it, and what memory there is and is used (rules SI, MS,
 * PC).
 */
#include <string.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "nt/target.h"
#include "win32/error.h"

/* Two bytes of a host that is no x86: not known. */
struct processor {
	WORD level, revision;
};

#ifdef __x86_64__
/* EAX of leaf 1: 27..20 more family, 19..16 more model, 11..8 family, 7..4 model, 3..0 stepping */
static struct processor host_processor(void)
{
	unsigned a, b, c, d;
	if (!__get_cpuid(1, &a, &b, &c, &d))
		return (struct processor){0};
	unsigned family = a >> 8 & 0xF, model = a >> 4 & 0xF;
	if (family == 6 || family == 15)
		model |= a >> 12 & 0xF0;
	if (family == 15)
		family += a >> 20 & 0xFF;
	return (struct processor){.level = (WORD)family,
	                          .revision = (WORD)(model << 8 | (a & 0xF))};
}
#else
static struct processor host_processor(void)
{
	return (struct processor){0};
}
#endif

static unsigned processors_up_to(unsigned most)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	if (count < 1)
		return 1;
	return (unsigned long)count < most ? (unsigned)count : most;
}

static void describe(SYSTEM_INFO *info, const struct layout *layout, bool wide)
{
	struct processor processor = host_processor();
	unsigned count = processors_up_to(layout->wide ? 64 : 32);

	*info = (SYSTEM_INFO){
		.wProcessorArchitecture =
			wide ? PROCESSOR_ARCHITECTURE_AMD64 : PROCESSOR_ARCHITECTURE_INTEL,
		.dwPageSize = PAGE_BYTES,
		.lpMinimumApplicationAddress = (LPVOID)(uintptr_t)layout->minimum,
		.lpMaximumApplicationAddress = (LPVOID)(uintptr_t)layout->maximum,
		.dwActiveProcessorMask = UINT64_MAX >> (64 - count),
		.dwNumberOfProcessors = count,
		.dwProcessorType = wide ? PROCESSOR_AMD_X8664 : PROCESSOR_INTEL_PENTIUM,
		.dwAllocationGranularity = GRANULE_PAGES * PAGE_BYTES,
		.wProcessorLevel = processor.level,
		.wProcessorRevision = processor.revision,
	};
}

static const struct layout *current_layout(void)
{
	struct process *current = process_current();
	return current ? current->space->layout : layout_of(NTMM_LAYOUT_NT64_128TB);
}

void GetSystemInfo(LPSYSTEM_INFO info)
{
	const struct layout *layout = current_layout();
	if (host_range_ok(info, sizeof *info))
		describe(info, layout, layout->wide);
}

void GetNativeSystemInfo(LPSYSTEM_INFO info)
{
	const struct layout *layout = current_layout();
	if (host_range_ok(info, sizeof *info))
		describe(info, layout, layout->wide_system);
}

/* What a space says of itself, read at one moment. Pages. */
struct figures {
	uint64_t free, commit, commit_peak;
};

static NTSTATUS read_figures(struct target *target, struct figures *figures)
{
	NTSTATUS status = target_read(target);
	if (status)
		return status;
	const struct space *space = target->space;
	*figures = (struct figures){space->free_pages, space->commit, space->commit_peak};
	target_unlock(target);
	return STATUS_SUCCESS;
}

/* `part` of `whole`, rounded down. */
static DWORD percent(uint64_t part, uint64_t whole)
{
	return whole ? (DWORD)(part * 100 / whole) : 0;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static NTSTATUS fill_memory_status(struct target *target, MEMORYSTATUSEX *status)
{
	struct figures figures;
	struct memory_status memory;
	NTSTATUS failure = read_figures(target, &figures);
	if (failure)
		return failure;
	target->space->engine->memory(target->space, &memory);
	*status = (MEMORYSTATUSEX){
		.dwLength = sizeof *status,
		.dwMemoryLoad = percent(less(memory.physical, memory.available), memory.physical),
		.ullTotalPhys = address_of(memory.physical),
		.ullAvailPhys = address_of(memory.available),
		.ullTotalPageFile = address_of(memory.commit_limit),
		.ullAvailPageFile = address_of(less(memory.commit_limit, memory.commit_total)),
		.ullTotalVirtual = target->layout->maximum - target->layout->minimum + 1,
		.ullAvailVirtual = address_of(figures.free),
	};
	return STATUS_SUCCESS;
}

BOOL GlobalMemoryStatusEx(LPMEMORYSTATUSEX status)
{
	struct target target;
	if (!host_range_ok(status, sizeof *status))
		return win32_fail(ERROR_NOACCESS);
	if (status->dwLength != sizeof *status)
		return win32_fail(ERROR_INVALID_PARAMETER);
	target_open(&target, NtCurrentProcess(), 0);
	NTSTATUS result = fill_memory_status(&target, status);
	target_close(&target);
	return win32_ok(result);
}

#define GB (UINT64_C(1) << 30)

/* MS-7: what a program of 32 bits sees; one that does not know of addresses from 2 GB on sees less. */
static void cap(MEMORYSTATUS *status, const struct layout *layout)
{
	SIZE_T *const sizes[] = {&status->dwTotalPhys,     &status->dwAvailPhys,
	                         &status->dwTotalVirtual,  &status->dwAvailVirtual,
	                         &status->dwTotalPageFile, &status->dwAvailPageFile};
	for (unsigned i = 0; i < 6 && !layout->wide; i++) {
		if (*sizes[i] >= 4 * GB)
			*sizes[i] = UINT32_MAX;
		if (i < 4 && layout->maximum < 2 * GB)
			*sizes[i] = min_u64(*sizes[i], 2 * GB - 1);
	}
}

void GlobalMemoryStatus(LPMEMORYSTATUS status)
{
	struct target target;
	MEMORYSTATUSEX all = {.dwLength = 0};
	if (!host_range_ok(status, sizeof *status))
		return;
	target_open(&target, NtCurrentProcess(), 0);
	fill_memory_status(&target, &all);
	*status = (MEMORYSTATUS){.dwLength = sizeof *status,
	                         .dwMemoryLoad = all.dwMemoryLoad,
	                         .dwTotalPhys = all.ullTotalPhys,
	                         .dwAvailPhys = all.ullAvailPhys,
	                         .dwTotalPageFile = all.ullTotalPageFile,
	                         .dwAvailPageFile = all.ullAvailPageFile,
	                         .dwTotalVirtual = all.ullTotalVirtual,
	                         .dwAvailVirtual = all.ullAvailVirtual};
	cap(status, target.layout);
	target_close(&target);
}

static NTSTATUS read_counters(struct target *target, PROCESS_MEMORY_COUNTERS_EX *counters)
{
	struct figures figures;
	struct usage usage;
	NTSTATUS status = read_figures(target, &figures);
	if (status)
		return status;
	target->space->engine->usage(target->space, &usage);
	*counters = (PROCESS_MEMORY_COUNTERS_EX){
		.PageFaultCount = (DWORD)usage.faults,
		.PeakWorkingSetSize = address_of(usage.working_set_peak),
		.WorkingSetSize = address_of(usage.working_set),
		.PagefileUsage = address_of(figures.commit),
		.PeakPagefileUsage = address_of(figures.commit_peak),
		.PrivateUsage = address_of(figures.commit),
	};
	return STATUS_SUCCESS;
}

_Static_assert(offsetof(PROCESS_MEMORY_COUNTERS_EX, PrivateUsage) ==
                       sizeof(PROCESS_MEMORY_COUNTERS),
               "the one begins as the other");

BOOL GetProcessMemoryInfo(HANDLE process, PPROCESS_MEMORY_COUNTERS counters, DWORD size)
{
	struct target target;
	PROCESS_MEMORY_COUNTERS_EX all;
	if (size < sizeof *counters)
		return win32_fail(ERROR_INSUFFICIENT_BUFFER);
	if (!host_range_ok(counters, size))
		return win32_fail(ERROR_NOACCESS);
	target_open(&target, process, PROCESS_QUERY_LIMITED_INFORMATION);
	NTSTATUS status = read_counters(&target, &all);
	target_close(&target);
	if (!win32_ok(status))
		return FALSE;
	all.cb = size < sizeof all ? sizeof *counters : sizeof all;
	memcpy(counters, &all, all.cb);
	return TRUE;
}
