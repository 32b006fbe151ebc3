/* SPDX-License-Identifier: MIT
 *
 * What each call of windows.h makes of a wrong handle, pointer or size; and that it changes nothing
 * then (G-2, G-3, G-6; VA-1, VA-12 to VA-14, VF-1 to VF-3, VP-2, VP-3, VQ-2 to VQ-4, VL-2, FI-2,
 * FI-3).
 */
#include "calls.h"
#include "place.h"

#define REGIONS 64
#define REGION_BYTES \
	(offsetof(MEMORY_BASIC_INFORMATION, Type) + sizeof(DWORD)) /* the rest is padding */

/* Everything VirtualQuery tells of a process, and what is charged. */
struct picture {
	MEMORY_BASIC_INFORMATION regions[REGIONS];
	int count;
	uint64_t commit, commit_total;
};

static struct picture picture_of(const struct place *place)
{
	struct picture p = {.count = 0};
	MEMORY_BASIC_INFORMATION info;
	for (uint64_t address = 0; VirtualQuery(at(address), &info, sizeof info);
	     address += info.RegionSize) {
		assert_true(p.count < REGIONS);
		p.regions[p.count++] = info;
	}
	p.commit = own_counters().commit;
	p.commit_total = counters_of(place).commit_total;
	return p;
}

static void expect_picture(const struct place *place, const struct picture *expected)
{
	struct picture now = picture_of(place);
	assert_int_equal(now.count, expected->count);
	for (int i = 0; i < now.count; i++)
		assert_memory_equal(&now.regions[i], &expected->regions[i], REGION_BYTES);
	assert_int_equal(now.commit, expected->commit);
	assert_int_equal(now.commit_total, expected->commit_total);
}

/* An allocation with pages of each kind. */
static char *mixed(void)
{
	char *base = VirtualAlloc(NULL, 6 * PAGE, MEM_RESERVE, PAGE_READONLY);
	VirtualAlloc(base, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE);
	VirtualAlloc(base + 3 * PAGE, PAGE, MEM_COMMIT, PAGE_EXECUTE_READ);
	VirtualAlloc(base + 4 * PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);
	return base;
}

/* ---- handles -------------------------------------------------------------------------------- */

static void refused_by_all(HANDLE handle, DWORD error)
{
	for (size_t i = 0; i < CALL_COUNT; i++) {
		SetLastError(UNTOUCHED);
		if (calls[i].call(handle) || GetLastError() != error)
			fail_msg("%s with handle %p: error %u", calls[i].name, handle,
			         GetLastError());
	}
	assert_fails(TerminateProcess(handle, 0), error);
}

static void test_handles(void **state)
{
	struct place *place = *state;
	HANDLE stale = ntmm_process_create(place->machine, NTMM_LAYOUT_NT32_2GB), token;
	uintptr_t good = (uintptr_t)place->process;
	CloseHandle(stale);
	call_target = mixed();
	struct picture before = picture_of(place);
	HANDLE const wrong[] = {NULL,
	                        stale,
	                        at(1),
	                        at(4),
	                        at(0xDEADBEEC),
	                        at(good + 1),
	                        at(good + 2),
	                        at(good | UINT64_C(1) << 63),
	                        at(UINT64_MAX - 1),
	                        at(UINT64_MAX - 3)};
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		refused_by_all(wrong[i], ERROR_INVALID_HANDLE);
		assert_fails(CloseHandle(wrong[i]), ERROR_INVALID_HANDLE);
		assert_fails(AdjustTokenPrivileges(wrong[i], TRUE, NULL, 0, NULL, NULL),
		             ERROR_INVALID_HANDLE);
	}
	assert_succeeds(OpenProcessToken(place->process, TOKEN_ALL_ACCESS, &token));
	refused_by_all(token, ERROR_INVALID_HANDLE); /* of another type */
	assert_fails(AdjustTokenPrivileges(place->process, TRUE, NULL, 0, NULL, NULL),
	             ERROR_INVALID_HANDLE);
	assert_succeeds(CloseHandle(token));
	expect_picture(place, &before);
}

/* ---- pointers ------------------------------------------------------------------------------- */

static void *const bad_pointers[] = {
	NULL,
	(void *)8,
	(void *)0xFFFF,
	(void *)0x0000800000000000,
	(void *)0xFFFF800000000000,
	(void *)-1,
};
#define BAD (sizeof bad_pointers / sizeof bad_pointers[0])

static void test_pointers(void **state)
{
	struct place *place = *state;
	char *base = mixed(), byte = 1;
	HANDLE self = GetCurrentProcess();
	SIZE_T size;
	DWORD flags;
	struct picture before = picture_of(place);
	for (size_t i = 0; i < BAD; i++) {
		void *bad = bad_pointers[i];
		assert_fails(VirtualProtect(base, PAGE, PAGE_READONLY, bad),
		             ERROR_NOACCESS); /* VP-2 */
		assert_fails(VirtualQuery(base, bad, sizeof(MEMORY_BASIC_INFORMATION)),
		             ERROR_NOACCESS);
		assert_fails(VirtualQuery(base, bad, 0), ERROR_NOACCESS); /* VQ-5 */
		assert_fails(ReadProcessMemory(self, base, bad, 1, NULL), ERROR_NOACCESS);
		assert_fails(WriteProcessMemory(self, base, bad, 1, NULL), ERROR_NOACCESS);
		if (bad) {
			assert_fails(ReadProcessMemory(self, base, &byte, 1, bad), ERROR_NOACCESS);
			assert_fails(WriteProcessMemory(self, base, &byte, 1, bad), ERROR_NOACCESS);
		}
		assert_fails(PrefetchVirtualMemory(self, 1, bad, 0), ERROR_NOACCESS);
		assert_fails(GlobalMemoryStatusEx(bad), ERROR_NOACCESS);
		assert_fails(GetProcessMemoryInfo(self, bad, 80), ERROR_NOACCESS);
		assert_fails(GetProcessWorkingSetSize(self, bad, &size), ERROR_NOACCESS);
		assert_fails(GetProcessWorkingSetSize(self, &size, bad), ERROR_NOACCESS);
		assert_fails(GetProcessWorkingSetSizeEx(self, bad, &size, &flags), ERROR_NOACCESS);
		assert_fails(GetProcessWorkingSetSizeEx(self, &size, &size, bad), ERROR_NOACCESS);
		assert_fails(QueryWorkingSetEx(self, bad, 16), ERROR_NOACCESS);
		assert_fails(OpenProcessToken(self, TOKEN_QUERY, bad), ERROR_NOACCESS);
		assert_fails(LookupPrivilegeValueA(NULL, bad, (LUID[1]){{0}}), ERROR_NOACCESS);
		assert_fails(LookupPrivilegeValueA(NULL, SE_DEBUG_NAME, bad), ERROR_NOACCESS);
		GetSystemInfo(bad);
		GetNativeSystemInfo(bad);
	}
	expect_picture(place, &before);
}

static void test_query_length(void **state)
{
	(void)state;
	struct {
		MEMORY_BASIC_INFORMATION info;
		char beyond[16];
	} buffer;
	char *base = mixed();
	memset(&buffer, 0xEE, sizeof buffer);
	for (SIZE_T length = 0; length < sizeof buffer.info; length++)
		assert_fails(VirtualQuery(base, &buffer.info, length), ERROR_BAD_LENGTH); /* VQ-2 */
	assert_int_equal(buffer.info.RegionSize, 0xEEEEEEEEEEEEEEEE);
	assert_int_equal(VirtualQuery(base, &buffer.info, sizeof buffer),
	                 sizeof buffer.info); /* VQ-1 */
	assert_int_equal(buffer.beyond[0], (char)0xEE);
	assert_int_equal(VirtualQuery(base, &buffer.info, UINT64_MAX), sizeof buffer.info);
}

/* ---- addresses and sizes -------------------------------------------------------------------- */

/* From `address` on, these reach over the end of user space, or around. */
static void check_sizes(const struct place *place, char *address)
{
	char byte;
	DWORD old;
	HANDLE self = GetCurrentProcess();
	uint64_t to_the_end = 0x7FFF0000 - address_in(address);
	const SIZE_T huge[] = {to_the_end + 1,
	                       UINT32_MAX,
	                       UINT64_C(1) << 47,
	                       UINT64_C(1) << 63,
	                       UINT64_MAX - address_in(address),
	                       UINT64_MAX - address_in(address) + 1,
	                       UINT64_MAX - 0xFFF,
	                       UINT64_MAX};
	struct picture before = picture_of(place);
	for (size_t i = 0; i < sizeof huge / sizeof huge[0]; i++) {
		SIZE_T size = huge[i];
		assert_fails(VirtualAlloc(address, size, MEM_RESERVE, PAGE_READWRITE),
		             ERROR_INVALID_PARAMETER);
		assert_fails(VirtualAlloc(address, size, MEM_COMMIT, PAGE_READWRITE),
		             ERROR_INVALID_PARAMETER);
		assert_fails(VirtualAlloc(address, size, MEM_RESET, PAGE_READWRITE),
		             ERROR_INVALID_PARAMETER);
		if (size > 0x7FFE0000)
			assert_fails(VirtualAlloc(NULL, size, MEM_RESERVE, PAGE_READWRITE),
			             ERROR_INVALID_PARAMETER);
		assert_fails(VirtualFree(address, size, MEM_DECOMMIT), ERROR_INVALID_PARAMETER);
		assert_fails(VirtualFree(address, size, MEM_RELEASE), ERROR_INVALID_PARAMETER);
		assert_fails(VirtualProtect(address, size, PAGE_READONLY, &old),
		             ERROR_INVALID_PARAMETER);
		assert_fails(VirtualLock(address, size), ERROR_INVALID_PARAMETER);
		assert_fails(VirtualUnlock(address, size), ERROR_INVALID_PARAMETER);
		assert_fails(ReadProcessMemory(self, address, &byte, size, NULL), ERROR_NOACCESS);
		assert_fails(WriteProcessMemory(self, address, &byte, size, NULL), ERROR_NOACCESS);
		assert_int_equal(OfferVirtualMemory(address, size, VmOfferPriorityLow),
		                 ERROR_INVALID_PARAMETER);
		assert_int_equal(ReclaimVirtualMemory(address, size), ERROR_INVALID_PARAMETER);
		assert_int_equal(DiscardVirtualMemory(address, size), ERROR_INVALID_PARAMETER);
		assert_succeeds(FlushInstructionCache(self, address, size)); /* FI-3 */
	}
	expect_picture(place, &before);
}

static void test_sizes(void **state)
{
	char *base = mixed();
	check_sizes(*state, base);
	check_sizes(*state, base + PAGE);
	check_sizes(*state, at(0x7FFD0000));
}

static void test_size_0(void **state)
{
	struct place *place = *state;
	char *base = mixed();
	DWORD old;
	struct picture before = picture_of(place);
	assert_fails(VirtualAlloc(NULL, 0, MEM_RESERVE, PAGE_READWRITE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(base, 0, MEM_COMMIT, PAGE_READWRITE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(base, 0, MEM_RESET, PAGE_READWRITE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualProtect(base, 0, PAGE_READONLY, &old), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualLock(base, 0), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualUnlock(base, 0), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFree(base + PAGE, 0, MEM_DECOMMIT), ERROR_INVALID_ADDRESS);
	assert_succeeds(FlushInstructionCache(GetCurrentProcess(), base, 0)); /* FI-2 */
	assert_succeeds(FlushInstructionCache(GetCurrentProcess(), at(UINT64_MAX), 0));
	expect_picture(place, &before);
}

static void test_addresses(void **state)
{
	struct place *place = *state;
	const uint64_t outside[] = {0x7FFF0000, 0x80000000, 0xFFFFFFFF, 0x100000000, 0x7FFFFFFF0000,
	                            0x8000000000000000, 0xFFFFFFFFFFFFF000, UINT64_MAX};
	MEMORY_BASIC_INFORMATION info;
	DWORD old;
	char byte = 0;
	HANDLE self = GetCurrentProcess();
	mixed();
	struct picture before = picture_of(place);
	for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
		char *a = at(outside[i]);
		assert_fails(VirtualAlloc(a, 1, MEM_RESERVE, PAGE_READWRITE),
		             ERROR_INVALID_PARAMETER);
		assert_fails(VirtualAlloc(a, 1, MEM_COMMIT, PAGE_READWRITE),
		             ERROR_INVALID_PARAMETER);
		assert_fails(VirtualAlloc(a, 1, MEM_RESET, PAGE_READWRITE),
		             ERROR_INVALID_PARAMETER);
		assert_fails(VirtualFree(a, 1, MEM_DECOMMIT), ERROR_INVALID_PARAMETER);
		assert_fails(VirtualFree(a, 0, MEM_RELEASE), ERROR_INVALID_PARAMETER);
		assert_fails(VirtualProtect(a, 1, PAGE_READONLY, &old), ERROR_INVALID_PARAMETER);
		assert_fails(VirtualQuery(a, &info, sizeof info), ERROR_INVALID_PARAMETER);
		assert_fails(VirtualLock(a, 1), ERROR_INVALID_PARAMETER);
		assert_fails(VirtualUnlock(a, 1), ERROR_INVALID_PARAMETER);
		assert_fails(FlushInstructionCache(self, a, 1), ERROR_NOACCESS);
		assert_fails(ReadProcessMemory(self, a, &byte, 1, NULL), ERROR_NOACCESS);
		assert_fails(WriteProcessMemory(self, a, &byte, 1, NULL), ERROR_NOACCESS);
	}
	expect_picture(place, &before);
}

/* Win32's own: what the native call would not say (VA-1, VF-1). */
static void test_pre_checks(void **state)
{
	struct place *place = *state;
	char *base = mixed();
	struct picture before = picture_of(place);
	assert_fails(VirtualAlloc(at(1), PAGE, MEM_COMMIT, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAlloc(at(0xFFFF), PAGE, MEM_RESERVE, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAllocEx(NULL, at(1), PAGE, MEM_RESERVE, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFree(base, 6 * PAGE, MEM_RELEASE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFree(base, 1, MEM_RELEASE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFreeEx(NULL, base, 1, MEM_RELEASE), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFree(at(0x7000000), 1, MEM_RELEASE), ERROR_INVALID_PARAMETER);
	expect_picture(place, &before);
}

/* Which of two wrong arguments is named (G-6). */
static void test_order(void **state)
{
	struct place *place = *state;
	MEMORY_BASIC_INFORMATION info;
	char *base = mixed();
	DWORD old;
	struct picture before = picture_of(place);
	assert_fails(VirtualAllocEx(NULL, base, 0, MEM_COMMIT, PAGE_READWRITE),
	             ERROR_INVALID_PARAMETER);
	assert_fails(VirtualAllocEx(NULL, base, PAGE, MEM_COMMIT, 0), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualFreeEx(NULL, base, 0, MEM_COMMIT), ERROR_INVALID_PARAMETER);
	assert_fails(VirtualProtectEx(NULL, base, PAGE, 0, NULL),
	             ERROR_INVALID_PARAMETER); /* VP-1, VP-2 */
	assert_fails(VirtualProtectEx(NULL, base, PAGE, PAGE_READONLY, NULL), ERROR_NOACCESS);
	assert_fails(VirtualProtectEx(NULL, base, PAGE, PAGE_READONLY, &old), ERROR_INVALID_HANDLE);
	assert_fails(VirtualQueryEx(NULL, at(UINT64_MAX), NULL, 0),
	             ERROR_INVALID_PARAMETER); /* VQ-5 */
	assert_fails(VirtualQueryEx(NULL, base, NULL, 0), ERROR_NOACCESS);
	assert_fails(VirtualQueryEx(NULL, base, &info, 0), ERROR_BAD_LENGTH);
	assert_fails(VirtualQueryEx(NULL, base, &info, sizeof info), ERROR_INVALID_HANDLE);
	expect_picture(place, &before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_handles),
		place_test(test_pointers),
		place_test(test_query_length),
		place_test(test_sizes),
		place_test(test_size_0),
		place_test(test_addresses),
		place_test(test_pre_checks),
		place_test(test_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
