/* SPDX-License-Identifier: MIT
 *
 * A data file, a machine and a process that shows it, for tests of what the host refuses.
 */
#ifndef TESTS_INJECT_VIEW_H
#define TESTS_INJECT_VIEW_H

#include <stdio.h>
#include <unistd.h>

#include <ntmm/file.h>
#include <ntmm/ntapi.h>

#include "api/place.h"
#include "wrapped.h"

#define FILE_PAGES 24

struct shown {
	struct place place;
	int fd;
	HANDLE file;
	uint64_t errors, error_pages; /* events; a bit for each page of the file */
};

static inline uint8_t in_file(const struct shown *s, uint64_t at)
{
	uint8_t byte = 0;
	assert_int_equal(pread(s->fd, &byte, 1, (off_t)at), 1);
	return byte;
}

static inline void observe(void *context, const ntmm_event *event)
{
	struct shown *s = context;
	if (event->kind != NTMM_EVENT_WRITE_ERROR)
		return;
	s->errors++;
	s->error_pages |= UINT64_C(1) << (event->address / PAGE & 63);
}

static inline struct shown *shown_begin(uint64_t ram, uint64_t paging_file)
{
	struct shown *s = calloc(1, sizeof *s);
	char name[] = "/tmp/ntmm-inject-XXXXXX";
	order.off = true;
	s->fd = mkstemp(name);
	unlink(name);
	assert_int_equal(ftruncate(s->fd, FILE_PAGES * PAGE), 0);
	assert_int_equal(ntmm_file_from_fd(s->fd, GENERIC_READ | GENERIC_WRITE, &s->file), 0);
	s->place.machine = place_machine(ram, paging_file);
	assert_int_equal(ntmm_machine_observe(s->place.machine, observe, s), 0);
	place_enter(&s->place, NTMM_LAYOUT_NT32_2GB);
	return s;
}

/* The process ends; then the machine. */
static inline void shown_leave(struct shown *s)
{
	place_leave(&s->place);
	CloseHandle(s->file);
}

static inline void shown_end(struct shown *s)
{
	ntmm_machine_destroy(s->place.machine);
	order.off = true;
	close(s->fd);
	free(s);
}

/* A view of all of the file, to be written; no handle of the section is left. */
static inline char *show(const struct shown *s)
{
	HANDLE section = CreateFileMappingA(s->file, NULL, PAGE_READWRITE, 0, 0, NULL);
	assert_non_null(section);
	char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	assert_non_null(view);
	assert_true(CloseHandle(section));
	return view;
}

/* The requests of `kinds` with the numbers from first to last fail from now on. */
static inline void refuse(unsigned kinds, int error, uint64_t first, uint64_t last)
{
	order = (struct order){.kinds = kinds, .first = first, .last = last, .error = error};
}

static inline void refuse_writes(int error)
{
	refuse(FILE_WRITE, error, 1, UINT64_MAX);
}

#endif
