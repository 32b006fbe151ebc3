/* SPDX-License-Identifier: MIT
 *
 * Views of sections, and frames, of the test's own process, with the N-th request to the host failing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "native_view.h"

#define RUN(attempts) native_attempts(attempts, sizeof(attempts) / sizeof(attempts)[0])

static void nothing(struct stage *s)
{
	(void)s;
}

/* ---- views ----------------------------------------------------------------------------------- */

static bool create_section(struct stage *s)
{
	return create(s, RW);
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
