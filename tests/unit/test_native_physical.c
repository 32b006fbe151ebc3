/* SPDX-License-Identifier: MIT
 *
 * Frames of the host process when the host refuses something in the middle of a call: all or nothing
 * (AW-4), or fewer frames (AW-2). Linked with --wrap.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ntmm/ntapi.h>
#include <ntmm/windows.h>

#include "base/os_pages.h"

#define PAGE 4096
#define FRAMES 12

/* The call of this number from now on fails; 0: none. */
static unsigned to_fail, calls;

static bool fails(void)
{
	return ++calls == to_fail;
}

int __real_os_pages_show(void *address, size_t bytes, const struct os_showing *showing);
int __wrap_os_pages_show(void *address, size_t bytes, const struct os_showing *showing);
int __real_os_pages_shut(void *address, size_t bytes);
int __wrap_os_pages_shut(void *address, size_t bytes);
int __real_os_memory_fill(int fd, uint64_t offset, uint64_t bytes);
int __wrap_os_memory_fill(int fd, uint64_t offset, uint64_t bytes);
int __real_os_memory_punch(int fd, uint64_t offset, uint64_t bytes);
int __wrap_os_memory_punch(int fd, uint64_t offset, uint64_t bytes);

int __wrap_os_pages_show(void *address, size_t bytes, const struct os_showing *showing)
{
	return fails() ? ENOMEM : __real_os_pages_show(address, bytes, showing);
}

int __wrap_os_pages_shut(void *address, size_t bytes)
{
	return fails() ? ENOMEM : __real_os_pages_shut(address, bytes);
}

int __wrap_os_memory_fill(int fd, uint64_t offset, uint64_t bytes)
{
	return fails() ? ENOSPC : __real_os_memory_fill(fd, offset, bytes);
}

int __wrap_os_memory_punch(int fd, uint64_t offset, uint64_t bytes)
{
	return fails() ? ENOMEM : __real_os_memory_punch(fd, offset, bytes);
}

static void fail_at(unsigned number)
{
	to_fail = number;
	calls = 0;
}

/* ---- the process ----------------------------------------------------------------------------- */

static ULONG_PTR frames[FRAMES];
static char *window;

static void enable_privilege(void)
{
	HANDLE token;
	TOKEN_PRIVILEGES state = {.PrivilegeCount = 1};
	state.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
	assert_true(LookupPrivilegeValueA(NULL, SE_LOCK_MEMORY_NAME, &state.Privileges[0].Luid));
	assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &token));
	assert_true(AdjustTokenPrivileges(token, FALSE, &state, 0, NULL, NULL));
	CloseHandle(token);
}

/* Frame i is at page i, for the first 8, and says so; the others are not mapped. */
static int setup(void **state)
{
	ULONG_PTR count = FRAMES;
	(void)state;
	fail_at(0);
	enable_privilege();
	window = VirtualAlloc(NULL, 16 * PAGE, MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE);
	if (!window || !AllocateUserPhysicalPages(GetCurrentProcess(), &count, frames))
		return -1;
	if (count != FRAMES || !MapUserPhysicalPages(window, FRAMES, frames))
		return -1;
	for (int i = 0; i < FRAMES; i++)
		window[i * PAGE] = (char)(i + 1);
	return MapUserPhysicalPages(window + 8 * PAGE, FRAMES - 8, NULL) ? 0 : -1;
}

static int teardown(void **state)
{
	ULONG_PTR count = FRAMES;
	(void)state;
	fail_at(0);
	FreeUserPhysicalPages(GetCurrentProcess(), &count, frames);
	return VirtualFree(window, 0, MEM_RELEASE) ? 0 : -1;
}

/* What is at the page: 0, nothing; else which frame, from 1 on. */
static int shown_at(int page)
{
	MEMORY_BASIC_INFORMATION info;
	assert_int_equal(VirtualQuery(window + page * PAGE, &info, sizeof info), sizeof info);
	return info.State == MEM_COMMIT ? window[page * PAGE] : 0;
}

static void as_before(void)
{
	for (int page = 0; page < 16; page++)
		assert_int_equal(shown_at(page), page < 8 ? page + 1 : 0);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void mapping_is_all_or_nothing(void **state) /* AW-4, AW-5 */
{
	/* in place of others, to new pages, gone, turned round, where they are */
	static const int pages[] = {0, 1, 2, 3, 8, 9, 4, 5, 12, 7, 7};
	static const int news[] = {9, 10, 0, 0, 11, 12, 0, 5 + 1, 0, 0, 8};
	enum { COUNT = sizeof pages / sizeof pages[0] };
	PVOID places[COUNT];
	ULONG_PTR list[COUNT];
	unsigned number = 0;
	(void)state;
	for (int i = 0; i < COUNT; i++) {
		places[i] = window + pages[i] * PAGE;
		list[i] = news[i] ? frames[news[i] - 1] : 0;
	}
	for (;;) {
		fail_at(++number);
		if (MapUserPhysicalPagesScatter(places, COUNT, list))
			break;
		fail_at(0);
		assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
		as_before();
	}
	assert_true(number > 6);
	static const int after[16] = {9, 10, 0, 0, 0, 6, 7, 8, 11, 12};
	for (int page = 0; page < 16; page++)
		assert_int_equal(shown_at(page), after[page]);
}

/* AW-7: *count says how many were freed before. */
static void freeing_stops_there(void **state)
{
	ULONG_PTR list[4] = {frames[0], frames[2], frames[4], frames[9]}, count = 4;
	(void)state;
	fail_at(3); /* shut, punch, shut */
	assert_false(FreeUserPhysicalPages(GetCurrentProcess(), &count, list));
	assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
	assert_int_equal(count, 1);
	assert_int_equal(shown_at(0), 0);
	assert_int_equal(shown_at(2), 3);
	assert_int_equal(shown_at(4), 5);
}

/* A frame that the host could not empty is not given out again: it would not be zero (AW-3). */
static void what_is_not_zero_is_not_used(void **state)
{
	ULONG_PTR list[1] = {frames[3]}, count = 1;
	(void)state;
	fail_at(2);
	assert_true(FreeUserPhysicalPages(GetCurrentProcess(), &count, list));
	fail_at(0);
	for (int i = 0; i < 20; i++) {
		ULONG_PTR frame;
		count = 1;
		assert_true(AllocateUserPhysicalPages(GetCurrentProcess(), &count, &frame));
		assert_int_not_equal(frame, list[0]);
	}
}

static void fewer_than_asked(void **state) /* AW-2 */
{
	ULONG_PTR list[3] = {frames[1], frames[3], frames[5]}, again[6], count = 3;
	(void)state;
	assert_true(FreeUserPhysicalPages(GetCurrentProcess(), &count, list));
	fail_at(1);
	count = 6;
	assert_false(AllocateUserPhysicalPages(GetCurrentProcess(), &count, again));
	assert_int_equal(GetLastError(), ERROR_NO_SYSTEM_RESOURCES);
	assert_int_equal(count, 6);
	fail_at(3);
	assert_true(AllocateUserPhysicalPages(GetCurrentProcess(), &count, again));
	assert_int_equal(count, 2);
	fail_at(0);
	char *other = VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE);
	for (int i = 0; i < 2; i++) {
		assert_true(MapUserPhysicalPages(other, 1, &again[i]));
		assert_int_equal(other[0], 0);
	}
	assert_true(FreeUserPhysicalPages(GetCurrentProcess(), &count, again));
	assert_true(VirtualFree(other, 0, MEM_RELEASE));
}

#define physical_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		physical_test(mapping_is_all_or_nothing),
		physical_test(freeing_stops_there),
		physical_test(what_is_not_zero_is_not_used),
		physical_test(fewer_than_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
