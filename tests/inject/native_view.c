/* SPDX-License-Identifier: MIT */
#include "native_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include <ntmm/file.h>

/* ---- sections -------------------------------------------------------------------------------- */

bool create(struct stage *s, uint32_t protect)
{
	s->section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, protect, 0, BYTES, NULL);
	return s->section;
}

static void show_beside(struct stage *s)
{
	s->other = MapViewOfFile(s->section, FILE_MAP_WRITE, 0, 0, 0);
	assert_non_null(s->other);
}

void with_section(struct stage *s)
{
	assert_true(create(s, RW));
	show_beside(s);
}

void with_growing(struct stage *s)
{
	assert_true(create(s, RW | SEC_RESERVE));
	show_beside(s);
}

void with_file(struct stage *s)
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
	show_beside(s);
}

void close_section(struct stage *s)
{
	if (s->other)
		assert_true(UnmapViewOfFile(s->other));
	assert_true(CloseHandle(s->section));
}

void close_file(struct stage *s)
{
	close_section(s);
	assert_true(CloseHandle(s->file));
}

/* ---- views ----------------------------------------------------------------------------------- */

bool show(struct stage *s, uint32_t access)
{
	return MapViewOfFileEx(s->section, access, 0, 0, 0, at_page(s, 0));
}

void mapped(struct stage *s)
{
	with_section(s);
	assert_true(show(s, FILE_MAP_WRITE));
	fill(s, 0, PLACE_PAGES);
}

void copied(struct stage *s)
{
	mapped(s);
	assert_true(UnmapViewOfFile(at_page(s, 0)));
	assert_true(show(s, FILE_MAP_COPY));
	fill(s, 3, 4);
	fill(s, 20, 1);
	protect(s, 30, 10, RO);
}

void growing(struct stage *s)
{
	with_growing(s);
	assert_true(show(s, FILE_MAP_WRITE));
	allocate(s, 4, 8, MEM_COMMIT, RW);
	fill(s, 4, 8);
}

void of_file(struct stage *s)
{
	with_file(s);
	assert_true(show(s, FILE_MAP_WRITE));
	fill(s, 0, 4);
}
