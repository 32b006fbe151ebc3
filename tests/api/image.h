/* SPDX-License-Identifier: MIT
 *
 * A PE file, built for the test, and its image in the two processes of two.h. Its view:
 *
 *	page  0  headers               PAGE_READONLY
 *	      1  .text, two pages      PAGE_EXECUTE_READ; fixups on the first
 *	      3  .rdata, two pages     PAGE_READONLY; fixups on the second
 *	      5  .data, three pages    PAGE_WRITECOPY; the file has 1.5 of them
 *	      8  .shared, two pages    PAGE_READWRITE, one copy for all
 *	     10  a gap of two pages
 *	     12  .rsrc, one page       PAGE_READONLY
 *	     13  .reloc, one page      PAGE_READONLY
 */
#ifndef TESTS_API_IMAGE_H
#define TESTS_API_IMAGE_H

#include <stdio.h>
#include <unistd.h>

#include <ntmm/file.h>

#include "support/pe.h"
#include "two.h"

#define IMAGE_BASE 0x10000000u
enum {
	TEXT = 1,
	RDATA = 3,
	DATA = 5,
	SHARED = 8,
	GAP = 10,
	RSRC = 12,
	RELOC = 13,
	IMAGE_PAGES = 14,
	IMAGE_COPIES = 3, /* pages of .data: charged to whoever maps it (IM-14) */
};
#define DATA_RAW (PAGE + PAGE / 2)

struct loaded {
	struct two *two;
	struct pe *pe;
	int fd;
	HANDLE file; /* to read and execute */
};

/* What the file has at a place of a section. */
static inline uint8_t image_byte(unsigned page, uint64_t at)
{
	return (uint8_t)(page * 31 + at * 7 + at / 256 + 1);
}

static inline uint32_t image_section(struct pe *pe, const char *name, unsigned page,
                                     uint32_t raw_bytes, uint32_t bytes, uint32_t characteristics)
{
	uint8_t raw[3 * PAGE];
	for (uint32_t i = 0; i < raw_bytes; i++)
		raw[i] = image_byte(page + i / PAGE, i % PAGE);
	pe->next_rva = page * PAGE;
	return pe_section(pe, name, raw, raw_bytes, bytes, characteristics);
}

static inline struct pe *image_file(int width, uint64_t base)
{
	struct pe *pe = pe_new(width, base);
	unsigned kind = width == PE_64 ? PE_DIR64 : PE_HIGHLOW;
	uint32_t text = image_section(pe, ".text", TEXT, 2 * PAGE, 2 * PAGE, PE_CODE);
	uint32_t rdata = image_section(pe, ".rdata", RDATA, 2 * PAGE, 2 * PAGE, PE_READ);
	image_section(pe, ".data", DATA, DATA_RAW, 3 * PAGE, PE_DATA);
	image_section(pe, ".shared", SHARED, PAGE, 2 * PAGE, PE_DATA | PE_SHARED);
	image_section(pe, ".rsrc", RSRC, 100, 100, PE_READ);
	pe_relocations(pe,
	               (struct pe_fixup[]){{text + 8, kind, 0},
	                                   {text + 0x800, kind, 0},
	                                   {rdata + PAGE + 16, kind, 0}},
	               3);
	return pe;
}

static inline HANDLE image_section_of(const struct loaded *l, DWORD protect)
{
	HANDLE section = CreateFileMappingA(l->file, NULL, protect | SEC_IMAGE, 0, 0, NULL);
	if (!section)
		fail_msg("CreateFileMapping: error %u", GetLastError());
	return section;
}

static inline void image_open(struct loaded *l, struct pe *pe)
{
	l->pe = pe;
	l->fd = pe_open(pe);
	assert_int_equal(ntmm_file_from_fd(l->fd, GENERIC_READ | GENERIC_EXECUTE, &l->file), 0);
	l->two->section = image_section_of(l, PAGE_READONLY);
}

static inline int image_setup_with(void **state, uint64_t ram_bytes, uint64_t paging_file_bytes)
{
	struct loaded *l = calloc(1, sizeof *l);
	if (two_setup_with((void **)&l->two, ram_bytes, paging_file_bytes))
		return -1;
	image_open(l, image_file(PE_32, IMAGE_BASE));
	*state = l;
	return 0;
}

static inline int image_setup(void **state)
{
	return image_setup_with(state, 1 << 20, 8 << 20);
}

static inline int image_teardown(void **state)
{
	struct loaded *l = *state;
	void *two = l->two;
	CloseHandle(l->file);
	int result = two_teardown(&two);
	close(l->fd);
	pe_free(l->pe);
	free(l);
	return result;
}

#define image_test(test) cmocka_unit_test_setup_teardown(test, image_setup, image_teardown)

/* Maps the test's section; the base is 0 for the system's choice. */
static inline NTSTATUS image_map_at(const struct loaded *l, int who, uint64_t base, char **view)
{
	uint64_t size = 0;
	NTSTATUS status = NtMapViewOfSection(l->two->section, l->two->place[who].process, &base, 0,
	                                     0, NULL, &size, ViewShare, 0, PAGE_READONLY);
	*view = at(base);
	return status;
}

/* Anywhere; it must succeed. */
static inline char *image_map(const struct loaded *l, int who)
{
	char *view;
	NTSTATUS status = image_map_at(l, who, 0, &view);
	if (status < 0)
		fail_msg("NtMapViewOfSection: %#x", (unsigned)status);
	return view;
}

static inline void image_unmap(const struct loaded *l, int who, const void *view)
{
	assert_int_equal(NtUnmapViewOfSection(l->two->place[who].process, address_in(view)), 0);
}

static inline uint8_t image_load(const struct loaded *l, int who, const void *address)
{
	return load_at(&l->two->place[who], address);
}

static inline void image_store(const struct loaded *l, int who, void *address, uint8_t value)
{
	store_at(&l->two->place[who], address, value);
}

static inline uint64_t image_frame(const struct loaded *l, int who, const void *address)
{
	ntmm_page_info info = two_page(l->two, who, address);
	assert_int_equal(info.where, NTMM_PAGE_ACTIVE);
	return info.frame;
}

#endif
