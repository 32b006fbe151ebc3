/* SPDX-License-Identifier: MIT
 *
 * Locked pages of views in the host process: what is locked is not copied for that, and stays locked when it is
 * mapped in another way (rules VL, CW-2, CW-6).
 */
#include <stdio.h>

#include <ntmm/native.h>

#include "place.h"
#include "support/touch.h"

#define PAGES 8u

/* Pages that the host has locked of this process. */
static unsigned locked_pages(void)
{
	char line[256];
	unsigned kb = 0;
	FILE *file = fopen("/proc/self/status", "r");
	assert_non_null(file);
	while (fgets(line, sizeof line, file))
		if (sscanf(line, "VmLck: %u kB", &kb) == 1)
			break;
	fclose(file);
	return kb / 4;
}

static DWORD protection_at(const void *address)
{
	MEMORY_BASIC_INFORMATION info;
	assert_int_equal(VirtualQuery(address, &info, sizeof info), sizeof info);
	return info.Protect;
}

static char *map(DWORD access, char **other)
{
	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0,
	                                    PAGES * PAGE, NULL);
	assert_non_null(section);
	char *view = MapViewOfFile(section, access, 0, 0, 0);
	*other = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	assert_non_null(view);
	assert_non_null(*other);
	assert_succeeds(CloseHandle(section));
	return view;
}

static void unmap(char *view, char *other)
{
	assert_succeeds(UnmapViewOfFile(view));
	assert_succeeds(UnmapViewOfFile(other));
}

static void test_copy_on_write(void **state) /* VL-4: each page is read */
{
	char *other, *view = map(FILE_MAP_COPY, &other);
	(void)state;
	assert_succeeds(VirtualLock(view, 3 * PAGE));
	assert_int_equal(protection_at(view), PAGE_WRITECOPY);
	poke(other, 5);
	assert_int_equal(peek(view), 5);
	poke(view, 6);
	assert_int_equal(peek(other), 5);
	assert_int_equal(protection_at(view), PAGE_READWRITE);
	assert_int_equal(protection_at(view + PAGE), PAGE_WRITECOPY);
	unmap(view, other);
}

static void test_protect(void **state) /* CW-6, VL-11 */
{
	static const DWORD protections[] = {PAGE_WRITECOPY, PAGE_READWRITE, PAGE_READONLY,
	                                    PAGE_WRITECOPY, PAGE_READONLY};
	char *other, *view = map(FILE_MAP_WRITE, &other);
	unsigned before = locked_pages();
	DWORD old;
	(void)state;
	assert_succeeds(VirtualLock(view + PAGE, 3 * PAGE));
	unsigned locked = locked_pages() - before; /* 0 in a program with a sanitizer */
	for (size_t i = 0; i < sizeof protections / sizeof protections[0]; i++) {
		assert_succeeds(VirtualProtect(view, PAGES * PAGE, protections[i], &old));
		assert_int_equal(locked_pages(), before + locked);
		assert_int_equal(protection_at(view + PAGE), protections[i]);
	}
	assert_succeeds(VirtualUnlock(view + PAGE, 3 * PAGE));
	assert_int_equal(locked_pages(), before);
	unmap(view, other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_on_write),
		cmocka_unit_test(test_protect),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
