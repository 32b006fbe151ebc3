/* SPDX-License-Identifier: MIT
 *
 * The commit limit of the host process (rules CM, S17): set, met, told.
 */
#include "place.h"

#include <ntmm/native.h>

#include "support/touch.h"

#define MB ((SIZE_T)1 << 20)
#define RC (MEM_RESERVE | MEM_COMMIT)

static MEMORYSTATUSEX memory(void)
{
	MEMORYSTATUSEX status = {.dwLength = sizeof status};
	assert_succeeds(GlobalMemoryStatusEx(&status));
	return status;
}

static uint64_t committed(void)
{
	MEMORYSTATUSEX status = memory();
	return status.ullTotalPageFile - status.ullAvailPageFile;
}

static int restore(void **state)
{
	(void)state;
	return !ntmm_native_set_commit_limit(0);
}

/* The limit is `room` above what is committed now. */
static void leave_room(uint64_t room)
{
	uint64_t limit = committed() + room;
	assert_true(ntmm_native_set_commit_limit(limit));
	MEMORYSTATUSEX status = memory();
	assert_int_equal(status.ullTotalPageFile, limit);
	assert_int_equal(status.ullAvailPageFile, room);
}

static void test_limit(void **state) /* VA-31: 1455, and nothing has changed */
{
	(void)state;
	char *base = VirtualAlloc(NULL, 64 * MB, MEM_RESERVE, PAGE_READWRITE);
	assert_non_null(base);
	leave_room(16 * MB);
	assert_fails(VirtualAlloc(base, 17 * MB, MEM_COMMIT, PAGE_READWRITE),
	             ERROR_COMMITMENT_LIMIT);
	assert_int_equal(state_at(base), MEM_RESERVE);
	assert_fails(VirtualAlloc(NULL, 17 * MB, RC, PAGE_READWRITE), ERROR_COMMITMENT_LIMIT);
	assert_non_null(VirtualAlloc(base, 15 * MB, MEM_COMMIT, PAGE_READWRITE));
	base[0] = base[15 * MB - 1] = 1;
	assert_fails(VirtualAlloc(NULL, MB, RC, PAGE_READWRITE), ERROR_COMMITMENT_LIMIT);
	assert_succeeds(VirtualFree(base, 8 * MB, MEM_DECOMMIT));
	assert_non_null(VirtualAlloc(base, MB, MEM_COMMIT, PAGE_READWRITE));
	assert_int_equal(base[0], 0);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
}

static void test_reserving_is_free(void **state) /* CM-1 */
{
	(void)state;
	uint64_t before = committed();
	char *base = VirtualAlloc(NULL, (SIZE_T)1 << 40, MEM_RESERVE, PAGE_READWRITE);
	assert_non_null(base);
	assert_int_equal(committed(), before);
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
	assert_int_equal(committed(), before);
}

static void test_sections(void **state) /* SC-8, CM-2: a section's pages, and copies of a view */
{
	(void)state;
	leave_room(8 * MB);
	assert_fails(CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 16 * MB,
	                                NULL),
	             ERROR_COMMITMENT_LIMIT);
	HANDLE section =
		CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 5 * MB, NULL);
	assert_non_null(section);
	assert_fails(MapViewOfFile(section, FILE_MAP_COPY, 0, 0, 0), ERROR_COMMITMENT_LIMIT);
	char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	assert_non_null(view);
	assert_succeeds(UnmapViewOfFile(view));
	assert_succeeds(CloseHandle(section));
}

static void load(void *at)
{
	(void)peek(at);
}

/* MV-40, MV-47: pages of a section and copies of a view are charged; when one fails neither is committed, and
 * what was shared is. */
static void test_growing_sections(void **state)
{
	(void)state;
	assert_true(ntmm_native_take_signals());
	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_RESERVE,
	                                    0, MB, NULL);
	char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	char *other = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	assert_non_null(VirtualAlloc(view, 2 * PAGE, MEM_COMMIT, PAGE_READWRITE));
	view[0] = 1;
	uint64_t before = committed();
	for (unsigned pages = 0; pages < 20; pages++) {
		EXCEPTION_RECORD record;
		leave_room(pages * PAGE);
		assert_fails(VirtualAlloc(view, 12 * PAGE, MEM_COMMIT, PAGE_WRITECOPY),
		             ERROR_COMMITMENT_LIMIT);
		assert_int_equal(committed(), before);
		assert_int_equal(state_at(view + 2 * PAGE), MEM_RESERVE);
		assert_false(ntmm_try(load, view + 2 * PAGE, &record));
		poke(view + PAGE, (uint8_t)pages);
		assert_int_equal(peek(other + PAGE), pages);
	}
	assert_int_equal(peek(other), 1);
	assert_true(ntmm_native_set_commit_limit(0));
	assert_non_null(VirtualAlloc(view, 12 * PAGE, MEM_COMMIT, PAGE_WRITECOPY));
	poke(view + PAGE, 77);
	assert_int_equal(peek(other + PAGE), 19);
	assert_succeeds(UnmapViewOfFile(view));
	assert_succeeds(UnmapViewOfFile(other));
	assert_succeeds(CloseHandle(section));
}

static void test_below_what_there_is(void **state)
{
	(void)state;
	char *base = VirtualAlloc(NULL, 16 * MB, RC, PAGE_READWRITE);
	assert_non_null(base);
	assert_true(ntmm_native_set_commit_limit(MB));
	assert_fails(VirtualAlloc(NULL, PAGE, RC, PAGE_READWRITE), ERROR_COMMITMENT_LIMIT);
	assert_int_equal(memory().ullAvailPageFile, 0);
	base[16 * MB - 1] = 1; /* what is committed stays so */
	assert_succeeds(VirtualFree(base, 0, MEM_RELEASE));
}

#define limit_test(test) cmocka_unit_test_teardown(test, restore)

int main(void)
{
	const struct CMUnitTest tests[] = {
		limit_test(test_limit),
		limit_test(test_reserving_is_free),
		limit_test(test_sections),
		limit_test(test_growing_sections),
		limit_test(test_below_what_there_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
