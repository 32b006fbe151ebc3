/* SPDX-License-Identifier: MIT
 *
 * Ready-made sequences SV-1 to SV-28, SV-44 to SV-47, SV-50. Those between need sections, write
 * watch or placeholders.
 */
#include "place.h"

#include <ntmm/ntapi.h>

#define RC (MEM_RESERVE | MEM_COMMIT)
#define B at(0x30000000)

static char *plus(void *base, uint64_t bytes)
{
	return (char *)base + bytes;
}

static void check(void *address, SIZE_T size, DWORD state, DWORD protect)
{
	MEMORY_BASIC_INFORMATION info;
	assert_int_equal(VirtualQuery(address, &info, sizeof info), sizeof info);
	assert_int_equal(info.RegionSize, size);
	assert_int_equal(info.State, state);
	assert_int_equal(info.Protect, protect);
}

/* FFFC bytes reserved without access: SV-2. */
static char *sv2(void)
{
	char *base = VirtualAlloc(NULL, 0xFFFC, MEM_RESERVE, PAGE_NOACCESS);
	assert_non_null(base);
	return base;
}

/* ... and its first page committed without access: SV-4. */
static char *sv4(void)
{
	char *base = sv2();
	assert_ptr_equal(VirtualAlloc(base, 0x1000, MEM_COMMIT, PAGE_NOACCESS), base);
	return base;
}

static void test_sv1(void **state) /* SV-1 */
{
	(void)state;
	assert_fails(VirtualAlloc(NULL, 0, MEM_RESERVE, PAGE_READWRITE), 87);
}

static void test_sv2(void **state) /* SV-2 */
{
	MEMORY_BASIC_INFORMATION info;
	char *base = sv2();
	(void)state;
	check(base, 0x10000, MEM_RESERVE, 0);
	VirtualQuery(base, &info, sizeof info);
	assert_int_equal(info.AllocationProtect, 1);
}

static void test_sv3(void **state) /* SV-3 */
{
	char *base = sv2();
	DWORD old;
	(void)state;
	assert_fails(VirtualProtect(base, 0xFFFC, PAGE_READONLY, &old), 487);
}

static void test_sv4(void **state) /* SV-4 */
{
	(void)state;
	check(sv4(), 0x1000, MEM_COMMIT, 1);
}

static void test_sv5(void **state) /* SV-5 */
{
	char *base = sv4();
	DWORD old;
	(void)state;
	assert_fails(VirtualProtect(base, 0xFFFC, PAGE_READONLY, &old), 487);
	check(base, 0x1000, MEM_COMMIT, 1);
}

static void test_sv6(void **state) /* SV-6 */
{
	char *base = sv4();
	(void)state;
	assert_int_equal(must_protect(base, 0x1000, PAGE_READONLY), 1);
	assert_int_equal(must_protect(base, 0x1000, PAGE_READWRITE), 2);
}

static void test_sv7(void **state) /* SV-7 */
{
	(void)state;
	assert_ptr_equal(VirtualAlloc(B, 0x10000, MEM_RESERVE, PAGE_READWRITE), B);
	assert_ptr_equal(VirtualAlloc(plus(B, 0x10000), 0x10000, MEM_RESERVE, PAGE_READWRITE),
	                 plus(B, 0x10000));
	assert_fails(VirtualAlloc(plus(B, 0x4000), 0x10000, MEM_COMMIT, PAGE_READWRITE), 487);
}

static void test_sv8(void **state) /* SV-8 */
{
	(void)state;
	assert_ptr_equal(VirtualAlloc(B, 0x10000, MEM_RESERVE, PAGE_READWRITE), B);
	assert_ptr_equal(VirtualAlloc(plus(B, 0x1FFF), 2, MEM_COMMIT, PAGE_READWRITE),
	                 plus(B, 0x1000));
	check(plus(B, 0x1000), 0x2000, MEM_COMMIT, 4);
}

static void test_sv9(void **state) /* SV-9 */
{
	const struct place *place = *state;
	char *base = must_commit(0x1000, PAGE_READWRITE);
	store_at(place, base, 5);
	assert_ptr_equal(VirtualAlloc(base, 0x1000, MEM_COMMIT, PAGE_READONLY), base);
	assert_int_equal(protect_at(base), 2);
	assert_int_equal(load_at(place, base), 5);
}

static void test_sv10(void **state) /* SV-10 */
{
	(void)state;
	assert_ptr_equal(VirtualAlloc(B, 0x1000, RC, PAGE_READWRITE), B);
	assert_fails(VirtualAlloc(plus(B, 0x1000), 0x1000, MEM_RESERVE, PAGE_READWRITE), 487);
}

static void test_sv11_to_13(void **state) /* SV-11, SV-12, SV-13 */
{
	(void)state;
	assert_fails(VirtualAlloc(at(0xF000), 0x1000, MEM_RESERVE, PAGE_READWRITE), 87);
	assert_fails(VirtualAlloc(NULL, 0x1000, MEM_COMMIT, PAGE_WRITECOPY), 87);
	assert_fails(VirtualAlloc(B, 0x1000, RC | 0x40000000, PAGE_READWRITE), 87);
}

static void test_sv14_to_16(void **state) /* SV-14, SV-15, SV-16 */
{
	char *base = VirtualAlloc(NULL, 0x10000, MEM_RESERVE, PAGE_READWRITE);
	(void)state;
	assert_non_null(VirtualAlloc(base, 0x1000, MEM_COMMIT, PAGE_READWRITE));
	assert_ptr_equal(VirtualAlloc(base, 0x1000, MEM_RESET, PAGE_NOACCESS), base);
	check(base, 0x1000, MEM_COMMIT, 4);
	assert_ptr_equal(VirtualAlloc(base + 0x1000, 0x1000, MEM_RESET, PAGE_NOACCESS),
	                 base + 0x1000);
	check(base + 0x1000, 0xF000, MEM_RESERVE, 0);
	assert_fails(VirtualAlloc(base + 0xF000, 0x2000, MEM_RESET, PAGE_NOACCESS), 487);
}

static void test_sv17_to_19(void **state) /* SV-17, SV-18, SV-19 */
{
	char *base = VirtualAlloc(NULL, 0x10000, MEM_RESERVE, PAGE_READWRITE);
	(void)state;
	assert_non_null(VirtualAlloc(base + 0x3000, 0x2000, MEM_COMMIT, PAGE_READWRITE));
	assert_fails(VirtualFree(base, 0x10000, 0), 87);
	assert_fails(VirtualFree(base, 0, MEM_FREE), 87);
	assert_succeeds(VirtualFree(base, 0x10000, MEM_DECOMMIT));
	check(base, 0x10000, MEM_RESERVE, 0);
	assert_fails(VirtualFree(base, 1, MEM_RELEASE), 87);
}

static void test_sv20_to_23(void **state) /* SV-20, SV-21, SV-22, SV-23 */
{
	char *base = must_commit(0x10000, PAGE_READWRITE);
	(void)state;
	assert_fails(VirtualFree(base + 0x1000, 0, MEM_RELEASE), 487);
	assert_fails(VirtualFree(base + 0x1000, 0, MEM_DECOMMIT), 487);
	assert_fails(VirtualFree(base, 0x11000, MEM_DECOMMIT), 87);
	assert_succeeds(VirtualFree(base + 0xFFE, 0, MEM_DECOMMIT));
	check(base, 0x10000, MEM_RESERVE, 0);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	assert_fails(VirtualFree(base, 0, MEM_RELEASE), 487);
}

static NTSTATUS native_release(char *address, uint64_t size)
{
	uint64_t base = address_in(address);
	return NtFreeVirtualMemory(GetCurrentProcess(), &base, &size, MEM_RELEASE);
}

static void test_sv24(void **state) /* SV-24 */
{
	char *base = VirtualAlloc(B, 0x10000, MEM_RESERVE, PAGE_READWRITE);
	(void)state;
	assert_int_equal(native_release(base + 0x1000, 0x1000), STATUS_SUCCESS);
	assert_int_equal(native_release(base, 0x1000), STATUS_SUCCESS);
	assert_ptr_equal(VirtualAlloc(base, 0x1000, MEM_RESERVE, PAGE_READWRITE), base);
	assert_int_equal(native_release(base + 0x2000, 0), STATUS_SUCCESS);
	assert_int_equal(state_at(base + 0x2000), MEM_FREE);
}

static void test_sv25(void **state) /* SV-25 */
{
	char *base = must_commit(0x1000, PAGE_READWRITE);
	(void)state;
	assert_fails(VirtualProtect(base, 0x1000, PAGE_READONLY, NULL), 998);
}

static void test_sv26(void **state) /* SV-26 */
{
	const struct place *place = *state;
	char *base = must_commit(0x1000, PAGE_READWRITE | PAGE_GUARD);
	assert_int_equal(load_raises(place, base), STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(ntmm_thread_exception(place->thread)->ExceptionInformation[0], 0);
	assert_int_equal(load_at(place, base), 0);
}

static void test_sv27(void **state) /* SV-27 */
{
	char *base = must_commit(0x1000, PAGE_READWRITE | PAGE_GUARD);
	(void)state;
	assert_fails(VirtualLock(base, 0x1000), 0x80000001);
	assert_succeeds(VirtualLock(base, 0x1000));
	assert_int_equal(protect_at(base), 4);
}

static void test_sv28(void **state) /* SV-28 */
{
	const struct place *place = *state;
	char *base = must_commit(0x1000, PAGE_READWRITE | PAGE_GUARD);
	static const DWORD codes[] = {0x80000001, 0xC0000005};
	for (int i = 0; i < 2; i++) {
		uint8_t byte;
		assert_false(ntmm_fetch8(place->thread, address_in(base), &byte));
		const EXCEPTION_RECORD *e = ntmm_thread_exception(place->thread);
		assert_int_equal(e->ExceptionCode, codes[i]);
		assert_int_equal(e->ExceptionInformation[0], 8);
	}
}

static void test_sv44_45(void **state) /* SV-44, SV-45 */
{
	char *base = must_commit(0x2000, PAGE_READWRITE | PAGE_NOCACHE);
	(void)state;
	assert_int_equal(must_protect(base, 0x1000, PAGE_READWRITE), 0x204);
	check(base, 0x2000, MEM_COMMIT, 0x204);
	base = must_commit(0x2000, PAGE_READWRITE);
	must_protect(base, 0x1000, PAGE_READONLY | PAGE_NOCACHE);
	assert_int_equal(protect_at(base), 2);
}

static void test_sv46_47(void **state) /* SV-46, SV-47 */
{
	const struct place *place = *state;
	char *base = must_commit(0x1000, PAGE_EXECUTE_READ), byte = 0x33;
	SIZE_T done = 77;
	assert_succeeds(ReadProcessMemory(GetCurrentProcess(), NULL, &byte, 0, &done));
	assert_int_equal(done, 0);
	assert_succeeds(WriteProcessMemory(GetCurrentProcess(), base, &byte, 1, &done));
	assert_int_equal(done, 1);
	assert_int_equal(load_at(place, base), 0x33);
	assert_int_equal(protect_at(base), 0x20);
	NTSTATUS status = NtWriteVirtualMemory(GetCurrentProcess(), address_in(base), &byte, 1,
	                                       NULL);
	assert_int_equal(status, STATUS_ACCESS_VIOLATION);
}

static void test_sv50(void **state) /* SV-50 */
{
	MEMORY_BASIC_INFORMATION info;
	SYSTEM_INFO system;
	(void)state;
	GetSystemInfo(&system);
	char *highest = system.lpMaximumApplicationAddress;
	assert_fails(VirtualQuery(highest + 1, &info, sizeof info), 87);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(test_sv1),        place_test(test_sv2),        place_test(test_sv3),
		place_test(test_sv4),        place_test(test_sv5),        place_test(test_sv6),
		place_test(test_sv7),        place_test(test_sv8),        place_test(test_sv9),
		place_test(test_sv10),
		place_test(test_sv11_to_13), place_test(test_sv14_to_16),
		place_test(test_sv17_to_19), place_test(test_sv20_to_23), place_test(test_sv24),
		place_test(test_sv25),       place_test(test_sv26),       place_test(test_sv27),
		place_test(test_sv28),       place_test(test_sv44_45),    place_test(test_sv46_47),
		place_test(test_sv50),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
