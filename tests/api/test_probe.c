/* SPDX-License-Identifier: MIT
 *
 * What the calls do with pointers into memory of the host process that cannot be accessed: they look first,
 * as system services do, and change nothing.
 */
#include "place.h"

#include <ntmm/native.h>
#include <ntmm/ntapi.h>

static char *must_have(DWORD protect)
{
	assert_true(ntmm_native_take_signals()); /* the test runner has put its own in front */
	char *base = VirtualAlloc(NULL, 4 * PAGE, MEM_RESERVE | MEM_COMMIT, protect);
	assert_non_null(base);
	return base;
}

static void test_no_access(void **state) /* VQ-3, VP-2, VA-11 */
{
	static const DWORD closed[] = {PAGE_NOACCESS, PAGE_READONLY};
	char *memory = must_have(PAGE_READWRITE);
	(void)state;
	for (int i = 0; i < 2; i++) {
		char *bad = must_have(closed[i]);
		assert_fails(VirtualQuery(memory, (void *)bad, sizeof(MEMORY_BASIC_INFORMATION)),
		             ERROR_NOACCESS);
		assert_fails(VirtualProtect(memory, PAGE, PAGE_READONLY, (void *)bad),
		             ERROR_NOACCESS);
		assert_int_equal(protect_at(memory), PAGE_READWRITE);
		uint64_t size = PAGE;
		assert_int_equal(NtAllocateVirtualMemory(GetCurrentProcess(), (void *)bad, 0, &size,
		                                         MEM_RESERVE, PAGE_READWRITE),
		                 STATUS_ACCESS_VIOLATION);
		assert_succeeds(VirtualFree(bad, 0, MEM_RELEASE));
		assert_fails(VirtualQuery(memory, (void *)bad, sizeof(MEMORY_BASIC_INFORMATION)),
		             ERROR_NOACCESS); /* free */
	}
	assert_succeeds(VirtualFree(memory, 0, MEM_RELEASE));
}

static void test_straddling(void **state) /* every page of the buffer */
{
	char *memory = must_have(PAGE_READWRITE);
	(void)state;
	must_protect(memory + PAGE, PAGE, PAGE_NOACCESS);
	memset(memory, 0x55, PAGE);
	assert_fails(VirtualQuery(memory, (void *)(memory + PAGE - 8),
	                          sizeof(MEMORY_BASIC_INFORMATION)),
	             ERROR_NOACCESS);
	assert_int_equal(memory[PAGE - 1], 0x55); /* nothing was written */
	assert_succeeds(VirtualFree(memory, 0, MEM_RELEASE));
}

static void test_guard(void **state) /* GP-6: it goes, the call fails, the next one succeeds */
{
	char *memory = must_have(PAGE_READWRITE | PAGE_GUARD);
	(void)state;
	assert_fails(VirtualQuery(memory, (void *)memory, sizeof(MEMORY_BASIC_INFORMATION)),
	             (DWORD)STATUS_GUARD_PAGE_VIOLATION);
	assert_int_equal(protect_at(memory), PAGE_READWRITE);
	assert_int_equal(protect_at(memory + PAGE), PAGE_READWRITE | PAGE_GUARD);
	assert_int_equal(
		VirtualQuery(memory, (void *)memory, sizeof(MEMORY_BASIC_INFORMATION)),
		sizeof(MEMORY_BASIC_INFORMATION));
	assert_succeeds(VirtualFree(memory, 0, MEM_RELEASE));
}

static void test_written_memory_is_watched(void **state) /* WW: what a call writes counts */
{
	PVOID address;
	ULONG_PTR count = 1;
	DWORD granularity;
	char *memory = VirtualAlloc(NULL, 4 * PAGE, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH,
	                            PAGE_READWRITE);
	(void)state;
	assert_non_null(memory);
	assert_true(ntmm_native_take_signals());
	assert_int_equal(VirtualQuery(memory, (void *)(memory + 2 * PAGE),
	                              sizeof(MEMORY_BASIC_INFORMATION)),
	                 sizeof(MEMORY_BASIC_INFORMATION));
	assert_int_equal(GetWriteWatch(0, memory, 4 * PAGE, &address, &count, &granularity), 0);
	assert_int_equal(count, 1);
	assert_ptr_equal(address, memory + 2 * PAGE);
	assert_succeeds(VirtualFree(memory, 0, MEM_RELEASE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_access),
		cmocka_unit_test(test_straddling),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_written_memory_is_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
