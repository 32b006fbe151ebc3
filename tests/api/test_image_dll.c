/* SPDX-License-Identifier: MIT
 *
 * Real DLLs in three processes: two at the preferred base, the third finds it taken. Every byte is
 * what the file and its fixups make it; every frame is shared or private as it must be, before and
 * after a write; also on a machine too small for all of it (IM-2, IM-3, IM-13, PG-46, S13, S30, S31,
 * S32).
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <ntmm/file.h>
#include <ntmm/ntapi.h>

#include "place.h"
#include "support/dll.h"

enum { FIRST, SECOND, MOVED, PROCESSES };

struct trio {
	const struct dll *dll;
	ntmm_machine *machine;
	struct place place[PROCESSES];
	uint64_t base[PROCESSES];
	uint8_t *expected[PROCESSES];
};

static void enter(struct trio *t)
{
	ntmm_layout layout = t->dll->wide ? NTMM_LAYOUT_NT64_128TB : NTMM_LAYOUT_NT32_2GB;
	for (int i = 0; i < PROCESSES; i++) {
		t->place[i].machine = t->machine;
		place_enter(&t->place[i], layout);
		ntmm_thread_detach();
	}
	assert_true(ntmm_thread_attach(t->place[FIRST].thread));
	assert_non_null(VirtualAllocEx(t->place[MOVED].process, at(t->dll->base), GRANULE,
	                               MEM_RESERVE, PAGE_NOACCESS));
}

static HANDLE section_of(const struct dll *dll)
{
	HANDLE file, section;
	int fd = open(dll->path, O_RDONLY);
	assert_int_equal(ntmm_file_from_fd(fd, GENERIC_READ, &file), STATUS_SUCCESS);
	section = CreateFileMappingA(file, NULL, PAGE_READONLY | SEC_IMAGE, 0, 0, NULL);
	if (!section)
		fail_msg("%s: error %u", dll->path, GetLastError());
	CloseHandle(file);
	close(fd);
	return section;
}

static void map(struct trio *t)
{
	HANDLE section = section_of(t->dll);
	for (int i = 0; i < PROCESSES; i++) {
		uint64_t size = 0;
		assert_int_equal(NtMapViewOfSection(section, t->place[i].process, &t->base[i], 0, 0,
		                                    NULL, &size, ViewShare, 0, PAGE_READONLY),
		                 i == MOVED ? STATUS_IMAGE_NOT_AT_BASE : STATUS_SUCCESS);
		assert_int_equal(size, (uint64_t)t->dll->pages * PAGE);
		assert_int_equal(t->base[i] == t->dll->base, i != MOVED);
		t->expected[i] = dll_moved(t->dll, t->base[i]);
	}
	CloseHandle(section);
}

static void check_bytes(const struct trio *t, int who, uint32_t page)
{
	uint8_t bytes[PAGE];
	SIZE_T done;
	uint64_t address = t->base[who] + (uint64_t)page * PAGE;
	assert_true(ReadProcessMemory(t->place[who].process, at(address), bytes, PAGE, &done));
	if (memcmp(bytes, t->expected[who] + (size_t)page * PAGE, PAGE))
		fail_msg("%s: page %u of process %d", t->dll->path, page, who);
}

static void touch(const struct trio *t, uint32_t page)
{
	for (int i = 0; i < PROCESSES; i++)
		load_at(&t->place[i], at(t->base[i] + (uint64_t)page * PAGE));
}

static ntmm_page_info info_of(const struct trio *t, int who, uint32_t page)
{
	ntmm_page_info info = {.size = sizeof info};
	assert_int_equal(ntmm_process_page_info(t->place[who].process,
	                                        t->base[who] + (uint64_t)page * PAGE, &info),
	                 STATUS_SUCCESS);
	assert_int_equal(info.where, NTMM_PAGE_ACTIVE);
	return info;
}

/* `own`: processes that have written the page. */
static void check_frames(const struct trio *t, uint32_t page, unsigned own)
{
	ntmm_page_info info[PROCESSES];
	touch(t, page);
	for (int i = 0; i < PROCESSES; i++)
		info[i] = info_of(t, i, page);
	if (t->dll->moved[page])
		own |= 1 << MOVED;
	for (int i = 0; i < PROCESSES; i++) {
		if (!(own & 1 << i))
			assert_int_equal(info[i].slot, 0); /* PG-46 */
		for (int j = 0; j < i; j++)
			assert_int_equal(info[i].frame == info[j].frame, !(own & (1 << i | 1 << j)));
	}
}

static void check_all(const struct trio *t, uint32_t written)
{
	for (uint32_t page = 0; page < t->dll->pages; page++) {
		if (!t->dll->backed[page])
			continue;
		check_frames(t, page, page == written ? 1 << FIRST : 0);
		for (int i = 0; i < PROCESSES; i++)
			check_bytes(t, i, page);
	}
}

/* A page that may be written, of those that relocation changes if there is one. */
static uint32_t writable(const struct trio *t)
{
	uint32_t found = 0;
	for (uint32_t page = 0; page < t->dll->pages; page++) {
		DWORD protect = protect_at(at(t->base[FIRST] + (uint64_t)page * PAGE));
		if (protect == PAGE_WRITECOPY && (!found || t->dll->moved[page]))
			found = page;
	}
	assert_true(found);
	return found;
}

/* Private copies go to the paging file. */
static void write_out(const struct trio *t)
{
	for (int i = 0; i < PROCESSES; i++)
		assert_true(EmptyWorkingSet(t->place[i].process));
	ntmm_machine_write_modified(t->machine, UINT64_MAX);
	assert_true(counters_of(&t->place[0]).page_outs);
}

static void leave(struct trio *t)
{
	assert_true(ntmm_machine_check(t->machine));
	for (int i = 0; i < PROCESSES; i++) {
		if (i == FIRST)
			ntmm_thread_detach();
		ntmm_thread_destroy(t->place[i].thread);
		CloseHandle(t->place[i].process);
		free(t->expected[i]);
	}
	ntmm_machine_counters c = counters_of(&t->place[0]);
	assert_int_equal(c.commit_total + c.slots_used + c.active + c.standby + c.modified, 0);
	ntmm_machine_destroy(t->machine);
}

static void run(const struct dll *dll, uint64_t ram)
{
	struct trio t = {.dll = dll, .machine = place_machine(ram, 4 << 20)};
	enter(&t);
	map(&t);
	check_all(&t, UINT32_MAX);
	uint32_t page = writable(&t);
	uint64_t place = (uint64_t)page * PAGE + 0x123;
	store_at(&t.place[FIRST], at(t.base[FIRST] + place), 0xA5);
	t.expected[FIRST][place] = 0xA5;
	for (int round = 0; round < 2; round++) {
		check_all(&t, page);
		write_out(&t);
	}
	if (ram < (uint64_t)dll->pages * PAGE)
		assert_true(counters_of(&t.place[0]).page_ins > 2 * dll->pages);
	leave(&t);
}

static void run_both(const struct dll *dll)
{
	unsigned moved = 0;
	for (uint32_t page = 0; page < dll->pages; page++)
		moved += dll->moved[page];
	assert_true(moved && moved < dll->pages);
	print_message("%s: %u pages, %u relocated\n", dll->path, dll->pages, moved);
	run(dll, 8 << 20);
	run(dll, 256 << 10);
}

static void real_dlls(void **unused)
{
	(void)unused;
	if (dll_each(run_both))
		return;
	print_message("no DLLs: install mingw-w64-x86-64-dev and mingw-w64-i686-dev\n");
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_dlls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
