/* SPDX-License-Identifier: MIT
 *
 * A data file and an image are mapped, used, flushed and given up, each time with another request to the
 * host that fails: the calls fail cleanly, nothing is kept, and no page of the file is half written.
 * And memory that is full of pages that cannot be written.
 */
#include <errno.h>

#include "support/pe.h"
#include "view.h"

/* ---- one request after another --------------------------------------------------------------- */

#define MARK 0xA5

/* A store to each page of a view that grows the file. */
static void use_data(struct shown *s)
{
	LARGE_INTEGER bytes = {.QuadPart = (FILE_PAGES + 4) * PAGE};
	HANDLE section = CreateFileMappingA(s->file, NULL, PAGE_READWRITE, 0, bytes.LowPart, NULL);
	if (!section)
		return;
	char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	for (unsigned page = 0; view && page < FILE_PAGES + 4; page++)
		for (unsigned at = 0; at < PAGE; at += PAGE / 2)
			ntmm_store8(s->place.thread, address_in(view) + page * PAGE + at, MARK);
	if (view)
		FlushViewOfFile(view, 0);
	if (view)
		assert_true(UnmapViewOfFile(view));
	CloseHandle(section);
}

/* Two views of an image, so that one of them is relocated; a page is copied. */
static void use_image(struct shown *s)
{
	uint8_t code[2 * PAGE] = {1, 2, 3};
	struct pe *pe = pe_new(PE_32, 0x10000000);
	HANDLE file, section;
	uint32_t text = pe_section(pe, ".text", code, sizeof code, sizeof code, PE_CODE);
	pe_section(pe, ".data", code, sizeof code, sizeof code, PE_DATA);
	pe_relocations(pe, (struct pe_fixup[]){{text + 4, PE_HIGHLOW, 0}}, 1);
	int fd = pe_open(pe);
	pe_free(pe);
	if (!ntmm_file_from_fd(fd, GENERIC_READ, &file)) {
		section = CreateFileMappingA(file, NULL, PAGE_READONLY | SEC_IMAGE, 0, 0, NULL);
		for (int n = 0; section && n < 2; n++) {
			char *view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
			uint8_t byte;
			if (!view)
				continue;
			if (ntmm_load8(s->place.thread, address_in(view) + text, &byte))
				assert_int_equal(byte, 1);
			ntmm_store8(s->place.thread, address_in(view) + text + 2 * PAGE, MARK);
		}
		if (section)
			CloseHandle(section);
		CloseHandle(file);
	}
	close(fd);
}

static void check_file(const struct shown *s)
{
	for (unsigned page = 0; page < FILE_PAGES; page++) {
		uint8_t first = in_file(s, page * PAGE), second = in_file(s, page * PAGE + PAGE / 2);
		assert_true(first == 0 || first == MARK);
		if (!order.partly)
			assert_int_equal(first, second);
	}
}

static void each(void (*use)(struct shown *s), unsigned kinds, bool partly)
{
	uint64_t failures = 1;
	for (uint64_t number = 1; failures; number++) {
		struct holdings before = holdings;
		struct shown *s = shown_begin(1 << 20, 1 << 20);
		refuse(kinds, EIO, number, number);
		order.partly = partly;
		use(s);
		failures = order.failures;
		order.off = true;
		assert_true(ntmm_machine_check(s->place.machine));
		shown_leave(s);
		ntmm_machine_write_modified(s->place.machine, 0);
		ntmm_machine_counters c = counters_of(&s->place);
		assert_int_equal(c.commit_total + c.active + c.modified + c.unwritten + c.stranded, 0);
		check_file(s);
		if (!failures && use == use_data)
			assert_int_equal(in_file(s, (FILE_PAGES + 3) * PAGE), MARK);
		shown_end(s);
		assert_memory_equal(&holdings, &before, sizeof before);
		assert_true(number < 1000);
	}
}

/* What the library makes once, and keeps: the table of handles. */
static int warm_up(void **unused)
{
	struct shown *s = shown_begin(1 << 20, 0);
	(void)unused;
	shown_leave(s);
	shown_end(s);
	return 0;
}

static void nth(void **unused)
{
	static const unsigned kinds[] = {ALLOC | MAP, FILE_READ,  FILE_WRITE,
	                                 FILE_FACTS,  FILE_SIZE | FILE_OPEN};
	(void)unused;
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		each(use_data, kinds[i], false);
		each(use_image, kinds[i], false);
	}
	each(use_data, FILE_READ | FILE_WRITE, true);
}

/* ---- memory full of them --------------------------------------------------------------------- */

#define MANY 400 /* pages, of which 256 would fit */

static char *show_many(struct shown *s)
{
	assert_int_equal(ftruncate(s->fd, MANY * PAGE), 0);
	return show(s);
}

/* Stores until one fails; how many did not. */
static unsigned store_all(struct shown *s, const char *view)
{
	for (unsigned page = 0; page < MANY; page++)
		if (!ntmm_store8(s->place.thread, address_in(view) + page * PAGE, MARK))
			return page;
	return MANY;
}

/* PG-45: the access fails; once the disk has room it does not. */
static void full(void **unused)
{
	struct shown *s = shown_begin(1 << 20, 0);
	(void)unused;
	char *view = show_many(s);
	refuse_writes(ENOSPC);
	unsigned done = store_all(s, view);
	assert_in_range(done, 100, 256);
	assert_int_equal(ntmm_thread_exception(s->place.thread)->ExceptionCode,
	                 (DWORD)STATUS_IN_PAGE_ERROR);
	assert_in_range(counters_of(&s->place).unwritten, 1, done);
	for (unsigned page = 0; page < done; page++)
		assert_int_equal(load_at(&s->place, view + page * PAGE), MARK);
	order.off = true;
	assert_int_equal(store_all(s, view), MANY);
	assert_true(FlushViewOfFile(view, 0));
	for (unsigned page = 0; page < MANY; page++)
		assert_int_equal(in_file(s, page * PAGE), MARK);
	assert_int_equal(counters_of(&s->place).unwritten, 0);
	assert_true(ntmm_machine_check(s->place.machine));
	shown_leave(s);
	shown_end(s);
}

/* Private pages that have nowhere to go, in front of those of a file that have. */
static void no_paging_file(void **unused)
{
	struct shown *s = shown_begin(1 << 20, 0);
	(void)unused;
	char *view = show_many(s), *own = must_commit(60 * PAGE, PAGE_READWRITE);
	for (unsigned page = 0; page < 60; page++)
		store_at(&s->place, own + page * PAGE, 7);
	assert_true(EmptyWorkingSet(s->place.process));
	assert_int_equal(store_all(s, view), MANY);
	for (unsigned page = 0; page < 60; page++)
		assert_int_equal(load_at(&s->place, own + page * PAGE), 7);
	shown_leave(s);
	shown_end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nth),
		cmocka_unit_test(full),
		cmocka_unit_test(no_paging_file),
	};
	return cmocka_run_group_tests(tests, warm_up, NULL);
}
