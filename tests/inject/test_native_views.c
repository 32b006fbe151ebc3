/* SPDX-License-Identifier: MIT
 *
 * Views of sections, and frames, of the test's own process, with the N-th request to the host failing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include <ntmm/file.h>

#include "native.h"

#define RUN(attempts) native_attempts(attempts, sizeof(attempts) / sizeof(attempts)[0])
#define BYTES (PLACE_PAGES * PAGE)

static void nothing(struct stage *s)
{
	(void)s;
}

/* ---- sections -------------------------------------------------------------------------------- */

static bool create(struct stage *s, uint32_t protect)
{
	s->section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, protect, 0, BYTES, NULL);
	return s->section;
}

static bool create_section(struct stage *s)
{
	return create(s, RW);
}

static void close_section(struct stage *s)
{
	assert_true(CloseHandle(s->section));
}

static void with_section(struct stage *s)
{
	assert_true(create(s, RW));
}

static void with_growing(struct stage *s)
{
	assert_true(create(s, RW | SEC_RESERVE));
}

/* Of a file with something in it. */
static void with_file(struct stage *s)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), (off_t)BYTES), 0);
	assert_int_equal(pwrite(fileno(file), "file", 4, 5 * 4096), 4);
	assert_int_equal(ntmm_file_from_fd(fileno(file), GENERIC_READ | GENERIC_WRITE, &s->file),
	                 STATUS_SUCCESS);
	fclose(file);
	s->section = CreateFileMappingA(s->file, NULL, RW, 0, 0, NULL);
	assert_non_null(s->section);
}

static void close_file(struct stage *s)
{
	close_section(s);
	assert_true(CloseHandle(s->file));
}

/* ---- views ----------------------------------------------------------------------------------- */

static bool show(struct stage *s, uint32_t access)
{
	return MapViewOfFileEx(s->section, access, 0, 0, 0, at_page(s, 0));
}

static bool map(struct stage *s)
{
	return show(s, FILE_MAP_WRITE);
}

static bool map_copy(struct stage *s)
{
	return show(s, FILE_MAP_COPY);
}

static bool unmap(struct stage *s)
{
	return UnmapViewOfFile(at_page(s, 0));
}

static void mapped(struct stage *s)
{
	with_section(s);
	assert_true(map(s));
	fill(s, 0, PLACE_PAGES);
}

/* Some pages have been copied, and some are not copy-on-write any more. */
static void copied(struct stage *s)
{
	mapped(s);
	assert_true(unmap(s));
	assert_true(map_copy(s));
	fill(s, 3, 4);
	fill(s, 20, 1);
	protect(s, 30, 10, RO);
}

static void partly_copied(struct stage *s)
{
	mapped(s);
	protect(s, 8, 30, PAGE_WRITECOPY);
	fill(s, 10, 2);
	fill(s, 20, 1);
}

static void growing(struct stage *s)
{
	with_growing(s);
	assert_true(map(s));
	allocate(s, 4, 8, MEM_COMMIT, RW);
	fill(s, 4, 8);
}

static void of_file(struct stage *s)
{
	with_file(s);
	assert_true(map(s));
	fill(s, 0, 4);
}

static bool protect_pages(struct stage *s, unsigned page, unsigned pages, uint32_t protect)
{
	DWORD old;
	return VirtualProtect(at_page(s, page), pages * PAGE, protect, &old);
}

static bool protect_readable(struct stage *s)
{
	return protect_pages(s, 2, 40, RO);
}

static bool protect_copy(struct stage *s)
{
	return protect_pages(s, 2, 40, PAGE_WRITECOPY);
}

static bool protect_open(struct stage *s)
{
	return protect_pages(s, 2, 50, RW);
}

static bool protect_guard(struct stage *s)
{
	return protect_pages(s, 9, 20, RO | PAGE_GUARD);
}

static bool grow(struct stage *s)
{
	return VirtualAlloc(at_page(s, 2), 30 * PAGE, MEM_COMMIT, RW);
}

static bool flush(struct stage *s)
{
	return FlushViewOfFile(at_page(s, 0), BYTES);
}

static const struct attempt of_views[] = {
	{"create a section", nothing, create_section, close_section, 0},
	{"map", with_section, map, close_section, 0},
	{"map for copying", with_section, map_copy, close_section, 0},
	{"map what grows", with_growing, map, close_section, 0},
	{"map a file", with_file, map, close_file, 0},
	{"map a file for copying", with_file, map_copy, close_file, 0},
	{"unmap", mapped, unmap, close_section, 0},
	{"unmap what was copied", copied, unmap, close_section, 0},
	{"unmap a file", of_file, unmap, close_file, 0},
	{"flush a file", of_file, flush, close_file, 0},
	{"protect a view", mapped, protect_readable, close_section, ONE_ONLY},
	{"copy on write from now on", mapped, protect_copy, close_section, ONE_ONLY},
	{"copy on write no more", partly_copied, protect_open, close_section, ONE_ONLY},
	{"protect what was copied in part", partly_copied, protect_readable, close_section, ONE_ONLY},
	{"protect what was copied", copied, protect_copy, close_section, ONE_ONLY},
	{"close what was copied", copied, protect_readable, close_section, ONE_ONLY},
	{"guard a view", mapped, protect_guard, close_section, ONE_ONLY},
	{"guard what was copied", partly_copied, protect_guard, close_section, ONE_ONLY},
	{"grow", growing, grow, close_section, 0},
	{"protect a view of a file", of_file, protect_copy, close_file, ONE_ONLY},
};

static void views(void **state)
{
	(void)state;
	RUN(of_views);
}

/* ---- frames ---------------------------------------------------------------------------------- */

#define FRAMES 24u

static bool allocate_frames(struct stage *s)
{
	s->count = FRAMES;
	return AllocateUserPhysicalPages(GetCurrentProcess(), &s->count, s->frames);
}

static void free_frames(struct stage *s)
{
	ULONG_PTR count = FRAMES;
	assert_true(FreeUserPhysicalPages(GetCurrentProcess(), &count, s->frames));
}

static void with_window(struct stage *s)
{
	assert_true(allocate_frames(s));
	assert_int_equal(s->count, FRAMES);
	allocate(s, 0, PLACE_PAGES, MEM_RESERVE | MEM_PHYSICAL, RW);
}

static bool map_frames(struct stage *s)
{
	return MapUserPhysicalPages(at_page(s, 8), 10, s->frames);
}

static void with_frames(struct stage *s)
{
	with_window(s);
	assert_true(map_frames(s));
	fill(s, 8, 10);
}

static bool map_more(struct stage *s)
{
	return MapUserPhysicalPages(at_page(s, 18), 6, s->frames + 10);
}

static bool map_others(struct stage *s)
{
	return MapUserPhysicalPages(at_page(s, 10), 6, s->frames + 12);
}

static bool unmap_frames(struct stage *s)
{
	return MapUserPhysicalPages(at_page(s, 9), 5, NULL);
}

static bool release(struct stage *s)
{
	return VirtualFree(at_page(s, 0), 0, MEM_RELEASE);
}

static bool reserve_window(struct stage *s)
{
	return VirtualAlloc(at_page(s, 0), BYTES, MEM_RESERVE | MEM_PHYSICAL, RW);
}

/* AW-2. */
static void enable_privilege(void)
{
	HANDLE token;
	TOKEN_PRIVILEGES state = {.PrivilegeCount = 1};
	state.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
	assert_true(LookupPrivilegeValueA(NULL, SE_LOCK_MEMORY_NAME, &state.Privileges[0].Luid));
	assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &token));
	assert_true(AdjustTokenPrivileges(token, FALSE, &state, 0, NULL, NULL));
	assert_true(CloseHandle(token));
}

static const struct attempt of_frames[] = {
	{"allocate frames", nothing, allocate_frames, free_frames, 0},
	{"reserve a window", nothing, reserve_window, NULL, 0},
	{"map frames", with_window, map_frames, free_frames, 0},
	{"map more", with_frames, map_more, free_frames, 0},
	{"map others", with_frames, map_others, free_frames, 0},
	{"unmap frames", with_frames, unmap_frames, free_frames, 0},
	{"release a window", with_frames, release, free_frames, 0},
};

static void frames(void **state)
{
	struct stage first = {0};
	(void)state;
	order = (struct order){.off = true};
	enable_privilege();
	assert_true(allocate_frames(&first)); /* the file of all frames stays */
	free_frames(&first);
	RUN(of_frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(views),
		cmocka_unit_test(frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
