/* SPDX-License-Identifier: MIT
 *
 * Relocation of images, page by page (IM-3, IM-4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "image/fixups.h"
#include "image_file.h"

#define BASE UINT64_C(0x7FF600000000)
#define DATA_PAGES 4
#define DATA 0x1000u /* rva of the section that the tests relocate */

static uint8_t data[DATA_PAGES * 4096];

static void set_data(uint64_t offset, unsigned width, uint64_t value)
{
	for (unsigned i = 0; i < width; i++)
		data[offset + i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *at, unsigned width)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

static struct pe *with_data(void)
{
	struct pe *pe = pe_new(PE_64, BASE);
	assert_int_equal(pe_section(pe, ".data", data, sizeof data, sizeof data, PE_DATA), DATA);
	return pe;
}

/* The image as it is at the base `delta` above its own; in whole pages, one after the other. */
static uint8_t *relocated(const struct pe *pe, uint64_t delta, uint32_t *pages)
{
	struct image_file file;
	struct image_fixups *fixups = NULL;
	struct image *image = image_of(pe, &file);
	uint8_t *view = malloc(image->pages * 4096);
	assert_int_equal(image_fixups_load(image, &file.source, &fixups), STATUS_SUCCESS);
	for (uint32_t page = 0; page < image->pages; page++) {
		uint8_t before[4096], *bytes = view + page * 4096;
		assert_int_equal(image_read(image, &file.source, page * 4096, bytes, 4096), 0);
		memcpy(before, bytes, sizeof before);
		image_relocate_page(fixups, page, delta, bytes);
		if (!image_page_has_fixups(fixups, page))
			assert_memory_equal(before, bytes, sizeof before);
	}
	*pages = image->pages;
	image_fixups_free(fixups);
	image_free(image);
	return view;
}

static uint8_t *relocated_by(const struct pe_fixup *fixup, unsigned count, uint64_t delta)
{
	uint32_t pages;
	struct pe *pe = with_data();
	pe_relocations(pe, fixup, count);
	uint8_t *view = relocated(pe, delta, &pages);
	pe_free(pe);
	return view;
}

static void each_kind(void **unused)
{
	static const struct {
		unsigned kind, width;
		uint16_t parameter;
		uint64_t delta, before, after;
	} cases[] = {
		{PE_HIGHLOW, 4, 0, 0x10000, 0x00401234, 0x00411234},
		{PE_HIGHLOW, 4, 0, UINT64_C(0xFFFFFFFFFFFF0000), 0x00401234, 0x003F1234},
		{PE_HIGHLOW, 4, 0, UINT64_C(0x123400000000), 0x00401234, 0x00401234},
		{PE_HIGHLOW, 4, 0, 0x80000000, 0x80000001, 0x00000001},
		{PE_DIR64, 8, 0, UINT64_C(0x123456780000), 0x1000, UINT64_C(0x123456781000)},
		{PE_DIR64, 8, 0, UINT64_C(-0x10000), UINT64_C(0x180001000), UINT64_C(0x17FFF1000)},
		{PE_HIGH, 2, 0, 0x00150000, 0x0040, 0x0055},
		{PE_HIGH, 2, 0, 0x0001FFFF, 0xFFFF, 0x0000},
		{PE_LOW, 2, 0, 0x00151000, 0x0234, 0x1234},
		{PE_LOW, 2, 0, 0xF000, 0x1234, 0x0234},
		{PE_HIGHADJ, 2, 0x1234, 0x00150000, 0x0040, 0x0055},
		{PE_HIGHADJ, 2, 0x1234, 0x00006DCC, 0x0040, 0x0041}, /* rounds up at 0x8000 */
		{PE_HIGHADJ, 2, 0x1234, 0x00006DCB, 0x0040, 0x0040},
		{PE_HIGHADJ, 2, 0xFFFF, 0x00008000, 0x0040, 0x0040}, /* the low half is signed */
		{PE_ABSOLUTE, 8, 0, 0x10000, 0x11223344, 0x11223344},
	};
	(void)unused;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		memset(data, 0xA5, sizeof data);
		set_data(0x123, cases[i].width, cases[i].before);
		struct pe_fixup fixup = {DATA + 0x123, cases[i].kind, cases[i].parameter};
		uint8_t *view = relocated_by(&fixup, 1, cases[i].delta);
		if (get(view + DATA + 0x123, cases[i].width) != cases[i].after)
			fail_msg("case %u: 0x%llx", i,
			         (unsigned long long)get(view + DATA + 0x123, cases[i].width));
		memcpy(view + DATA + 0x123, data + 0x123, cases[i].width);
		assert_memory_equal(view + DATA, data, sizeof data); /* and nothing else */
		free(view);
	}
}

/* One that begins on a page and ends on the next changes both, whichever is done first or alone. */
static void across_a_boundary(void **unused)
{
	static const struct {
		unsigned kind, width;
	} kinds[] = {{PE_DIR64, 8}, {PE_HIGHLOW, 4}, {PE_HIGH, 2}, {PE_LOW, 2}, {PE_HIGHADJ, 2}};
	const uint64_t delta = UINT64_C(0x0101010101010000), value = UINT64_C(0x1FF2FF3FF4FF5FF);
	uint8_t page[2][4096];
	(void)unused;
	for (unsigned k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		unsigned width = kinds[k].width;
		for (uint32_t at = 0x1000 - width; at <= 0x1000; at++) {
			struct pe_fixup crossing = {DATA + at, kinds[k].kind, 0x8001};
			struct pe_fixup inside = {DATA + 0x100, kinds[k].kind, 0x8001};
			memset(data, 0, sizeof data);
			set_data(at, width, value);
			set_data(0x100, width, value);
			uint8_t *view = relocated_by(&crossing, 1, delta);
			uint8_t *other = relocated_by(&inside, 1, delta);
			assert_memory_equal(view + DATA + at, other + DATA + 0x100, width);
			memcpy(page[0], view + DATA, sizeof page);
			memcpy(page[0] + at, data + at, width);
			assert_memory_equal(page, data, sizeof page);
			free(view);
			free(other);
		}
	}
}

static void which_pages_have_fixups(void **unused)
{
	static const struct pe_fixup fixup[] = {{DATA + 0x10, PE_HIGHLOW, 0},
	                                        {DATA + 0x1FFC, PE_DIR64, 0},
	                                        {DATA + 0x2FFC, PE_HIGHLOW, 0}};
	static const bool want[] = {false, true, true, true, false, false};
	struct pe *pe = with_data();
	struct image_file file;
	struct image_fixups *fixups;
	(void)unused;
	pe_relocations(pe, fixup, 3);
	struct image *image = image_of(pe, &file);
	assert_int_equal(image->pages, sizeof want);
	assert_int_equal(image_fixups_load(image, &file.source, &fixups), STATUS_SUCCESS);
	for (uint32_t page = 0; page < image->pages; page++)
		assert_int_equal(image_page_has_fixups(fixups, page), want[page]);
	image_fixups_free(fixups);
	image_free(image);
	pe_free(pe);
}

static NTSTATUS load_status(const struct pe *pe, unsigned fails_at)
{
	struct image_file file;
	struct image_fixups *fixups = NULL;
	struct image *image = image_of(pe, &file);
	file.fails_at = fails_at ? file.reads + fails_at : 0;
	NTSTATUS status = image_fixups_load(image, &file.source, &fixups);
	assert_int_equal(!status, fixups != NULL);
	image_fixups_free(fixups);
	image_free(image);
	return status;
}

/* What loading a table of these bytes answers. */
static NTSTATUS table_status(const void *table, uint32_t bytes)
{
	struct pe *pe = with_data();
	pe_set_relocations(pe, pe_section(pe, ".reloc", table, bytes, bytes, PE_READ), bytes);
	NTSTATUS status = load_status(pe, 0);
	pe_free(pe);
	return status;
}

#define BLOCK(rva, bytes) (rva) & 0xFF, (rva) >> 8 & 0xFF, (rva) >> 16 & 0xFF, (rva) >> 24, \
	(bytes) & 0xFF, (bytes) >> 8 & 0xFF, (bytes) >> 16 & 0xFF, (bytes) >> 24
#define ENTRY(kind, offset) (offset) & 0xFF, (kind) << 4 | (offset) >> 8
#define TABLE_STATUS(...) \
	table_status((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void tables_that_are_good(void **unused)
{
	(void)unused;
	assert_int_equal(TABLE_STATUS(BLOCK(DATA, 8)), STATUS_SUCCESS); /* no entries */
	assert_int_equal(TABLE_STATUS(BLOCK(DATA, 12), ENTRY(3, 0), ENTRY(3, 4)), STATUS_SUCCESS);
	/* Out of order, two blocks of one page, a page that is not a multiple of 4 KB. */
	assert_int_equal(TABLE_STATUS(BLOCK(DATA + 0x1800, 10), ENTRY(3, 0), BLOCK(DATA, 10),
	                              ENTRY(10, 8), BLOCK(DATA, 10), ENTRY(3, 0)),
	                 STATUS_SUCCESS);
	/* An empty block ends it. */
	assert_int_equal(TABLE_STATUS(BLOCK(DATA, 10), ENTRY(3, 0), BLOCK(0, 0), 0xFF, 0xFF),
	                 STATUS_SUCCESS);
	/* The last bytes of the image, and the headers. */
	assert_int_equal(TABLE_STATUS(BLOCK(0x5000, 10), ENTRY(3, 0xFFC)), STATUS_SUCCESS);
	assert_int_equal(TABLE_STATUS(BLOCK(0, 10), ENTRY(3, 0)), STATUS_SUCCESS);
}

static void tables_that_are_not(void **unused)
{
	const NTSTATUS bad = STATUS_INVALID_IMAGE_FORMAT;
	(void)unused;
	assert_int_equal(TABLE_STATUS(0), bad); /* not even a header */
	assert_int_equal(TABLE_STATUS(BLOCK(DATA, 8), 0, 0, 0, 0), bad);
	assert_int_equal(TABLE_STATUS(BLOCK(DATA, 0)), bad);
	assert_int_equal(TABLE_STATUS(BLOCK(DATA, 7)), bad);
	assert_int_equal(TABLE_STATUS(BLOCK(DATA, 11), ENTRY(3, 0), 0), bad);
	assert_int_equal(TABLE_STATUS(BLOCK(DATA, 12), ENTRY(3, 0)), bad); /* leaves the table */
	assert_int_equal(TABLE_STATUS(BLOCK(DATA, 0xFFFFFFFE), ENTRY(3, 0)), bad);
	for (unsigned kind = 0; kind < 16; kind++) {
		bool is_known = kind <= 3 || kind == 10; /* HIGHADJ lacks its second entry here */
		assert_int_equal(TABLE_STATUS(BLOCK(DATA, 10), ENTRY(kind, 0)), is_known ? 0 : bad);
	}
	assert_int_equal(TABLE_STATUS(BLOCK(0x5000, 10), ENTRY(3, 0xFFD)), bad); /* leaves it */
	assert_int_equal(TABLE_STATUS(BLOCK(0x6000, 10), ENTRY(3, 0)), bad);
	assert_int_equal(TABLE_STATUS(BLOCK(0xFFFFFFFF, 10), ENTRY(3, 0xFFF)), bad);
	assert_int_equal(TABLE_STATUS(BLOCK(DATA, 12), ENTRY(3, 0), ENTRY(3, 3)), bad); /* both */
	assert_int_equal(TABLE_STATUS(BLOCK(DATA, 12), ENTRY(3, 0), ENTRY(3, 0)), bad);
	assert_int_equal(TABLE_STATUS(BLOCK(DATA, 12), ENTRY(10, 0xFF9), ENTRY(1, 0xFFF)), bad);
}

/* A page that is not backed has nothing to change. */
static void fixups_in_a_gap(void **unused)
{
	static const uint32_t wrong[] = {0x2000, 0x3FFC, 0x1FFE, 0x3FFE}; /* also in part */
	static const uint32_t good[] = {0x1FFC, 0x4000};
	(void)unused;
	for (unsigned i = 0; i < 6; i++) {
		struct pe *pe = pe_new(PE_64, BASE);
		struct pe_fixup fixup = {i < 4 ? wrong[i] : good[i - 4], PE_HIGHLOW, 0};
		pe_section(pe, "a", data, 0x200, 0x1000, PE_DATA);
		pe->next_rva = 0x4000;
		pe_section(pe, "b", data, 0x200, 0x1000, PE_DATA);
		pe_relocations(pe, &fixup, 1);
		assert_int_equal(load_status(pe, 0), i < 4 ? STATUS_INVALID_IMAGE_FORMAT : 0);
		pe_free(pe);
	}
}

static void images_that_cannot_be_moved(void **unused)
{
	struct pe *pe = with_data();
	(void)unused;
	assert_int_equal(load_status(pe, 0), STATUS_SUCCESS); /* nothing depends on its base */
	pe_set(pe, PE_CHARACTERISTICS, 2, PE_EXECUTABLE | PE_RELOCS_STRIPPED);
	assert_int_equal(load_status(pe, 0), STATUS_CONFLICTING_ADDRESSES); /* IM-4 */
	pe_free(pe);
}

/* A table that says it is very long does not cost more than what the file has of it. */
static void a_table_that_says_it_is_long(void **unused)
{
	struct pe *pe = with_data();
	(void)unused;
	uint32_t rva = pe_section(pe, "bss", NULL, 0, 0x70000000, PE_DATA);
	pe_set_relocations(pe, rva, FIXUP_TABLE_BYTES_MOST);
	assert_int_equal(load_status(pe, 0), STATUS_SUCCESS); /* all zero: it ends at once */
	pe_set_relocations(pe, rva, FIXUP_TABLE_BYTES_MOST + 1);
	assert_int_equal(load_status(pe, 0), STATUS_INVALID_IMAGE_FORMAT);
	pe_free(pe);
}

static void a_read_that_fails(void **unused)
{
	static const struct pe_fixup fixup[] = {{DATA + 0xFFC, PE_DIR64, 0},
	                                        {DATA + 0x1010, PE_DIR64, 0}};
	struct pe *pe = with_data();
	(void)unused;
	pe_relocations(pe, fixup, 2);
	assert_int_equal(load_status(pe, 1), STATUS_IO_DEVICE_ERROR); /* of the table */
	assert_int_equal(load_status(pe, 2), STATUS_IO_DEVICE_ERROR); /* of what crosses */
	assert_int_equal(load_status(pe, 3), STATUS_SUCCESS);
	pe_free(pe);
}

#define MOST_FIXUPS 3000

/* Fixups at random distances, more than one buffer of table, against the same done in one piece. */
static void random_tables(void **unused)
{
	static struct pe_fixup fixup[MOST_FIXUPS];
	static const unsigned widths[] = {4, 8};
	unsigned seed = (unsigned)time(NULL);
	const uint64_t delta = UINT64_C(0x00F0123456780000);
	(void)unused;
	print_message("seed %u\n", seed);
	srand(seed);
	for (unsigned round = 0; round < 40; round++) {
		unsigned count = 0, spread = 1 + (unsigned)rand() % 200;
		uint8_t want[sizeof data];
		for (unsigned i = 0; i < sizeof data; i++)
			data[i] = (uint8_t)rand();
		memcpy(want, data, sizeof want);
		for (uint32_t at = 0;; count++) {
			unsigned is_wide = (unsigned)rand() % 2, width = widths[is_wide];
			unsigned kind = is_wide ? PE_DIR64 : PE_HIGHLOW;
			at += (unsigned)rand() % spread;
			if (count == MOST_FIXUPS || at + width > sizeof data)
				break;
			fixup[count] = (struct pe_fixup){DATA + at, kind, 0};
			uint64_t value = get(want + at, width) + delta;
			memcpy(want + at, &value, width);
			at += width;
		}
		uint8_t *view = relocated_by(fixup, count, delta);
		assert_memory_equal(view + DATA, want, sizeof want);
		free(view);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind),
		cmocka_unit_test(across_a_boundary),
		cmocka_unit_test(which_pages_have_fixups),
		cmocka_unit_test(tables_that_are_good),
		cmocka_unit_test(tables_that_are_not),
		cmocka_unit_test(fixups_in_a_gap),
		cmocka_unit_test(images_that_cannot_be_moved),
		cmocka_unit_test(a_table_that_says_it_is_long),
		cmocka_unit_test(a_read_that_fails),
		cmocka_unit_test(random_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
