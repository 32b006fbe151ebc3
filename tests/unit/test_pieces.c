/* SPDX-License-Identifier: MIT
 *
 * Pieces of a view of an image (IM-5 to IM-7, IM-10, IM-14, VQ-16), and reading them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"
#include "image_file.h"

#define BASE 0x400000

static uint8_t pattern[0x3000];

static int fill_pattern(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < sizeof pattern; i++)
		pattern[i] = (uint8_t)(1 + i % 251); /* no zero in it */
	return 0;
}

/* The pieces follow each other from page 0 to the last. */
static void check_cover(const struct image *image)
{
	uint32_t next = 0;
	for (uint32_t i = 0; i < image->pieces; i++) {
		const struct image_piece *p = &image->piece[i];
		assert_int_equal(p->first_page, next);
		assert_true(p->pages);
		assert_true(p->file_bytes <= p->pages * PAGE_BYTES);
		assert_true(p->file_offset + p->file_bytes <= image->file_bytes);
		for (uint32_t page = 0; page < p->pages; page++)
			assert_ptr_equal(image_piece_at(image, next + page), p);
		next += p->pages;
	}
	assert_int_equal(next, image->pages);
}

static const struct image_piece *the_piece(const struct image *image, uint32_t number)
{
	check_cover(image);
	assert_true(number < image->pieces);
	return &image->piece[number];
}

static void protections(void **unused)
{
	static const struct {
		uint32_t characteristics;
		prot_t protection;
	} table[] = {
		{0, PROT_NOACCESS},
		{PE_SHARED, PROT_NOACCESS},
		{PE_EXECUTE, PROT_EXECUTE},
		{PE_SHARED | PE_EXECUTE, PROT_EXECUTE},
		{PE_READ, PROT_READONLY},
		{PE_SHARED | PE_READ, PROT_READONLY},
		{PE_READ | PE_EXECUTE, PROT_EXECUTE_READ},
		{PE_SHARED | PE_READ | PE_EXECUTE, PROT_EXECUTE_READ},
		{PE_WRITE, PROT_WRITECOPY},
		{PE_READ | PE_WRITE, PROT_WRITECOPY},
		{PE_WRITE | PE_EXECUTE, PROT_EXECUTE_WRITECOPY},
		{PE_READ | PE_WRITE | PE_EXECUTE, PROT_EXECUTE_WRITECOPY},
		{PE_SHARED | PE_WRITE, PROT_READWRITE},
		{PE_SHARED | PE_READ | PE_WRITE, PROT_READWRITE},
		{PE_SHARED | PE_WRITE | PE_EXECUTE, PROT_EXECUTE_READWRITE},
		{PE_SHARED | PE_READ | PE_WRITE | PE_EXECUTE, PROT_EXECUTE_READWRITE},
	};
	struct pe *pe = pe_new(PE_64, BASE);
	struct image_file file;
	unsigned count = sizeof table / sizeof *table, charged = 0;
	(void)unused;
	for (unsigned i = 0; i < count; i++)
		pe_section(pe, "x", pattern, 16, 0x1001, table[i].characteristics | 0x20);
	struct image *image = image_of(pe, &file);
	assert_int_equal(the_piece(image, 0)->protection, PROT_READONLY); /* IM-5 */
	assert_int_equal(image->piece[0].file_bytes, 0x600);
	assert_int_equal(image->pieces, 1 + count);
	for (unsigned i = 0; i < count; i++) {
		const struct image_piece *p = &image->piece[1 + i];
		bool is_writable = table[i].characteristics & PE_WRITE;
		bool is_shared = table[i].characteristics & PE_SHARED;
		assert_int_equal(p->protection, table[i].protection);
		assert_int_equal(p->pages, 2);
		assert_int_equal(p->is_writable, is_writable);
		assert_int_equal(p->is_shared, is_shared);
		assert_false(p->is_gap);
		charged += is_writable && !is_shared ? 2 : 0;
	}
	assert_int_equal(image_commit_pages(image), charged); /* IM-14 */
	assert_int_equal(charged, 8);
	image_free(image);
	pe_free(pe);
}

static void all_of_it(const struct image *image, struct image_file *file, uint8_t *to)
{
	assert_int_equal(image_read(image, &file->source, 0, to, image->pages * PAGE_BYTES), 0);
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
	while (count && !*bytes)
		bytes++, count--;
	return !count;
}

/* IM-6: pages by the larger size, zero behind raw data; raw data beyond VirtualSize is there. */
static void sizes_in_memory_and_in_the_file(void **unused)
{
	struct pe *pe = pe_new(PE_32, BASE);
	struct image_file file;
	uint8_t view[10 * 4096];
	(void)unused;
	pe_section(pe, "larger", pattern, 0x200, 0x2800, PE_DATA);   /* 1-3 */
	pe_section(pe, "smaller", pattern, 0x1200, 0x10, PE_READ);   /* 4-5 */
	pe_section(pe, "bss", NULL, 0, 0x1000, PE_DATA);             /* 6 */
	pe_section(pe, "no size", pattern, 0x400, 0, PE_READ);       /* 7: VirtualSize 0 */
	pe_section(pe, "nothing", NULL, 0, 0, PE_READ);              /* no pages */
	struct image *image = image_of(pe, &file);
	assert_int_equal(image->pages, 8);
	assert_int_equal(image->pieces, 5);
	assert_int_equal(the_piece(image, 1)->pages, 3);
	assert_int_equal(image->piece[1].file_bytes, 0x200);
	assert_int_equal(image->piece[2].pages, 2);
	assert_int_equal(image->piece[2].file_bytes, 0x1200);
	assert_int_equal(image->piece[3].file_bytes, 0);
	assert_int_equal(image->piece[3].file_offset, 0);
	assert_int_equal(image->piece[4].pages, 1);
	all_of_it(image, &file, view);
	assert_memory_equal(view, pe->bytes, 0x600);
	assert_true(is_zero(view + 0x600, 0xA00)); /* what follows in the file is not seen */
	assert_memory_equal(view + 0x1000, pattern, 0x200);
	assert_true(is_zero(view + 0x1200, 0x2E00));
	assert_memory_equal(view + 0x4000, pattern, 0x1200);
	assert_true(is_zero(view + 0x5200, 0x1E00));
	assert_memory_equal(view + 0x7000, pattern, 0x400);
	image_free(image);
	pe_free(pe);
}

/* Raw data that would reach into the next section, or out of the image, gives way. */
static void raw_data_gives_way(void **unused)
{
	struct pe *pe = pe_new(PE_32, BASE);
	struct image_file file;
	(void)unused;
	pe_section(pe, "a", pattern, 0x2200, 0x10, PE_READ); /* 1-3 */
	pe_section(pe, "b", pattern, 0x2200, 0x1010, PE_READ); /* 4-6 */
	pe_set(pe, pe_row(pe, 1) + PE_ROW_RVA, 4, 0x2000);
	pe_set(pe, PE_IMAGE_BYTES, 4, 0x4000);
	struct image *image = image_of(pe, &file);
	assert_int_equal(the_piece(image, 1)->pages, 1);
	assert_int_equal(image->piece[1].file_bytes, 0x1000);
	assert_int_equal(image->piece[2].first_page, 2);
	assert_int_equal(image->piece[2].pages, 2);
	assert_int_equal(image->piece[2].file_bytes, 0x2000);
	image_free(image);
	pe_set(pe, PE_IMAGE_BYTES, 4, 0x3000); /* VirtualSize does not */
	assert_int_equal(image_status(pe), STATUS_INVALID_IMAGE_FORMAT);
	pe_free(pe);
}

/* VQ-16: what an alignment above a page leaves between sections, and SizeOfImage behind them. */
static void gaps(void **unused)
{
	struct pe *pe = pe_new(PE_64, BASE);
	struct image_file file;
	uint8_t view[16 * 4096];
	(void)unused;
	pe_section(pe, "a", pattern, 0x200, 0x1800, PE_READ);
	pe_section(pe, "b", pattern, 0x200, 0x200, PE_DATA);
	pe_set(pe, PE_SECTION_ALIGNMENT, 4, 0x4000);
	pe_set(pe, pe_row(pe, 0) + PE_ROW_RVA, 4, 0x4000);
	pe_set(pe, pe_row(pe, 1) + PE_ROW_RVA, 4, 0x8000);
	pe_set(pe, PE_IMAGE_BYTES, 4, 0xFFFF);
	struct image *image = image_of(pe, &file);
	static const struct {
		uint32_t first, pages;
		bool is_gap;
	} want[] = {{0, 1, false}, {1, 3, true},  {4, 2, false},
	            {6, 2, true},  {8, 1, false}, {9, 7, true}};
	assert_int_equal(image->pages, 16);
	assert_int_equal(image->pieces, 6);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(the_piece(image, i)->first_page, want[i].first);
		assert_int_equal(image->piece[i].pages, want[i].pages);
		assert_int_equal(image->piece[i].is_gap, want[i].is_gap);
	}
	assert_int_equal(image_commit_pages(image), 1);
	memset(view, 0xEE, sizeof view);
	all_of_it(image, &file, view);
	assert_true(is_zero(view + 0x1000, 0x3000));
	assert_memory_equal(view + 0x8000, pattern, 0x200);
	image_free(image);
	pe_free(pe);
}

static void refused_row(unsigned row, unsigned field, uint32_t value)
{
	struct pe *pe = pe_new(PE_64, BASE);
	pe_section(pe, "a", pattern, 0x200, 0x1800, PE_READ); /* 1-2 */
	pe_section(pe, "b", pattern, 0x200, 0x1800, PE_READ); /* 3-4 */
	assert_int_equal(image_status(pe), STATUS_SUCCESS);
	pe_set(pe, pe_row(pe, row) + field, 4, value);
	if (image_status(pe) != STATUS_INVALID_IMAGE_FORMAT)
		fail_msg("row %u field %u 0x%x: not refused", row, field, value);
	pe_free(pe);
}

static void rows_that_are_wrong(void **unused)
{
	(void)unused;
	refused_row(0, PE_ROW_RVA, 0);      /* over the headers */
	refused_row(0, PE_ROW_RVA, 0x1200); /* not aligned */
	refused_row(0, PE_ROW_RVA, 0x2000); /* over the next */
	refused_row(0, PE_ROW_RVA, 0x5000); /* behind the next */
	refused_row(0, PE_ROW_RVA, 0xFFFFF000);
	refused_row(1, PE_ROW_RVA, 0x2000);
	refused_row(1, PE_ROW_RVA, 0x4000); /* leaves the image */
	refused_row(0, PE_ROW_VIRTUAL_BYTES, 0x2001);
	refused_row(1, PE_ROW_VIRTUAL_BYTES, 0x2001);
	refused_row(1, PE_ROW_VIRTUAL_BYTES, 0xFFFFFFFF);
	refused_row(1, PE_ROW_RAW_BYTES, 0x201); /* leaves the file */
	refused_row(1, PE_ROW_RAW_BYTES, 0xFFFFFFFF);
	refused_row(0, PE_ROW_RAW_OFFSET, 0xFFFFFE00);
}

/* PointerToRawData is rounded down to a sector. */
static void raw_data_begins_on_a_sector(void **unused)
{
	struct pe *pe = pe_new(PE_64, BASE);
	struct image_file file;
	(void)unused;
	pe_section(pe, "a", pattern, 0x200, 0x200, PE_READ);
	pe_set(pe, pe_row(pe, 0) + PE_ROW_RAW_OFFSET, 4, 0x610);
	struct image *image = image_of(pe, &file);
	assert_int_equal(the_piece(image, 1)->file_offset, 0x600);
	image_free(image);
	pe_free(pe);
}

static struct pe *with_alignment(uint32_t section, uint32_t alignment)
{
	struct pe *pe = pe_new(PE_32, BASE);
	pe_section(pe, "a", pattern, 0x200, 0x180, PE_READ);
	pe_set(pe, PE_SECTION_ALIGNMENT, 4, section);
	pe_set(pe, PE_FILE_ALIGNMENT, 4, alignment);
	pe_set(pe, pe_row(pe, 0) + PE_ROW_RVA, 4, 0x600); /* where it is in the file */
	pe_set(pe, PE_IMAGE_BYTES, 4, 0x2100);
	return pe;
}

/* IM-7. */
static void flat_images(void **unused)
{
	uint8_t view[3 * 4096];
	struct image_file file;
	(void)unused;
	for (uint32_t unit = 1; unit < 4096; unit *= 2) {
		struct pe *pe = with_alignment(unit, unit);
		struct image *image = image_of(pe, &file);
		assert_int_equal(image->pieces, 1);
		assert_int_equal(the_piece(image, 0)->protection, PROT_EXECUTE_WRITECOPY);
		assert_true(image->has_code);
		assert_int_equal(image->pages, 3);
		assert_int_equal(image_commit_pages(image), 3);
		all_of_it(image, &file, view);
		assert_memory_equal(view, pe->bytes, pe->size);
		assert_true(is_zero(view + pe->size, sizeof view - pe->size));
		image_free(image);
		pe_free(pe);
	}
}

static void flat_images_that_are_wrong(void **unused)
{
	(void)unused;
	struct pe *pe = with_alignment(0x400, 0x200); /* they must be equal */
	assert_int_equal(image_status(pe), STATUS_INVALID_IMAGE_FORMAT);
	pe_free(pe);
	static const struct {
		unsigned field;
		uint32_t value;
	} wrong[] = {
		{PE_ROW_RVA, 0x400}, /* lies elsewhere in the file */
		{PE_ROW_RAW_BYTES, 0x201},       {PE_ROW_VIRTUAL_BYTES, 0x1B01},
		{PE_ROW_VIRTUAL_BYTES, 0xFFFFFFFF},
	};
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		pe = with_alignment(0x200, 0x200);
		assert_int_equal(image_status(pe), STATUS_SUCCESS);
		pe_set(pe, pe_row(pe, 0) + wrong[i].field, 4, wrong[i].value);
		assert_int_equal(image_status(pe), STATUS_INVALID_IMAGE_FORMAT);
		pe_free(pe);
	}
}

/* As many sections as there may be, each with a gap behind it. */
static void the_most_sections(void **unused)
{
	struct pe *pe = pe_new(PE_32, BASE);
	struct image_file file;
	unsigned rows = IMAGE_SECTIONS_MOST;
	(void)unused;
	pe_section(pe, "a", pattern, sizeof pattern, sizeof pattern, PE_READ); /* room for rows */
	for (unsigned i = 0; i < rows; i++) {
		memcpy(pe->bytes + pe_row(pe, i), pe->bytes + pe_row(pe, 0), 40);
		pe_set(pe, pe_row(pe, i) + PE_ROW_RAW_BYTES, 4, 0x200);
		pe_set(pe, pe_row(pe, i) + PE_ROW_VIRTUAL_BYTES, 4, 0x200);
		pe_set(pe, pe_row(pe, i) + PE_ROW_RVA, 4, 0x2000 + i * 0x2000);
	}
	pe_set(pe, PE_SECTIONS, 2, rows);
	pe_set(pe, PE_IMAGE_BYTES, 4, 0x2000 + rows * 0x2000);
	struct image *image = image_of(pe, &file);
	assert_int_equal(image->pieces, 2 * rows + 2);
	check_cover(image);
	image_free(image);
	pe_free(pe);
}

static void an_image_of_headers_alone(void **unused)
{
	struct pe *pe = pe_new(PE_64, BASE);
	struct image_file file;
	struct image *image = image_of(pe, &file);
	(void)unused;
	assert_int_equal(image->pages, 1);
	assert_int_equal(image->pieces, 1);
	assert_false(image->has_code);
	check_cover(image);
	image_free(image);
	pe_free(pe);
}

/* Any part reads as the whole does; a read that fails is told. */
static void parts_of_a_view(void **unused)
{
	struct pe *pe = pe_new(PE_64, BASE);
	struct image_file file;
	uint8_t view[6 * 4096], part[6 * 4096];
	(void)unused;
	pe_section(pe, "a", pattern, 0x1100, 0x1800, PE_READ);
	pe_section(pe, "b", pattern, 0x2F00, 0x2F00, PE_DATA);
	struct image *image = image_of(pe, &file);
	all_of_it(image, &file, view);
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t rva = i * 7919 % sizeof view;
		uint32_t bytes = i * 104729 % (sizeof view - rva + 1);
		memset(part, 0xEE, sizeof part);
		assert_int_equal(image_read(image, &file.source, rva, part, bytes), 0);
		assert_memory_equal(part, view + rva, bytes);
		assert_int_equal(part[bytes < sizeof part ? bytes : 0],
		                 bytes < sizeof part ? 0xEE : view[rva]);
	}
	file.fails_at = file.reads + 2;
	assert_int_not_equal(image_read(image, &file.source, 0, part, sizeof part), 0);
	image_free(image);
	pe_free(pe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protections),
		cmocka_unit_test(sizes_in_memory_and_in_the_file),
		cmocka_unit_test(raw_data_gives_way),
		cmocka_unit_test(gaps),
		cmocka_unit_test(rows_that_are_wrong),
		cmocka_unit_test(raw_data_begins_on_a_sector),
		cmocka_unit_test(flat_images),
		cmocka_unit_test(flat_images_that_are_wrong),
		cmocka_unit_test(the_most_sections),
		cmocka_unit_test(an_image_of_headers_alone),
		cmocka_unit_test(parts_of_a_view),
	};
	return cmocka_run_group_tests(tests, fill_pattern, NULL);
}
