/* SPDX-License-Identifier: MIT
 *
 * Windows 9x: its layout, the private arena, and what VirtualAlloc and its family refuse (S8a to S8c,
 * rules W9).
 */
#include "nines.h"

/* ---- layout --------------------------------------------------------------------------------- */

/* W9-1. */
static void system_info(void **state)
{
	SYSTEM_INFO info;
	(void)state;
	GetSystemInfo(&info);
	assert_int_equal(address_in(info.lpMinimumApplicationAddress), 0x00400000);
	assert_int_equal(address_in(info.lpMaximumApplicationAddress), 0x7FFFFFFF);
	assert_int_equal(info.dwPageSize, 0x1000);
	assert_int_equal(info.dwAllocationGranularity, 0x10000);
	assert_string_equal(ntmm_layout_name(NTMM_LAYOUT_WIN9X), "win9x");
}

/* S8a: the first 64 KB are out of reach. */
static void first_granule(void **state)
{
	struct nines *nines = *state;
	for (uint64_t address = 0; address < MS_DOS; address += PAGE) {
		assert_int_equal(load_raises(nines->place, at(address)), STATUS_ACCESS_VIOLATION);
		assert_int_equal(store_raises(nines->place, at(address)), STATUS_ACCESS_VIOLATION);
	}
	assert_int_equal(query_at(0).State, MEM_FREE);
	assert_int_equal(query_at(0).RegionSize, MS_DOS);
}

/* S8b: read and written from the beginning, each process its own. */
static void ms_dos_arena(void **state)
{
	struct nines *nines = *state;
	MEMORY_BASIC_INFORMATION info = query_at(MS_DOS);
	assert_int_equal(info.State, MEM_COMMIT);
	assert_int_equal(info.Protect, PAGE_READWRITE);
	assert_int_equal(info.Type, MEM_PRIVATE);
	assert_int_equal(info.RegionSize, PRIVATE - MS_DOS);
	for (uint64_t address = MS_DOS; address < PRIVATE; address += 0x50000) {
		assert_int_equal(load64(&nines->place[0], address), 0);
		store64(&nines->place[0], address, address);
		assert_int_equal(load64(&nines->place[1], address), 0);
	}
	store64(&nines->place[1], PRIVATE - 8, 1);
	assert_int_equal(load64(&nines->place[0], PRIVATE - 8), 0);
	assert_int_equal(load64(&nines->place[0], MS_DOS + 0x50000), MS_DOS + 0x50000);
}

/* S8c: private; data is read and written, code is run and read. */
static void private_arena(void **state)
{
	struct nines *nines = *state;
	char *base = VirtualAlloc(at(PRIVATE), 2 * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	uint8_t value;
	assert_ptr_equal(base, at(PRIVATE));
	store_at(&nines->place[0], base, 7);
	assert_int_equal(load_raises(&nines->place[1], base), STATUS_ACCESS_VIOLATION);
	assert_true(ntmm_fetch8(nines->place[0].thread, PRIVATE, &value));
	assert_int_equal(value, 7);
	must_protect(base, PAGE, PAGE_READONLY);
	assert_true(ntmm_fetch8(nines->place[0].thread, PRIVATE, &value));
	assert_int_equal(store_raises(&nines->place[0], base), STATUS_ACCESS_VIOLATION);
	char *top = VirtualAlloc(at(SHARED - GRANULE), GRANULE, MEM_RESERVE | MEM_COMMIT,
	                         PAGE_READWRITE);
	assert_ptr_equal(top, at(SHARED - GRANULE)); /* W9-1: up to 2 GB, without a gap */
	store_at(&nines->place[0], top + GRANULE - 1, 1);
}

/* W9-1, W9-18: the first place there is, that of a program without a base of its own. */
static void first_place(void **state)
{
	(void)state;
	assert_ptr_equal(must_commit(PAGE, PAGE_READWRITE), at(PRIVATE));
}

/* Layouts and machines belong together. */
static void machines_and_layouts(void **state)
{
	struct nines *nines = *state;
	ntmm_machine *other, *none = NULL;
	for (int layout = 0; layout < NTMM_LAYOUT_WIN9X; layout++) {
		assert_null(ntmm_process_create(nines->place->machine, (ntmm_layout)layout));
		assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
		assert_non_null(strstr(ntmm_error_message(), "Windows 9x machine"));
	}
	other = place_machine(0, 0);
	assert_null(ntmm_process_create(other, NTMM_LAYOUT_WIN9X));
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
	assert_non_null(strstr(ntmm_error_message(), "win9x"));
	ntmm_machine_destroy(other);
	ntmm_machine_config config = {.size = sizeof config, .flags = NTMM_MACHINE_WIN95};
	assert_int_equal(ntmm_machine_create(&config, &none), STATUS_INVALID_PARAMETER);
	assert_null(none);
}

/* ---- VirtualAlloc --------------------------------------------------------------------------- */

/* W9-2: nowhere but in the private arena. */
static void places(void **state)
{
	(void)state;
	static const uint64_t wrong[] = {MS_DOS, 0x100000, PRIVATE - GRANULE, SHARED, SYSTEM,
	                                 END - GRANULE};
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_fails(VirtualAlloc(at(wrong[i]), PAGE, MEM_RESERVE, PAGE_READWRITE),
		             ERROR_INVALID_PARAMETER);
		assert_fails(VirtualAlloc(at(wrong[i]), PAGE, MEM_COMMIT, PAGE_READWRITE),
		             ERROR_INVALID_PARAMETER);
	}
	assert_fails(VirtualAlloc(at(SHARED - GRANULE), 2 * GRANULE, MEM_RESERVE, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
}

/* W9-2: what the system has there is not the program's. */
static void ms_dos_is_the_systems(void **state)
{
	DWORD old;
	(void)state;
	assert_fails(VirtualFree(at(MS_DOS), 0, MEM_RELEASE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFree(at(0x100000), PAGE, MEM_DECOMMIT), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualProtect(at(0x100000), PAGE, PAGE_READONLY, &old),
	             ERROR_INVALID_PARAMETER);
	assert_int_equal(must_protect(at(0x100000), PAGE, PAGE_READWRITE), PAGE_READWRITE);
	assert_int_equal(query_at(MS_DOS).RegionSize, PRIVATE - MS_DOS);
}

/* W9-3. */
static void no_bytes(void **state)
{
	(void)state;
	assert_fails(VirtualAlloc(NULL, 0, MEM_RESERVE, PAGE_READWRITE), ERROR_NOT_ENOUGH_MEMORY);
	assert_fails(VirtualAlloc(at(PRIVATE), 0, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
	             ERROR_NOT_ENOUGH_MEMORY);
}

/* W9-5, S47, S50: no MEM_RESET; MEM_TOP_DOWN changes nothing. */
static void flags(void **state)
{
	(void)state;
	static const DWORD refused[] = {MEM_RESET, MEM_RESERVE | MEM_PHYSICAL,
	                                MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES, MEM_RESET_UNDO};
	char *base = must_commit(PAGE, PAGE_READWRITE);
	for (unsigned i = 0; i < 4; i++)
		assert_fails(VirtualAlloc(base, PAGE, refused[i], PAGE_READWRITE),
		             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(NULL, PAGE, MEM_RESERVE | 0x00800000, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
	char *next = VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_TOP_DOWN, PAGE_READWRITE);
	assert_ptr_equal(next, base + GRANULE);
}

/* ---- protections ---------------------------------------------------------------------------- */

/* W9-4: three protections; what executes is what can be read; S26, S27: no copies, no guards. */
static void protections(void **state)
{
	struct nines *nines = *state;
	static const struct {
		DWORD asked, given; /* 0: refused */
	} each[] = {
		{PAGE_NOACCESS, PAGE_NOACCESS},
		{PAGE_READONLY, PAGE_READONLY},
		{PAGE_READWRITE, PAGE_READWRITE},
		{PAGE_EXECUTE, PAGE_READONLY},
		{PAGE_EXECUTE_READ, PAGE_READONLY},
		{PAGE_EXECUTE_READWRITE, PAGE_READWRITE},
		{PAGE_READWRITE | PAGE_NOCACHE, PAGE_READWRITE},
		{PAGE_WRITECOPY, 0},
		{PAGE_EXECUTE_WRITECOPY, 0},
		{PAGE_READWRITE | PAGE_GUARD, 0},
		{PAGE_READONLY | PAGE_GUARD, 0},
		{PAGE_READWRITE | PAGE_WRITECOMBINE, 0},
		{PAGE_READWRITE | PAGE_READONLY, 0},
	};
	char *base = must_commit(PAGE, PAGE_READWRITE);
	for (unsigned i = 0; i < sizeof each / sizeof each[0]; i++) {
		DWORD old;
		must_protect(base, PAGE, PAGE_READWRITE);
		if (!each[i].given) {
			assert_fails(VirtualProtect(base, PAGE, each[i].asked, &old),
			             ERROR_INVALID_PARAMETER);
			assert_fails(VirtualAlloc(NULL, PAGE, MEM_RESERVE, each[i].asked),
			             ERROR_INVALID_PARAMETER);
			assert_int_equal(protect_at(base), PAGE_READWRITE);
			continue;
		}
		must_protect(base, PAGE, each[i].asked);
		assert_int_equal(protect_at(base), each[i].given);
		assert_int_equal(load_raises(nines->place, base) == STATUS_SUCCESS,
		                 each[i].given != PAGE_NOACCESS);
		assert_int_equal(store_raises(nines->place, base) == STATUS_SUCCESS,
		                 each[i].given == PAGE_READWRITE);
	}
}

/* S27, W9-4: what stands in for a guard raises an access violation; W9-17: with the same record. */
static void no_access_for_a_guard(void **state)
{
	struct nines *nines = *state;
	char *base = must_commit(PAGE, PAGE_NOACCESS);
	const EXCEPTION_RECORD *record = ntmm_thread_exception(nines->place->thread);
	uint8_t value;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_raises(nines->place, base + 5), STATUS_ACCESS_VIOLATION);
		assert_int_equal(record->NumberParameters, 2);
		assert_int_equal(record->ExceptionInformation[0], 1);
		assert_int_equal(record->ExceptionInformation[1], address_in(base + 5));
	}
	assert_false(ntmm_fetch8(nines->place->thread, address_in(base), &value));
	assert_int_equal(record->ExceptionInformation[0], 0);
	must_protect(base, PAGE, PAGE_READWRITE);
	store_at(nines->place, base, 1);
}

/* A stack grows; the page that it grows by is one without access. */
static void stack(void **state)
{
	struct nines *nines = *state;
	ntmm_thread_options options = {.size = sizeof options, .flags = NTMM_THREAD_STACK};
	ntmm_thread_stack now = {.size = sizeof now};
	ntmm_thread *thread = ntmm_thread_create(nines->place->process, &options);
	assert_non_null(thread);
	assert_int_equal(ntmm_thread_get_stack(thread, &now), STATUS_SUCCESS);
	uint64_t guard = now.limit - PAGE;
	assert_int_equal(query_at(guard).Protect, PAGE_NOACCESS);
	assert_true(ntmm_store8(thread, guard, 1));
	assert_int_equal(query_at(guard).Protect, PAGE_READWRITE);
	assert_int_equal(query_at(guard - PAGE).Protect, PAGE_NOACCESS);
	ntmm_thread_destroy(thread);
}

/* W9-7: VirtualProtect of pages that are not committed. */
static void not_committed(void **state)
{
	DWORD old;
	(void)state;
	char *base = VirtualAlloc(NULL, 4 * PAGE, MEM_RESERVE, PAGE_READWRITE);
	assert_ptr_equal(VirtualAlloc(base, PAGE, MEM_COMMIT, PAGE_READWRITE), base);
	assert_fails(VirtualProtect(base, 2 * PAGE, PAGE_READONLY, &old), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualProtect(base + PAGE, PAGE, PAGE_READONLY, &old),
	             ERROR_INVALID_PARAMETER);
	assert_true(VirtualFree(base, 0, MEM_RELEASE));
	assert_fails(VirtualProtect(base, PAGE, PAGE_READONLY, &old), ERROR_INVALID_PARAMETER);
}

/* W9-6. */
static void reserved(void **state)
{
	(void)state;
	char *base = VirtualAlloc(NULL, 2 * PAGE, MEM_RESERVE, PAGE_READWRITE);
	MEMORY_BASIC_INFORMATION info = query_at(address_in(base));
	assert_int_equal(info.State, MEM_RESERVE);
	assert_int_equal(info.Protect, PAGE_NOACCESS);
	assert_int_equal(info.AllocationProtect, PAGE_READWRITE);
}

/* ---- calls that are not there --------------------------------------------------------------- */

/* W9-9. */
static void missing_calls(void **state)
{
	struct nines *nines = *state;
	HANDLE self = GetCurrentProcess(), other = nines->place[1].process;
	MEMORY_BASIC_INFORMATION info;
	DWORD old;
	uint64_t value = 5, seen = 0;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	assert_fails(VirtualAllocEx(self, NULL, PAGE, MEM_RESERVE, PAGE_READWRITE),
	             ERROR_CALL_NOT_IMPLEMENTED);
	assert_fails(VirtualAllocEx(other, NULL, PAGE, MEM_RESERVE, PAGE_READWRITE),
	             ERROR_CALL_NOT_IMPLEMENTED);
	assert_fails(VirtualFreeEx(self, base, 0, MEM_RELEASE), ERROR_CALL_NOT_IMPLEMENTED);
	assert_fails(VirtualAllocExNuma(self, NULL, PAGE, MEM_RESERVE, PAGE_READWRITE, 0),
	             ERROR_CALL_NOT_IMPLEMENTED);
	assert_fails(VirtualAlloc2(NULL, NULL, PAGE, MEM_RESERVE, PAGE_READWRITE, NULL, 0),
	             ERROR_CALL_NOT_IMPLEMENTED);
	assert_fails(VirtualAllocFromApp(NULL, PAGE, MEM_RESERVE, PAGE_READWRITE),
	             ERROR_CALL_NOT_IMPLEMENTED);
	assert_int_equal(DiscardVirtualMemory(base, PAGE), ERROR_CALL_NOT_IMPLEMENTED);
	assert_int_equal(OfferVirtualMemory(base, PAGE, VmOfferPriorityLow),
	                 ERROR_CALL_NOT_IMPLEMENTED);
	assert_int_equal(ReclaimVirtualMemory(base, PAGE), ERROR_CALL_NOT_IMPLEMENTED);
	ntmm_thread_detach(); /* nor from outside */
	assert_fails(VirtualAllocEx(other, NULL, PAGE, MEM_RESERVE, PAGE_READWRITE),
	             ERROR_CALL_NOT_IMPLEMENTED);
	ntmm_thread_attach(nines->place->thread);
	assert_true(VirtualQueryEx(self, base, &info, sizeof info));
	assert_true(VirtualProtectEx(self, base, PAGE, PAGE_READONLY, &old));
	assert_true(VirtualProtectEx(self, base, PAGE, PAGE_READWRITE, &old));
	assert_true(WriteProcessMemory(self, base, &value, sizeof value, NULL));
	assert_true(ReadProcessMemory(self, base, &seen, sizeof seen, NULL));
	assert_int_equal(seen, value);
}

/* There is nothing like it. */
static void no_clones(void **state)
{
	(void)state;
	assert_null(ntmm_process_clone(GetCurrentProcess()));
	assert_int_equal(GetLastError(), ERROR_NOT_SUPPORTED);
}

/* W9-10: they do nothing, and say that it went well. */
static void locks(void **state)
{
	(void)state;
	SIZE_T minimum, maximum;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	assert_succeeds(VirtualLock(base, PAGE));
	assert_succeeds(VirtualLock(at(PRIVATE + 0x1000000), 64 << 20));
	assert_int_equal(own_counters().locked, 0);
	assert_succeeds(VirtualUnlock(base, PAGE));
	assert_succeeds(VirtualUnlock(NULL, 0));
	assert_true(GetProcessWorkingSetSize(GetCurrentProcess(), &minimum, &maximum));
	assert_succeeds(SetProcessWorkingSetSize(GetCurrentProcess(), 1 << 20, 2 << 20));
	SIZE_T then, most;
	assert_true(GetProcessWorkingSetSize(GetCurrentProcess(), &then, &most));
	assert_int_equal(then, minimum);
	assert_int_equal(most, maximum);
}

/* W9-16. */
static void global_memory_status(void **state)
{
	(void)state;
	MEMORYSTATUS status = {0};
	GlobalMemoryStatus(&status);
	assert_int_equal(status.dwLength, sizeof status);
	assert_int_equal(status.dwTotalVirtual, 0x7FC00000);
	assert_int_equal(status.dwAvailVirtual, 0x7FC00000);
	assert_int_equal(status.dwTotalPhys, 64 << 20);
	must_commit(GRANULE, PAGE_READWRITE);
	GlobalMemoryStatus(&status);
	assert_int_equal(status.dwAvailVirtual, 0x7FC00000 - GRANULE);
}

/* ---- write watch ---------------------------------------------------------------------------- */

/* The function's value; nothing else is told. */
#define assert_returns(call, value) \
	do { \
		SetLastError(UNTOUCHED); \
		assert_int_equal(call, value); \
		assert_int_equal(GetLastError(), UNTOUCHED); \
	} while (0)

/* W9-15. */
static void write_watch(void **state)
{
	struct nines *nines = *state;
	PVOID found[4];
	ULONG_PTR count = 4;
	DWORD granularity = 0;
	char *plain = must_commit(PAGE, PAGE_READWRITE);
	char *base = VirtualAlloc(NULL, 4 * PAGE, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH,
	                          PAGE_READWRITE);
	assert_non_null(base);
	store_at(nines->place, base + PAGE, 1);
	store_at(nines->place, base + 3 * PAGE, 1);
	assert_returns(GetWriteWatch(0x80, base, 4 * PAGE, found, &count, &granularity), 0);
	assert_int_equal(count, 2);
	assert_ptr_equal(found[0], base + PAGE);
	assert_ptr_equal(found[1], base + 3 * PAGE);
	assert_int_equal(granularity, PAGE);
	assert_returns(GetWriteWatch(0, NULL, PAGE, found, &count, &granularity), 0xFFFFFFFF);
	assert_returns(GetWriteWatch(0, base, 64 * PAGE, found, NULL, &granularity), ERROR_NOACCESS);
	count = 4;
	assert_returns(GetWriteWatch(0, at(SHARED), PAGE, found, &count, &granularity),
	               ERROR_INVALID_PARAMETER);
	count = 4;
	assert_returns(GetWriteWatch(0, plain, PAGE, found, &count, &granularity), 0);
	assert_int_equal(count, 0);
	count = 0;
	assert_returns(GetWriteWatch(0, base, PAGE, found, &count, &granularity), 0);
	count = 4;
	assert_returns(GetWriteWatch(0, base, 0, found, &count, &granularity), 0);
	assert_int_equal(count, 0);
	assert_true(VirtualFree(base + PAGE, PAGE, MEM_DECOMMIT)); /* not written any more */
	count = 4;
	assert_returns(GetWriteWatch(0, base, 4 * PAGE, found, &count, &granularity), 0);
	assert_int_equal(count, 1);
	assert_returns(ResetWriteWatch(NULL, PAGE), 0xFFFFFFFF);
	assert_returns(ResetWriteWatch(plain, PAGE), 0);
	assert_returns(ResetWriteWatch(base, 0), 0);
	assert_returns(ResetWriteWatch(base, 4 * PAGE), 0);
	count = 4;
	assert_returns(GetWriteWatch(0, base, 4 * PAGE, found, &count, &granularity), 0);
	assert_int_equal(count, 0);
}

/* W9-5: Windows 95 has none. */
static void no_write_watch(void **state)
{
	(void)state;
	PVOID found[1];
	ULONG_PTR count = 1;
	DWORD granularity;
	char *base = must_commit(PAGE, PAGE_READWRITE);
	assert_fails(VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_WRITE_WATCH, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
	assert_returns(GetWriteWatch(0, base, PAGE, found, &count, &granularity),
	               ERROR_CALL_NOT_IMPLEMENTED);
	assert_returns(ResetWriteWatch(base, PAGE), ERROR_CALL_NOT_IMPLEMENTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		nines_test(system_info),
		nines_test(first_granule),
		nines_test(ms_dos_arena),
		nines_test(private_arena),
		nines_test(first_place),
		nines_test(machines_and_layouts),
		nines_test(places),
		nines_test(ms_dos_is_the_systems),
		nines_test(no_bytes),
		nines_test(flags),
		nines_test(protections),
		nines_test(no_access_for_a_guard),
		nines_test(stack),
		nines_test(not_committed),
		nines_test(reserved),
		nines_test(missing_calls),
		nines_test(no_clones),
		nines_test(locks),
		nines_test(global_memory_status),
		nines_test(write_watch),
		nines_test_95(no_write_watch),
		nines_test_95(first_place),
		nines_test_95(protections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
