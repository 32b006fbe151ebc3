/* SPDX-License-Identifier: MIT
 *
 * Files that cannot be written or read while they are mapped: nothing is lost as long as the machine
 * lives, and everybody is told (FV-1, UV-3, MV-20, PG-45).
 */
#include <errno.h>

#include "view.h"

static int setup(void **state)
{
	*state = shown_begin(1 << 20, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	struct shown *s = *state;
	order.off = true;
	assert_true(ntmm_machine_check(s->place.machine));
	shown_leave(s);
	shown_end(s);
	return 0;
}

static ntmm_machine_counters counters(const struct shown *s)
{
	return counters_of(&s->place);
}

/* FV-1: the flush tells; the pages stay, and are written by the next one. */
static void flushes(void **state)
{
	struct shown *s = *state;
	static const struct {
		int error;
		DWORD expected;
	} cases[] = {{ENOSPC, ERROR_DISK_FULL}, {EIO, ERROR_IO_DEVICE}, {EDQUOT, ERROR_DISK_FULL}};
	char *view = show(s);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t before = counters(s).write_errors;
		s->errors = s->error_pages = 0;
		for (unsigned page = 2; page < 5; page++)
			store_at(&s->place, view + page * PAGE + 7, (uint8_t)(10 * i + page));
		refuse_writes(cases[i].error);
		order.partly = i == 1;
		assert_fails(FlushViewOfFile(view, 0), cases[i].expected);
		order.off = true;
		assert_int_equal(counters(s).unwritten, 3);
		assert_int_equal(counters(s).stranded, 0);
		assert_int_equal(counters(s).write_errors, before + 1);
		assert_int_equal(s->errors, 3);
		assert_int_equal(s->error_pages, 1 << 2 | 1 << 3 | 1 << 4);
		assert_int_equal(load_at(&s->place, view + 3 * PAGE + 7), 10 * i + 3);
		assert_succeeds(FlushViewOfFile(view, 0));
		assert_int_equal(counters(s).unwritten, 0);
		for (unsigned page = 2; page < 5; page++)
			assert_int_equal(in_file(s, page * PAGE + 7), 10 * i + page);
	}
}

/* One transfer of several fails: the others are made, and the error is told. */
static void one_of_several(void **state)
{
	struct shown *s = *state;
	char *view = show(s);
	for (unsigned page = 0; page < FILE_PAGES; page += 2)
		store_at(&s->place, view + page * PAGE, (uint8_t)(page + 1));
	refuse(FILE_WRITE, EIO, 3, 3);
	assert_fails(FlushViewOfFile(view, 0), ERROR_IO_DEVICE);
	order.off = true;
	assert_int_equal(counters(s).unwritten, 1);
	for (unsigned page = 0; page < FILE_PAGES; page += 2)
		assert_int_equal(in_file(s, page * PAGE), page == 4 ? 0 : page + 1);
	assert_true(ntmm_machine_write_modified(s->place.machine, 0) == 0); /* retries first */
	assert_int_equal(counters(s).unwritten, 0);
	assert_int_equal(in_file(s, 4 * PAGE), 5);
}

/* The last view goes: it succeeds, the message tells, the pages are kept and found again. */
static void unmaps(void **state)
{
	struct shown *s = *state;
	char *view = show(s);
	store_at(&s->place, view + PAGE, 77);
	store_at(&s->place, view + 9 * PAGE, 78);
	refuse_writes(ENOSPC);
	assert_succeeds(UnmapViewOfFile(view));
	assert_string_equal(ntmm_error_message(),
	                    "2 pages of a file could not be written to it; they are kept");
	assert_int_equal(counters(s).unwritten, 2);
	assert_int_equal(counters(s).stranded, 1);
	assert_int_equal(s->error_pages, 1 << 1 | 1 << 9);
	view = show(s); /* SC-14: still the same pages */
	assert_int_equal(load_at(&s->place, view + PAGE), 77);
	store_at(&s->place, view + 2 * PAGE, 79);
	order.off = true;
	assert_succeeds(UnmapViewOfFile(view));
	assert_string_equal(ntmm_error_message(), "");
	ntmm_machine_balance(s->place.machine, 0);
	assert_int_equal(counters(s).stranded + counters(s).unwritten, 0);
	assert_int_equal(in_file(s, PAGE), 77);
	assert_int_equal(in_file(s, 9 * PAGE), 78);
	assert_int_equal(in_file(s, 2 * PAGE), 79);
}

/* Closing the last handle after the view tells as well; so does the end of a process. */
static void closes(void **state)
{
	struct shown *s = *state;
	HANDLE section = CreateFileMappingA(s->file, NULL, PAGE_READWRITE, 0, 0, NULL);
	char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	store_at(&s->place, view, 5);
	refuse_writes(EIO);
	assert_succeeds(UnmapViewOfFile(view));
	assert_string_equal(ntmm_error_message(), ""); /* nothing had to be written yet */
	assert_true(CloseHandle(section));
	assert_string_equal(ntmm_error_message(),
	                    "1 pages of a file could not be written to it; they are kept");
	order.off = true;
	assert_int_equal(ntmm_machine_write_modified(s->place.machine, 0), 0);
	assert_int_equal(in_file(s, 0), 5);
	view = show(s);
	store_at(&s->place, view + PAGE, 6);
	refuse_writes(EIO);
	assert_true(TerminateProcess(s->place.process, 0));
	assert_int_equal(counters(s).stranded, 1);
	order.off = true;
	ntmm_machine_write_modified(s->place.machine, 0);
	assert_int_equal(counters(s).stranded, 0);
	assert_int_equal(in_file(s, PAGE), 6);
}

/* The end of the machine: tried once more, then lost, and said so. */
static void destroyed(void **unused)
{
	(void)unused;
	for (int fails = 0; fails < 2; fails++) {
		struct holdings before = holdings;
		struct shown *s = shown_begin(1 << 20, 1 << 20);
		char *view = show(s);
		store_at(&s->place, view + PAGE, 41);
		store_at(&s->place, view + 2 * PAGE, 42);
		refuse_writes(ENOSPC);
		shown_leave(s);
		order.off = !fails;
		s->errors = 0;
		ntmm_machine_destroy(s->place.machine);
		order.off = true;
		assert_string_equal(ntmm_error_message(),
		                    fails ? "2 pages of files could not be written to them, and are lost"
		                          : "");
		assert_int_equal(s->errors, fails ? 2 : 0);
		assert_int_equal(in_file(s, PAGE), fails ? 0 : 41);
		assert_int_equal(in_file(s, 2 * PAGE), fails ? 0 : 42);
		close(s->fd);
		free(s);
		assert_memory_equal(&holdings, &before, sizeof before);
	}
}

/* MV-20: what cannot be read raises STATUS_IN_PAGE_ERROR, and can be tried again. */
static void reads(void **state)
{
	struct shown *s = *state;
	static const unsigned kinds[] = {FILE_READ, FILE_FACTS};
	char *view = show(s);
	for (unsigned i = 0; i < 2; i++) {
		char *page = view + i * 16 * PAGE;
		refuse(kinds[i], EIO, 1, UINT64_MAX);
		assert_int_equal(load_raises(&s->place, page), STATUS_IN_PAGE_ERROR);
		const EXCEPTION_RECORD *record = ntmm_thread_exception(s->place.thread);
		assert_int_equal(record->ExceptionInformation[2], (DWORD)STATUS_IO_DEVICE_ERROR);
		order.off = true;
		assert_int_equal(load_at(&s->place, page), 0);
	}
}

#define view_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		view_test(flushes), view_test(one_of_several), view_test(unmaps),
		view_test(closes),  cmocka_unit_test(destroyed), view_test(reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
