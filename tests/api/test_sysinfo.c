/* SPDX-License-Identifier: MIT
 *
 * The layouts and what is told of them: GetSystemInfo, GlobalMemoryStatusEx, GetProcessMemoryInfo
 * (rules AS, SI, MS, PC; S1, S2, S6, S7, S10).
 */
#include "place.h"

#include <ntmm/ntapi.h>

static const struct shape {
	ntmm_layout layout;
	const char *name;
	uint64_t maximum, last_granule; /* the highest that VirtualAlloc gives (AS-5) */
	uint64_t user;                  /* bytes of user space with its no-access partitions */
	WORD architecture, native;
	DWORD type, native_type;
} shapes[] = {
	{NTMM_LAYOUT_NT32_2GB, "nt32-2gb", 0x7FFEFFFF, 0x7FFD0000, UINT64_C(1) << 31, 0, 0, 586,
         586},
	{NTMM_LAYOUT_NT32_3GB, "nt32-3gb", 0xBFFEFFFF, 0xBFFD0000, UINT64_C(3) << 30, 0, 0, 586,
         586},
	{NTMM_LAYOUT_WOW64_4GB, "wow64-4gb", 0xFFFEFFFF, 0xFFFE0000, UINT64_C(1) << 32, 0, 9, 586,
         8664},
	{NTMM_LAYOUT_NT64_8TB, "nt64-8tb", 0x7FFFFFEFFFF, 0x7FFFFFE0000, UINT64_C(1) << 43, 9, 9,
         8664, 8664},
	{NTMM_LAYOUT_NT64_128TB, "nt64-128tb", 0x7FFFFFFEFFFF, 0x7FFFFFFE0000, UINT64_C(1) << 47, 9,
         9, 8664, 8664},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

/* Runs `test` once in a process of each layout. */
static void in_each(struct place *place, void (*test)(struct place *, const struct shape *))
{
	for (size_t i = 0; i < SHAPES; i++) {
		place_leave(place);
		place_enter(place, shapes[i].layout);
		test(place, &shapes[i]);
	}
}

static bool is_narrow(const struct shape *shape)
{
	return shape->maximum <= UINT32_MAX;
}

/* ---- GetSystemInfo -------------------------------------------------------------------------- */

static void check_system_info(struct place *place, const struct shape *shape)
{
	SYSTEM_INFO info, native;
	(void)place;
	memset(&info, 0xEE, sizeof info);
	SetLastError(UNTOUCHED);
	GetSystemInfo(&info);
	GetNativeSystemInfo(&native);
	assert_int_equal(GetLastError(), UNTOUCHED); /* SI-7 */
	assert_int_equal(info.dwPageSize, 4096); /* SI-1, S10 */
	assert_int_equal(info.dwAllocationGranularity, 65536);
	assert_int_equal(address_in(info.lpMinimumApplicationAddress), 0x10000);
	assert_int_equal(address_in(info.lpMaximumApplicationAddress), shape->maximum);
	assert_int_equal(info.wProcessorArchitecture, shape->architecture); /* SI-3, SI-5 */
	assert_int_equal(info.dwProcessorType, shape->type);
	assert_int_equal(info.wReserved, 0);
	assert_true(info.dwNumberOfProcessors >= 1);
	assert_true(info.dwNumberOfProcessors <= (is_narrow(shape) ? 32 : 64)); /* SI-4 */
	assert_int_equal(__builtin_popcountll(info.dwActiveProcessorMask),
	                 info.dwNumberOfProcessors);
	assert_int_equal(info.dwActiveProcessorMask & (info.dwActiveProcessorMask + 1), 0);

	assert_int_equal(native.wProcessorArchitecture, shape->native); /* SI-6 */
	assert_int_equal(native.dwProcessorType, shape->native_type);
	native.wProcessorArchitecture = info.wProcessorArchitecture;
	native.dwProcessorType = info.dwProcessorType;
	assert_memory_equal(&native, &info, sizeof info);
	assert_string_equal(ntmm_layout_name(shape->layout), shape->name);
}

static void test_system_info(void **state)
{
	in_each(*state, check_system_info);
}

/* A host thread that is no process's is told of a 64-bit system. */
static void test_system_info_unattached(void **state)
{
	struct place *place = *state;
	SYSTEM_INFO info;
	place_leave(place);
	GetSystemInfo(&info);
	assert_int_equal(address_in(info.lpMaximumApplicationAddress), 0x7FFFFFFEFFFF);
	assert_int_equal(info.wProcessorArchitecture, PROCESSOR_ARCHITECTURE_AMD64);
	GetSystemInfo(NULL);
	GetNativeSystemInfo(NULL);
	place_enter(place, NTMM_LAYOUT_NT32_2GB);
}

/* ---- layouts -------------------------------------------------------------------------------- */

static bool can_reserve(uint64_t address)
{
	void *base = VirtualAlloc(at(address), 1, MEM_RESERVE, PAGE_READWRITE);
	if (!base)
		return false;
	assert_ptr_equal(base, at(address));
	assert_true(VirtualFree(base, 0, MEM_RELEASE));
	return true;
}

static void touch_at(struct place *place, uint64_t address)
{
	assert_ptr_equal(VirtualAlloc(at(address), PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
	                 at(address));
	assert_int_equal(load_at(place, at(address)), 0);
	store_at(place, at(address + PAGE - 1), 0x5A);
	assert_int_equal(load_at(place, at(address + PAGE - 1)), 0x5A);
	assert_true(VirtualFree(at(address), 0, MEM_RELEASE));
}

/* S6, S7, S2: from the first granule to the last, and no partition at the ends (AS-1, AS-5). */
static void check_bounds(struct place *place, const struct shape *shape)
{
	touch_at(place, 0x10000);
	touch_at(place, shape->last_granule);
	touch_at(place, shape->user / 2 + 0x1230000);
	assert_fails(can_reserve(0x1000), ERROR_INVALID_PARAMETER); /* VA-1 */
	assert_fails(can_reserve(0xFFFF), ERROR_INVALID_PARAMETER);
	assert_fails(can_reserve(shape->last_granule + GRANULE), ERROR_INVALID_PARAMETER);
	assert_fails(can_reserve(shape->maximum + 1), ERROR_INVALID_PARAMETER);
	assert_fails(can_reserve(shape->user), ERROR_INVALID_PARAMETER);
	assert_fails(
		VirtualAlloc(at(shape->last_granule), GRANULE + 1, MEM_RESERVE, PAGE_READWRITE),
		ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(NULL, shape->user, MEM_RESERVE, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
}

static void test_bounds(void **state)
{
	in_each(*state, check_bounds);
}

/* AS-8: beyond user space everything is a violation, and there is nothing to be asked. S6, S7. */
static void check_system_space(struct place *place, const struct shape *shape)
{
	MEMORY_BASIC_INFORMATION info;
	const uint64_t outside[] = {0, 0xFFFF, shape->maximum + 1, shape->user - 1, shape->user,
	                            shape->user + 0x12345678};
	for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
		assert_int_equal(load_raises(place, at(outside[i])), STATUS_ACCESS_VIOLATION);
		assert_int_equal(store_raises(place, at(outside[i])), STATUS_ACCESS_VIOLATION);
		if (outside[i] > shape->maximum)
			assert_fails(VirtualQuery(at(outside[i]), &info, sizeof info),
			             ERROR_INVALID_PARAMETER);
	}
	assert_int_equal(VirtualQuery(at(shape->maximum), &info, sizeof info), sizeof info);
	assert_int_equal(info.State, MEM_FREE);
}

static void test_system_space(void **state)
{
	in_each(*state, check_system_space);
}

/* S1: any 32-bit value can be a pointer: the processor forms it; a page answers or is absent. */
static void check_pointers(struct place *place, const struct shape *shape)
{
	if (!is_narrow(shape))
		return;
	for (uint64_t address = 0; address <= UINT32_MAX; address += 0x10001 * UINT64_C(311)) {
		if (!load_raises(place, at(address)))
			continue;
		const EXCEPTION_RECORD *record = ntmm_thread_exception(place->thread);
		assert_int_equal(record->ExceptionCode, (DWORD)STATUS_ACCESS_VIOLATION);
		assert_int_equal(record->ExceptionInformation[1], address);
	}
	assert_int_equal(load_raises(place, at(UINT32_MAX)), STATUS_ACCESS_VIOLATION);
	assert_int_equal(ntmm_thread_exception(place->thread)->ExceptionInformation[1], UINT32_MAX);
}

static void test_any_32_bit_value_can_be_a_pointer(void **state)
{
	in_each(*state, check_pointers);
}

/* S2: 8 TB are the user's, and can all be reserved but the ends and the shared page's granule. */
static void test_8_tb(void **state)
{
	struct place *place = *state;
	uint64_t shared_end = 0x7FFF0000;
	place_leave(place);
	place_enter(place, NTMM_LAYOUT_NT64_8TB);
	SIZE_T rest = 0x7FFFFFF0000 - shared_end;
	assert_ptr_equal(VirtualAlloc(at(shared_end), rest, MEM_RESERVE, PAGE_READWRITE),
	                 at(shared_end));
	assert_ptr_equal(
		VirtualAlloc(at(0x10000), 0x7FFE0000 - 0x10000, MEM_RESERVE, PAGE_READWRITE),
		at(0x10000));
	assert_fails(VirtualAlloc(NULL, PAGE, MEM_RESERVE, PAGE_READWRITE),
	             ERROR_NOT_ENOUGH_MEMORY);
	assert_int_equal(own_counters().commit, 0);
}

/* AS-3: the lowest 64 KB are free to look at. */
static void check_null_partition(struct place *place, const struct shape *shape)
{
	MEMORY_BASIC_INFORMATION info;
	(void)place, (void)shape;
	assert_int_equal(VirtualQuery(NULL, &info, sizeof info), sizeof info);
	assert_null(info.BaseAddress);
	assert_null(info.AllocationBase);
	assert_int_equal(info.State, MEM_FREE);
	assert_int_equal(info.Protect, PAGE_NOACCESS);
	assert_true(info.RegionSize >= 0x10000);
}

static void test_null_partition(void **state)
{
	in_each(*state, check_null_partition);
}

/* AS-4: the system's own page, in every process at one place. */
static void check_shared_page(struct place *place, const struct shape *shape)
{
	MEMORY_BASIC_INFORMATION info;
	DWORD old;
	char *page = at(0x7FFE0000);
	(void)shape;
	assert_int_equal(VirtualQuery(page, &info, sizeof info), sizeof info);
	assert_ptr_equal(info.BaseAddress, page);
	assert_ptr_equal(info.AllocationBase, page);
	assert_int_equal(info.AllocationProtect, PAGE_READONLY);
	assert_int_equal(info.RegionSize, PAGE);
	assert_int_equal(info.State, MEM_COMMIT);
	assert_int_equal(info.Protect, PAGE_READONLY);
	assert_int_equal(info.Type, MEM_PRIVATE);
	*(char *)ntmm_machine_shared_page(place->machine) = 0x42;
	assert_int_equal(load_at(place, page), 0x42);
	assert_int_equal(store_raises(place, page), STATUS_ACCESS_VIOLATION);
	SetLastError(UNTOUCHED);
	assert_false(VirtualProtect(page, PAGE, PAGE_READWRITE, &old));
	assert_int_not_equal(GetLastError(), UNTOUCHED);
	assert_false(VirtualFree(page, 0, MEM_RELEASE));
	assert_null(VirtualAlloc(page, PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_int_equal(load_at(place, page), 0x42);
}

static void test_shared_page(void **state)
{
	in_each(*state, check_shared_page);
}

/* AS-9: the lowest place, or with MEM_TOP_DOWN the highest. */
static void check_search(struct place *place, const struct shape *shape)
{
	(void)place;
	assert_ptr_equal(VirtualAlloc(NULL, PAGE, MEM_RESERVE, PAGE_READWRITE), at(0x10000));
	assert_ptr_equal(VirtualAlloc(NULL, PAGE, MEM_RESERVE, PAGE_READWRITE), at(0x20000));
	assert_ptr_equal(VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_TOP_DOWN, PAGE_READWRITE),
	                 at(shape->last_granule));
	assert_ptr_equal(VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_TOP_DOWN, PAGE_READWRITE),
	                 at(shape->last_granule - GRANULE));
}

static void test_search(void **state)
{
	in_each(*state, check_search);
}

/* S10: memory is given in pages of 4 KB. */
static void test_pages(void **state)
{
	(void)state;
	MEMORY_BASIC_INFORMATION info;
	char *base = must_commit(1, PAGE_READWRITE);
	VirtualQuery(base, &info, sizeof info);
	assert_int_equal(info.RegionSize, 4096);
	assert_int_equal(own_counters().commit, 1);
}

/* ---- GlobalMemoryStatusEx ------------------------------------------------------------------- */

static MEMORYSTATUSEX memory_status(void)
{
	MEMORYSTATUSEX status = {.dwLength = sizeof status};
	assert_succeeds(GlobalMemoryStatusEx(&status));
	return status;
}

static void test_status_length(void **state)
{
	(void)state;
	MEMORYSTATUSEX status = {.dwLength = 0, .ullTotalPhys = 77};
	assert_int_equal(sizeof status, 64);
	for (DWORD length = 0; length < 200; length++) { /* MS-1 */
		status.dwLength = length;
		if (length != 64)
			assert_fails(GlobalMemoryStatusEx(&status), ERROR_INVALID_PARAMETER);
	}
	assert_int_equal(status.ullTotalPhys, 77);
	assert_fails(GlobalMemoryStatusEx(NULL), ERROR_NOACCESS);
	assert_fails(GlobalMemoryStatusEx(at(PAGE)), ERROR_NOACCESS);
	memory_status();
}

/* MS-5 for each layout. */
static void check_virtual(struct place *place, const struct shape *shape)
{
	(void)place;
	MEMORYSTATUSEX before = memory_status();
	assert_int_equal(before.ullTotalVirtual, shape->maximum - 0x10000 + 1);
	assert_int_equal(before.ullAvailVirtual,
	                 before.ullTotalVirtual - PAGE);     /* the shared page's */
	assert_int_equal(before.ullAvailExtendedVirtual, 0); /* MS-6 */

	char *base = VirtualAlloc(NULL, 5 * PAGE, MEM_RESERVE, PAGE_READWRITE);
	assert_int_equal(memory_status().ullAvailVirtual, before.ullAvailVirtual - 5 * PAGE);
	VirtualAlloc(base, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE);
	VirtualFree(base, PAGE, MEM_DECOMMIT);
	assert_int_equal(memory_status().ullAvailVirtual, before.ullAvailVirtual - 5 * PAGE);
	VirtualFree(base, 0, MEM_RELEASE);
	assert_int_equal(memory_status().ullAvailVirtual, before.ullAvailVirtual);
}

static void test_virtual(void **state)
{
	in_each(*state, check_virtual);
}

/* MS-2 to MS-4: physical memory falls as pages are touched, the rest as they are promised. */
static void test_physical_and_commit(void **state)
{
	struct place *place = *state;
	const SIZE_T pages = 4096;
	MEMORYSTATUSEX before = memory_status();
	ntmm_machine_counters counters = counters_of(place);
	assert_int_equal(before.ullTotalPhys, counters.ram * PAGE);
	assert_int_equal(before.ullTotalPhys, UINT64_C(64) << 20);
	assert_int_equal(before.ullAvailPhys,
	                 (counters.zeroed + counters.free + counters.standby) * PAGE);
	assert_int_equal(before.ullTotalPageFile, counters.commit_limit * PAGE);
	assert_int_equal(before.ullAvailPageFile,
	                 (counters.commit_limit - counters.commit_total) * PAGE);
	assert_true(before.ullTotalPageFile >
	            before.ullTotalPhys); /* there is a paging file, too */

	char *base = must_commit(pages * PAGE, PAGE_READWRITE);
	MEMORYSTATUSEX committed = memory_status();
	assert_int_equal(committed.ullTotalPageFile, before.ullTotalPageFile);
	assert_true(before.ullAvailPageFile - committed.ullAvailPageFile >= pages * PAGE);
	assert_true(before.ullAvailPageFile - committed.ullAvailPageFile <
	            (pages + 64) * PAGE); /* tables */
	assert_int_equal(committed.ullAvailPhys, before.ullAvailPhys);

	for (SIZE_T i = 0; i < pages; i++)
		store_at(place, base + i * PAGE, 1);
	MEMORYSTATUSEX touched = memory_status();
	counters = counters_of(place);
	assert_int_equal(touched.ullAvailPageFile, committed.ullAvailPageFile);
	assert_int_equal(touched.ullAvailPhys,
	                 (counters.zeroed + counters.free + counters.standby) * PAGE);
	assert_true(touched.ullAvailPhys < before.ullAvailPhys);
	assert_true(touched.dwMemoryLoad <= 100);
	assert_int_equal(touched.dwMemoryLoad, (touched.ullTotalPhys - touched.ullAvailPhys) * 100 /
	                                               touched.ullTotalPhys);

	VirtualFree(base, 0, MEM_RELEASE);
	MEMORYSTATUSEX after = memory_status();
	assert_int_equal(after.ullAvailPageFile, before.ullAvailPageFile);
	assert_true(after.ullAvailPhys > touched.ullAvailPhys);
}

/* S9: all storage together is RAM and paging file. */
static void test_storage_is_ram_and_paging_file(void **state)
{
	struct place *place = *state;
	ntmm_machine_counters counters = counters_of(place);
	uint64_t most = counters.ram + counters.slots;
	assert_true(counters.commit_limit <= most);
	assert_true(counters.commit_limit >
	            most * 9 / 10); /* but what the system keeps for itself */
	assert_fails(VirtualAlloc(NULL, (counters.commit_limit + 1) * PAGE,
	                          MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
	             ERROR_COMMITMENT_LIMIT);
	assert_int_equal(counters_of(place).commit_total, counters.commit_total);
	assert_non_null(VirtualAlloc(NULL, (counters.commit_limit + 1) * PAGE, MEM_RESERVE,
	                             PAGE_READWRITE));
}

/* ---- GetProcessMemoryInfo ------------------------------------------------------------------- */

static PROCESS_MEMORY_COUNTERS_EX memory_info(void)
{
	PROCESS_MEMORY_COUNTERS_EX info = {0};
	assert_succeeds(GetProcessMemoryInfo(GetCurrentProcess(), (PPROCESS_MEMORY_COUNTERS)&info,
	                                     sizeof info));
	return info;
}

static void test_info_sizes(void **state)
{
	struct place *place = *state;
	struct {
		PROCESS_MEMORY_COUNTERS_EX info;
		char beyond[32];
	} buffer;
	PPROCESS_MEMORY_COUNTERS info = (PPROCESS_MEMORY_COUNTERS)&buffer;
	HANDLE self = GetCurrentProcess();
	assert_int_equal(sizeof(PROCESS_MEMORY_COUNTERS), 72);
	assert_int_equal(sizeof(PROCESS_MEMORY_COUNTERS_EX), 80);

	memset(&buffer, 0xEE, sizeof buffer);
	assert_fails(GetProcessMemoryInfo(self, info, 0), ERROR_INSUFFICIENT_BUFFER); /* PC-1 */
	assert_fails(GetProcessMemoryInfo(self, info, 71), ERROR_INSUFFICIENT_BUFFER);
	assert_int_equal(info->cb, 0xEEEEEEEE);
	assert_succeeds(GetProcessMemoryInfo(self, info, 72));
	assert_int_equal(info->cb, 72);
	assert_int_equal(buffer.info.PrivateUsage, 0xEEEEEEEEEEEEEEEE);
	assert_succeeds(GetProcessMemoryInfo(self, info, sizeof buffer));
	assert_int_equal(info->cb, 80);
	assert_int_equal(buffer.info.PrivateUsage, 0);
	assert_int_equal(buffer.beyond[0], (char)0xEE);
	assert_fails(GetProcessMemoryInfo(self, NULL, 72), ERROR_NOACCESS);

	HANDLE limited =
		OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, GetProcessId(place->process));
	HANDLE none = OpenProcess(PROCESS_VM_READ, FALSE, GetProcessId(place->process));
	assert_succeeds(GetProcessMemoryInfo(limited, info, 72));
	assert_fails(GetProcessMemoryInfo(none, info, 72), ERROR_ACCESS_DENIED);
	CloseHandle(limited);
	CloseHandle(none);
}

/* PC-2 to PC-6. */
static void test_info(void **state)
{
	struct place *place = *state;
	PROCESS_MEMORY_COUNTERS_EX start = memory_info();
	char *base = VirtualAlloc(NULL, 64 * PAGE, MEM_RESERVE, PAGE_READWRITE);
	PROCESS_MEMORY_COUNTERS_EX info = memory_info();
	assert_memory_equal(&info, &start, sizeof info); /* reserving changes nothing */

	VirtualAlloc(base, 20 * PAGE, MEM_COMMIT, PAGE_READWRITE);
	info = memory_info();
	assert_int_equal(info.PagefileUsage, 20 * PAGE);
	assert_int_equal(info.PrivateUsage, 20 * PAGE);
	assert_int_equal(info.PeakPagefileUsage, 20 * PAGE);
	assert_int_equal(info.WorkingSetSize, start.WorkingSetSize);

	for (int i = 0; i < 10; i++)
		store_at(place, base + i * PAGE, 1);
	info = memory_info();
	assert_int_equal(info.WorkingSetSize, start.WorkingSetSize + 10 * PAGE);
	assert_int_equal(info.PeakWorkingSetSize, info.WorkingSetSize);
	assert_int_equal(info.PageFaultCount, start.PageFaultCount + 10);
	assert_int_equal(info.PrivateUsage, 20 * PAGE);

	assert_succeeds(EmptyWorkingSet(GetCurrentProcess()));
	PROCESS_MEMORY_COUNTERS_EX trimmed = memory_info();
	assert_int_equal(trimmed.WorkingSetSize, 0);
	assert_int_equal(trimmed.PeakWorkingSetSize, info.PeakWorkingSetSize);
	assert_int_equal(trimmed.PrivateUsage, 20 * PAGE);
	load_at(place, base); /* a soft fault counts, too */
	assert_int_equal(memory_info().PageFaultCount, info.PageFaultCount + 1);

	VirtualFree(base, 15 * PAGE, MEM_DECOMMIT);
	info = memory_info();
	assert_int_equal(info.PrivateUsage, 5 * PAGE);
	assert_int_equal(info.PeakPagefileUsage, 20 * PAGE);
	assert_int_equal(info.WorkingSetSize, 0);
	assert_int_equal(info.QuotaPagedPoolUsage, 0); /* PC-5: there is no pool to charge */
	assert_int_equal(info.QuotaPeakNonPagedPoolUsage, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_system_info),
		place_test(test_system_info_unattached),
		place_test(test_bounds),
		place_test(test_system_space),
		place_test(test_any_32_bit_value_can_be_a_pointer),
		place_test(test_8_tb),
		place_test(test_null_partition),
		place_test(test_shared_page),
		place_test(test_search),
		place_test(test_pages),
		place_test(test_status_length),
		place_test(test_virtual),
		place_test(test_physical_and_commit),
		place_test(test_storage_is_ram_and_paging_file),
		place_test(test_info_sizes),
		place_test(test_info),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
