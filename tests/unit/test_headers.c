/* SPDX-License-Identifier: MIT
 *
 * Headers of PE files: what is taken from them, and each thing that can be wrong with them (SC-12,
 * IM).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "image_file.h"

#define BASE_32 0x10000000
#define BASE_64 UINT64_C(0x180000000)

static const int widths[] = {PE_32, PE_64};

static struct pe *small(int width)
{
	static const uint8_t code[] = {0x90, 0xC3};
	struct pe *pe = pe_new(width, width == PE_64 ? BASE_64 : BASE_32);
	pe_section(pe, ".text", code, sizeof code, sizeof code, PE_CODE);
	pe_section(pe, ".data", NULL, 0, 0x1800, PE_DATA);
	pe_relocations(pe, (struct pe_fixup[]){{0x2010, PE_HIGHLOW, 0}}, 1);
	return pe;
}

static void what_the_headers_say(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		struct pe *pe = small(widths[i]);
		struct image_file file;
		pe_set(pe, PE_ENTRY, 4, 0x1001);
		pe_set(pe, PE_CHECKSUM, 4, 0x12345678);
		pe_set(pe, PE_SUBSYSTEM_MAJOR + 2, 2, 3);
		pe_set(pe, PE_DLL_CHARACTERISTICS, 2, 0x0160);
		pe_set(pe, pe_directories(pe) - 4, 4, 0x99); /* LoaderFlags */
		struct image *image = image_of(pe, &file);
		bool is_64 = widths[i] == PE_64;
		assert_true(image->base == (is_64 ? BASE_64 : BASE_32));
		assert_int_equal(image->machine, is_64 ? 0x8664 : 0x14C);
		assert_int_equal(image->pages, 5); /* IM-1: headers, text, data, relocations */
		assert_int_equal(image->header_bytes, 0x600);
		assert_int_equal(image->file_bytes, pe->size);
		assert_int_equal(image->entry, 0x1001);
		assert_int_equal(image->checksum, 0x12345678);
		assert_int_equal(image->loader_flags, 0x99);
		assert_int_equal(image->subsystem, 3);
		assert_int_equal(image->subsystem_major, 6);
		assert_int_equal(image->subsystem_minor, 3);
		assert_int_equal(image->dll_characteristics, 0x0160);
		assert_int_equal(image->stack_reserve, 0x100000);
		assert_int_equal(image->stack_commit, 0x1000);
		assert_true(image->has_code && image->is_movable);
		assert_int_equal(image->reloc_rva, 0x4000);
		assert_int_equal(image->reloc_bytes, 12);
		image_free(image);
		pe_free(pe);
	}
}

/* AS-6: one bit of the file header. */
static void large_address_aware(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		struct pe *pe = small(widths[i]);
		struct image_file file;
		for (unsigned aware = 0; aware < 2; aware++) {
			pe_set(pe, PE_CHARACTERISTICS, 2,
			       PE_EXECUTABLE | (aware ? PE_LARGE_ADDRESS_AWARE : 0));
			struct image *image = image_of(pe, &file);
			assert_int_equal(image_is_large_address_aware(image), aware);
			image_free(image);
		}
		pe_free(pe);
	}
}

/* A value that makes a good file a bad one. */
static void refused_with(int width, size_t offset, unsigned bytes, uint64_t value)
{
	struct pe *pe = small(width);
	assert_int_equal(image_status(pe), STATUS_SUCCESS);
	pe_set(pe, offset, bytes, value);
	if (image_status(pe) != STATUS_INVALID_IMAGE_FORMAT)
		fail_msg("PE%d: 0x%llx at 0x%zx: not refused", width, (unsigned long long)value,
		         offset);
	pe_free(pe);
}

static void accepted_with(int width, size_t offset, unsigned bytes, uint64_t value)
{
	struct pe *pe = small(width);
	pe_set(pe, offset, bytes, value);
	if (image_status(pe))
		fail_msg("PE%d: 0x%llx at 0x%zx: refused", width, (unsigned long long)value,
		         offset);
	pe_free(pe);
}

static void each_field_that_is_wrong(void **unused)
{
	static const struct {
		size_t offset;
		unsigned bytes;
		uint64_t value;
	} wrong[] = {
		{PE_MACHINE, 2, 0},           {PE_MACHINE, 2, 0x1C4},      /* ARM */
		{PE_MACHINE, 2, 0xAA64},      {PE_SECTIONS, 2, 97},
		{PE_SECTIONS, 2, 0xFFFF},     {PE_OPTIONAL_BYTES, 2, 0},
		{PE_OPTIONAL_BYTES, 2, 95},   {PE_OPTIONAL_BYTES, 2, 0xFFFF},
		{PE_CHARACTERISTICS, 2, 0},   {PE_CHARACTERISTICS, 2, PE_DLL},
		{PE_MAGIC, 2, 0},             {PE_MAGIC, 2, 0x107},
		{PE_SECTION_ALIGNMENT, 4, 0}, {PE_SECTION_ALIGNMENT, 4, 0x1800},
		{PE_SECTION_ALIGNMENT, 4, 0x100}, /* below FileAlignment */
		{PE_FILE_ALIGNMENT, 4, 0},    {PE_FILE_ALIGNMENT, 4, 0x100},
		{PE_FILE_ALIGNMENT, 4, 0x300}, {PE_FILE_ALIGNMENT, 4, 0x2000},
		{PE_IMAGE_BYTES, 4, 0},       {PE_IMAGE_BYTES, 4, 0x4000}, /* a section too many */
		{PE_IMAGE_BYTES, 4, 0x80000001}, {PE_IMAGE_BYTES, 4, 0xFFFFFFFF},
		{PE_HEADER_BYTES, 4, 0},      {PE_HEADER_BYTES, 4, 0x1001}, /* meets a section */
		{PE_HEADER_BYTES, 4, 0xFFFFFFFF}, {PE_ENTRY, 4, 0x5000},
		{PE_ENTRY, 4, 0xFFFFFFFF},
	};
	(void)unused;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned j = 0; j < sizeof wrong / sizeof *wrong; j++)
			refused_with(widths[i], wrong[j].offset, wrong[j].bytes, wrong[j].value);
}

static void machine_and_form_must_agree(void **unused)
{
	(void)unused;
	refused_with(PE_32, PE_MACHINE, 2, 0x8664);
	refused_with(PE_64, PE_MACHINE, 2, 0x14C);
	refused_with(PE_32, PE_MAGIC, 2, 0x20B);
	refused_with(PE_64, PE_MAGIC, 2, 0x10B);
}

static void where_the_base_may_be(void **unused)
{
	(void)unused;
	refused_with(PE_32, PE_OPTIONAL + 28, 4, BASE_32 + 0x1000);
	refused_with(PE_32, PE_OPTIONAL + 28, 4, 0xFFFF8000);
	refused_with(PE_64, PE_OPTIONAL + 24, 8, BASE_64 + 0x8000);
	accepted_with(PE_32, PE_OPTIONAL + 28, 4, 0xFFFF0000); /* the last 64 KB */
	accepted_with(PE_64, PE_OPTIONAL + 24, 8, UINT64_C(0xFFFFFFFFFFFF0000));
	accepted_with(PE_64, PE_OPTIONAL + 24, 8, 0);
	struct pe *pe = small(PE_32);
	pe_set(pe, PE_IMAGE_BYTES, 4, 0x11000); /* a page more than there is */
	pe_set(pe, pe_image_base(pe), 4, 0xFFFF0000);
	assert_int_equal(image_status(pe), STATUS_INVALID_IMAGE_FORMAT);
	pe_set(pe, PE_IMAGE_BYTES, 4, 0x10000);
	assert_int_equal(image_status(pe), STATUS_SUCCESS);
	pe_free(pe);
}

static NTSTATUS status_of(const void *bytes, size_t size)
{
	struct pe file = {.bytes = (uint8_t *)bytes, .size = size};
	return image_status(&file);
}

/* SC-12, section 2: what it is when it is no PE. */
static void other_kinds_of_files(void **unused)
{
	uint8_t dos[0x100] = "MZ";
	(void)unused;
	assert_int_equal(status_of("", 0), STATUS_INVALID_FILE_FOR_SECTION);
	assert_int_equal(status_of("M", 1), STATUS_INVALID_IMAGE_NOT_MZ);
	assert_int_equal(status_of("\177ELF", 4), STATUS_INVALID_IMAGE_NOT_MZ);
	assert_int_equal(status_of("MZ", 2), STATUS_INVALID_IMAGE_PROTECT);
	assert_int_equal(status_of(dos, 63), STATUS_INVALID_IMAGE_PROTECT);
	assert_int_equal(status_of(dos, sizeof dos), STATUS_INVALID_IMAGE_PROTECT);
	dos[PE_LFANEW] = 0x80;
	assert_int_equal(status_of(dos, sizeof dos), STATUS_INVALID_IMAGE_PROTECT);
	memcpy(dos + 0x80, "NE", 2);
	assert_int_equal(status_of(dos, sizeof dos), STATUS_INVALID_IMAGE_NE_FORMAT);
	dos[0x80 + 0x36] = 2; /* for Windows */
	assert_int_equal(status_of(dos, sizeof dos), STATUS_INVALID_IMAGE_WIN_16);
	assert_int_equal(status_of(dos, 0x80 + 0x36), STATUS_INVALID_IMAGE_NE_FORMAT);
	memcpy(dos + 0x80, "LE", 2);
	assert_int_equal(status_of(dos, sizeof dos), STATUS_INVALID_IMAGE_LE_FORMAT);
	memcpy(dos + 0x80, "LX", 2);
	assert_int_equal(status_of(dos, sizeof dos), STATUS_INVALID_IMAGE_LE_FORMAT);
	memset(dos + PE_LFANEW, 0xFF, 4);
	assert_int_equal(status_of(dos, sizeof dos), STATUS_INVALID_IMAGE_PROTECT);
}

static void a_header_begins_on_four_bytes(void **unused)
{
	struct pe *pe = small(PE_32);
	(void)unused;
	memmove(pe->bytes + PE_SIGNATURE + 2, pe->bytes + PE_SIGNATURE, 0x400);
	pe_set(pe, PE_LFANEW, 4, PE_SIGNATURE + 2);
	assert_int_equal(image_status(pe), STATUS_INVALID_IMAGE_FORMAT);
	memmove(pe->bytes + PE_SIGNATURE + 4, pe->bytes + PE_SIGNATURE + 2, 0x400);
	pe_set(pe, PE_LFANEW, 4, PE_SIGNATURE + 4);
	assert_int_equal(image_status(pe), STATUS_SUCCESS);
	pe_free(pe);
}

/* A file that ends anywhere before its last section does is refused; nothing behind it is read. */
static void a_file_that_is_cut_anywhere(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		struct pe *pe = small(widths[i]);
		size_t whole = pe->size;
		for (pe->size = 0; pe->size < whole; pe->size++)
			assert_int_not_equal(image_status(pe), STATUS_SUCCESS);
		assert_int_equal(image_status(pe), STATUS_SUCCESS);
		pe_free(pe);
	}
}

/* IM-4, and what RELOCS_STRIPPED and the directory say about it. */
static void who_may_be_moved(void **unused)
{
	struct pe *pe = small(PE_64);
	struct image_file file;
	static const struct {
		unsigned characteristics;
		uint32_t directories, rva, bytes, kept;
		bool is_movable;
	} cases[] = {
		{PE_EXECUTABLE, 16, 0x4000, 12, 12, true},
		{PE_EXECUTABLE | PE_RELOCS_STRIPPED, 16, 0x4000, 12, 0, false},
		{PE_EXECUTABLE, 16, 0, 0, 0, true},          /* nothing depends on the base */
		{PE_EXECUTABLE, 5, 0x4000, 12, 0, true},     /* no such directory */
		{PE_EXECUTABLE, 16, 0x4000, 0x1000, 0x1000, true},
		{PE_EXECUTABLE, 16, 0x4000, 0x1001, 0, false}, /* leaves the image */
		{PE_EXECUTABLE, 16, 0x5001, 8, 0, false},
		{PE_EXECUTABLE, 16, 0xFFFFFFF8, 0x10, 0, false},
	};
	(void)unused;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		pe_set(pe, PE_CHARACTERISTICS, 2, cases[i].characteristics);
		pe_set(pe, pe_directories(pe), 4, cases[i].directories);
		pe_set_relocations(pe, cases[i].rva, cases[i].bytes);
		struct image *image = image_of(pe, &file); /* a plain map succeeds in any case */
		assert_int_equal(image->is_movable, cases[i].is_movable);
		assert_int_equal(image->reloc_bytes, cases[i].kept);
		image_free(image);
	}
	pe_free(pe);
}

/* An optional header that ends before the directory has none. */
static void a_short_optional_header(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		struct pe *pe = small(widths[i]);
		struct image_file file;
		size_t rows = pe_row(pe, 0), bytes = pe_directories(pe) + 4 - PE_OPTIONAL;
		memmove(pe->bytes + PE_OPTIONAL + bytes, pe->bytes + rows, 3 * 40);
		pe_set(pe, PE_OPTIONAL_BYTES, 2, bytes);
		struct image *image = image_of(pe, &file);
		assert_int_equal(image->reloc_bytes, 0);
		assert_int_equal(image->pages, 5);
		image_free(image);
		pe_set(pe, PE_OPTIONAL_BYTES, 2, bytes - 1);
		assert_int_equal(image_status(pe), STATUS_INVALID_IMAGE_FORMAT);
		pe_free(pe);
	}
}

static void a_read_that_fails(void **unused)
{
	struct pe *pe = small(PE_64);
	struct image_file file;
	struct image *image = image_of(pe, &file);
	unsigned reads = file.reads;
	(void)unused;
	image_free(image);
	assert_true(reads > 2);
	for (unsigned i = 1; i <= reads; i++) {
		image = NULL;
		image_file_of(&file, pe->bytes, pe->size);
		file.fails_at = i;
		assert_int_equal(image_open(&file.source, &image), STATUS_IO_DEVICE_ERROR);
		assert_null(image);
	}
	pe_free(pe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_headers_say),
		cmocka_unit_test(large_address_aware),
		cmocka_unit_test(each_field_that_is_wrong),
		cmocka_unit_test(machine_and_form_must_agree),
		cmocka_unit_test(where_the_base_may_be),
		cmocka_unit_test(other_kinds_of_files),
		cmocka_unit_test(a_header_begins_on_four_bytes),
		cmocka_unit_test(a_file_that_is_cut_anywhere),
		cmocka_unit_test(who_may_be_moved),
		cmocka_unit_test(a_short_optional_header),
		cmocka_unit_test(a_read_that_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
