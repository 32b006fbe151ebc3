/* SPDX-License-Identifier: MIT
 *
 * Views of data files: what is read is the file's, what is written goes there (SC-5, SC-14, SC-15, MV-7,
 * MV-19, MV-20, FV).
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <ntmm/file.h>

#include "place.h"

#define BYTES (5 * PAGE + 100)

struct filed {
	struct place place;
	int fd;
	HANDLE file;
};

static char letter(uint64_t at)
{
	return (char)('a' + at * 7 % 23 + at / PAGE);
}

static int setup(void **state)
{
	struct filed *f = calloc(1, sizeof *f);
	char name[] = "/tmp/ntmm-test-XXXXXX", bytes[BYTES];
	for (uint64_t i = 0; i < BYTES; i++)
		bytes[i] = letter(i);
	f->fd = mkstemp(name);
	unlink(name);
	assert_int_equal(write(f->fd, bytes, BYTES), BYTES);
	assert_int_equal(ntmm_file_from_fd(f->fd, GENERIC_READ | GENERIC_WRITE, &f->file), 0);
	f->place.machine = place_machine(1 << 20, 4 << 20);
	place_enter(&f->place, NTMM_LAYOUT_NT32_2GB);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct filed *f = *state;
	bool agrees = ntmm_machine_check(f->place.machine);
	if (!agrees)
		print_error("%s\n", ntmm_error_message());
	CloseHandle(f->file);
	place_leave(&f->place);
	ntmm_machine_counters c = {.size = sizeof c};
	ntmm_machine_get_counters(f->place.machine, &c);
	ntmm_machine_destroy(f->place.machine);
	close(f->fd);
	free(f);
	return agrees && !c.commit_total && !c.active && !c.modified ? 0 : -1;
}

static HANDLE section_of(struct filed *f, DWORD protect, uint64_t bytes)
{
	HANDLE section = CreateFileMappingA(f->file, NULL, protect, 0, (DWORD)bytes, NULL);
	if (!section)
		fail_msg("CreateFileMapping: error %u", GetLastError());
	return section;
}

static uint64_t view_of(HANDLE section, DWORD access)
{
	LPVOID base = MapViewOfFile(section, access, 0, 0, 0);
	if (!base)
		fail_msg("MapViewOfFile: error %u", GetLastError());
	return address_in(base);
}

static char load(struct filed *f, uint64_t address)
{
	uint8_t value = 0;
	assert_true(ntmm_load8(f->place.thread, address, &value));
	return (char)value;
}

static void store(struct filed *f, uint64_t address, char value)
{
	assert_true(ntmm_store8(f->place.thread, address, (uint8_t)value));
}

static char in_file(struct filed *f, uint64_t at)
{
	char byte = 0;
	assert_int_equal(pread(f->fd, &byte, 1, (off_t)at), 1);
	return byte;
}

static void reads(void **state)
{
	struct filed *f = *state;
	HANDLE section = section_of(f, PAGE_READONLY, 0);
	uint64_t base = view_of(section, FILE_MAP_READ);
	CloseHandle(section); /* MV-11 */
	for (uint64_t i = 0; i < BYTES; i += 13)
		assert_int_equal(load(f, base + i), letter(i));
	assert_int_equal(load(f, base + BYTES), 0); /* MV-19 */
	MEMORY_BASIC_INFORMATION info;
	VirtualQuery(at(base), &info, sizeof info);
	assert_int_equal(info.RegionSize, 6 * PAGE); /* VQ-14 */
	assert_int_equal(info.Type, MEM_MAPPED);
	assert_true(UnmapViewOfFile(at(base)));
}

/* FV-1: what is flushed is in the file, what is beyond its end is not. */
static void flushes(void **state)
{
	struct filed *f = *state;
	HANDLE section = section_of(f, PAGE_READWRITE, 0);
	uint64_t base = view_of(section, FILE_MAP_WRITE);
	store(f, base + PAGE, '!');
	store(f, base + 5 * PAGE + 50, '?');
	store(f, base + BYTES + 1, '#');
	assert_true(FlushViewOfFile(at(base + PAGE), 1));
	assert_int_equal(in_file(f, PAGE), '!');
	assert_int_equal(in_file(f, 5 * PAGE + 50), letter(5 * PAGE + 50));
	store(f, base + PAGE, '1'); /* seen again after it became clean */
	assert_true(FlushViewOfFile(at(base), 0));
	assert_int_equal(in_file(f, PAGE), '1');
	assert_int_equal(in_file(f, 5 * PAGE + 50), '?');
	assert_int_equal(lseek(f->fd, 0, SEEK_END), BYTES);
	assert_true(UnmapViewOfFile(at(base)));
	CloseHandle(section);
}

/* Nothing is lost when the view and the handle go. */
static void unmaps(void **state)
{
	struct filed *f = *state;
	HANDLE section = section_of(f, PAGE_READWRITE, 0);
	uint64_t base = view_of(section, FILE_MAP_WRITE);
	for (int i = 0; i < 5; i++)
		store(f, base + (uint64_t)i * PAGE + 9, (char)('0' + i));
	assert_true(UnmapViewOfFile(at(base)));
	CloseHandle(section);
	for (int i = 0; i < 5; i++)
		assert_int_equal(in_file(f, (uint64_t)i * PAGE + 9), '0' + i);
}

/* SC-14: two sections of one file show the same pages; a copy-on-write view leaves the file alone. */
static void coherent(void **state)
{
	struct filed *f = *state;
	HANDLE one = section_of(f, PAGE_READWRITE, 0), other = section_of(f, PAGE_WRITECOPY, PAGE);
	uint64_t a = view_of(one, FILE_MAP_WRITE), b = view_of(other, FILE_MAP_COPY);
	store(f, a + 5, '+');
	assert_int_equal(load(f, b + 5), '+');
	store(f, b + 6, '-');
	store(f, a + 5, '*');
	assert_int_equal(load(f, b + 5), '+');
	assert_int_equal(load(f, a + 6), letter(6));
	UnmapViewOfFile(at(a));
	UnmapViewOfFile(at(b));
	CloseHandle(one);
	CloseHandle(other);
	assert_int_equal(in_file(f, 5), '*');
	assert_int_equal(in_file(f, 6), letter(6));
}

/* SC-5, MV-7: sizes; SC-15: a mapped file is not cut. */
static void sizes(void **state)
{
	struct filed *f = *state;
	assert_fails(CreateFileMappingA(f->file, NULL, PAGE_READONLY, 0, BYTES + 1, NULL),
	             ERROR_NOT_ENOUGH_MEMORY);
	HANDLE section = section_of(f, PAGE_READWRITE, 7 * PAGE);
	assert_int_equal(lseek(f->fd, 0, SEEK_END), 7 * PAGE);
	assert_fails(MapViewOfFile(section, FILE_MAP_READ, 0, 0, 7 * PAGE + 1),
	             ERROR_ACCESS_DENIED);
	uint64_t base = view_of(section, FILE_MAP_WRITE);
	store(f, base + 6 * PAGE, 'z');
	SetFilePointerEx(f->file, (LARGE_INTEGER){.QuadPart = PAGE}, NULL, FILE_BEGIN);
	assert_fails(SetEndOfFile(f->file), ERROR_USER_MAPPED_FILE);
	UnmapViewOfFile(at(base));
	assert_succeeds(SetEndOfFile(f->file));
	CloseHandle(section);
	section = section_of(f, PAGE_READWRITE, 0);
	assert_fails(MapViewOfFile(section, FILE_MAP_READ, 0, 0, PAGE + 1), ERROR_ACCESS_DENIED);
	CloseHandle(section);
	assert_int_equal(ftruncate(f->fd, 0), 0);
	assert_fails(CreateFileMappingA(f->file, NULL, PAGE_READWRITE, 0, 0, NULL),
	             ERROR_FILE_INVALID);
}

/* MV-20: a file that somebody else has cut. */
static void shrunk(void **state)
{
	struct filed *f = *state;
	HANDLE section = section_of(f, PAGE_READWRITE, 0);
	uint64_t base = view_of(section, FILE_MAP_READ);
	uint8_t value;
	assert_int_equal(ftruncate(f->fd, 2 * PAGE), 0);
	assert_false(ntmm_load8(f->place.thread, base + 3 * PAGE, &value));
	const EXCEPTION_RECORD *record = ntmm_thread_exception(f->place.thread);
	assert_int_equal(record->ExceptionCode, (DWORD)STATUS_IN_PAGE_ERROR);
	assert_int_equal(record->ExceptionInformation[2], (DWORD)STATUS_END_OF_FILE);
	assert_int_equal(load(f, base + PAGE), letter(PAGE));
	UnmapViewOfFile(at(base));
	CloseHandle(section);
}

/* S12, S13: more of the file than fits is read and written through a small machine. */
static void pages(void **state)
{
	struct filed *f = *state;
	enum { PAGES = 600 };
	HANDLE section = section_of(f, PAGE_READWRITE, PAGES * PAGE);
	uint64_t base = view_of(section, FILE_MAP_WRITE);
	for (int round = 1; round < 4; round++)
		for (uint64_t i = 0; i < PAGES; i++) {
			uint64_t place = base + i * PAGE + 8 * round, value;
			assert_true(ntmm_store64(f->place.thread, place, i * 10 + round));
			assert_true(ntmm_load64(f->place.thread, place - (round > 1 ? 8 : 0), &value));
			assert_int_equal(value, i * 10 + round - (round > 1));
		}
	assert_true(FlushViewOfFile(at(base), 0));
	for (uint64_t i = 0; i < PAGES; i++) {
		uint64_t words[3];
		assert_int_equal(pread(f->fd, words, sizeof words, (off_t)(i * PAGE + 8)), 24);
		for (uint64_t round = 1; round < 4; round++)
			assert_int_equal(words[round - 1], i * 10 + round);
	}
	UnmapViewOfFile(at(base));
	CloseHandle(section);
}

/* PF-1: what is prefetched is in memory, and not in the working set. */
static void prefetched(void **state)
{
	struct filed *f = *state;
	HANDLE section = section_of(f, PAGE_READONLY, 0);
	uint64_t base = view_of(section, FILE_MAP_READ);
	WIN32_MEMORY_RANGE_ENTRY range = {at(base), BYTES};
	ntmm_process_counters before = {.size = sizeof before}, after = {.size = sizeof after};
	assert_succeeds(PrefetchVirtualMemory(f->place.process, 1, &range, 0));
	ntmm_page_info info = {.size = sizeof info};
	ntmm_process_page_info(f->place.process, base + 2 * PAGE, &info);
	assert_int_equal(info.where, NTMM_PAGE_STANDBY);
	ntmm_process_get_counters(f->place.process, &before);
	for (uint64_t i = 0; i < 6; i++)
		assert_int_equal(load(f, base + i * PAGE), letter(i * PAGE));
	ntmm_process_get_counters(f->place.process, &after);
	assert_int_equal(after.hard, before.hard);
	assert_int_equal(after.soft, before.soft + 6);
	UnmapViewOfFile(at(base));
	CloseHandle(section);
}

#define file_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		file_test(reads), file_test(flushes), file_test(unmaps), file_test(coherent),
		file_test(sizes), file_test(shrunk),  file_test(pages),
		file_test(prefetched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
