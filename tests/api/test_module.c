/* SPDX-License-Identifier: MIT
 *
 * Modules: calls that are looked up by name, as programs do that are to run on older systems too.
 */
#include "place.h"

#include <ntmm/ntapi.h>

static void test_names_of_modules(void **state)
{
	(void)state;
	HMODULE kernel = GetModuleHandleA("kernel32.dll");
	assert_non_null(kernel);
	assert_ptr_equal(GetModuleHandleA("KERNEL32"), kernel);
	assert_ptr_equal(GetModuleHandleW(u"Kernel32.DLL"), kernel);
	assert_non_null(GetModuleHandle("ntdll.dll"));
	assert_ptr_not_equal(GetModuleHandle("ntdll.dll"), kernel);

	const char *none[] = {"kernel33.dll", "", "kernel", "kernel32.dll.dll", "kernel32.", "kernelbas"};
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		assert_fails(GetModuleHandleA(none[i]), ERROR_MOD_NOT_FOUND);
	assert_fails(GetModuleHandleW(u"kernel32\u0165"), ERROR_MOD_NOT_FOUND);
	assert_fails(GetModuleHandleW(u"kernel32kernel32kernel32kernel32kernel32"),
	             ERROR_MOD_NOT_FOUND);
	assert_fails(GetModuleHandleA((LPCSTR)16), ERROR_NOACCESS);
	assert_fails(GetModuleHandleW((LPCWSTR)16), ERROR_NOACCESS);
	assert_fails(GetModuleHandleA(NULL), ERROR_NOT_SUPPORTED);
	assert_fails(GetModuleHandleW(NULL), ERROR_NOT_SUPPORTED);
}

static void test_names_of_calls(void **state)
{
	(void)state;
	HMODULE kernel = GetModuleHandle("kernel32"), base = GetModuleHandle("kernelbase"),
		nt = GetModuleHandle("ntdll");
	assert_true(GetProcAddress(kernel, "VirtualAlloc") == (FARPROC)(void (*)(void))VirtualAlloc);
	assert_true(GetProcAddress(base, "VirtualAlloc") == (FARPROC)(void (*)(void))VirtualAlloc);
	assert_true(GetProcAddress(nt, "NtClose") == (FARPROC)(void (*)(void))NtClose);
	assert_true(GetProcAddress(GetModuleHandle("advapi32"), "OpenProcessToken") ==
	            (FARPROC)(void (*)(void))OpenProcessToken);
	assert_true(GetProcAddress(GetModuleHandle("psapi"), "EmptyWorkingSet") ==
	            (FARPROC)(void (*)(void))EmptyWorkingSet);

	/* kernel32 has not what Windows 10 added */
	assert_true(GetProcAddress(base, "VirtualAlloc2") == (FARPROC)(void (*)(void))VirtualAlloc2);
	assert_fails(GetProcAddress(kernel, "VirtualAlloc2"), ERROR_PROC_NOT_FOUND);

	assert_fails(GetProcAddress(kernel, "virtualalloc"), ERROR_PROC_NOT_FOUND);
	assert_fails(GetProcAddress(kernel, "NtClose"), ERROR_PROC_NOT_FOUND);
	assert_fails(GetProcAddress(kernel, ""), ERROR_PROC_NOT_FOUND);
	assert_fails(GetProcAddress(kernel, (LPCSTR)17), ERROR_PROC_NOT_FOUND);
	assert_fails(GetProcAddress(NULL, "VirtualAlloc"), ERROR_MOD_NOT_FOUND);
	assert_fails(GetProcAddress((HMODULE) "kernel32", "VirtualAlloc"), ERROR_MOD_NOT_FOUND);
}

/* What is found by its name is the call. */
static void test_call_by_address(void **state)
{
	(void)state;
	DWORD (*get)
	(void) = (DWORD(*)(void))(void (*)(void))GetProcAddress(
		GetModuleHandle("kernel32"), "GetLastError");
	assert_non_null(get);
	SetLastError(4711);
	assert_int_equal(get(), 4711);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_modules),
		cmocka_unit_test(test_names_of_calls),
		cmocka_unit_test(test_call_by_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
