/* SPDX-License-Identifier: MIT
 *
 * PE files, built for tests: headers of 0x600 bytes, then sections one behind the other, on pages
 * in the view and on 0x200 bytes in the file. What has been built is a valid file after every call;
 * then any field can be given another value.
 *
 *	struct pe *pe = pe_new(PE_64, 0x140000000);
 *	uint32_t text = pe_section(pe, ".text", code, sizeof code, sizeof code, PE_CODE);
 *	pe_relocations(pe, (struct pe_fixup[]){{text + 2, PE_DIR64, 0}}, 1);
 *	pe_set(pe, PE_CHARACTERISTICS, 2, PE_EXECUTABLE | PE_DLL);
 *	int fd = pe_open(pe);
 *	pe_free(pe);
 *
 * Aborts when there is no memory or no temporary file. Threads: one for each.
 */
#ifndef TESTS_SUPPORT_PE_H
#define TESTS_SUPPORT_PE_H

#include <stddef.h>
#include <stdint.h>

struct pe {
	uint8_t *bytes; /* the file */
	size_t size;
	int width; /* PE_32 or PE_64 */
	uint32_t next_rva, sections;
};

enum { PE_32 = 32, PE_64 = 64 };

enum { /* offsets in the file, for pe_set and pe_get */
	PE_LFANEW = 0x3C,
	PE_SIGNATURE = 0x80,
	PE_MACHINE = 0x84,         /* 2 bytes */
	PE_SECTIONS = 0x86,        /* 2 */
	PE_OPTIONAL_BYTES = 0x94,  /* 2 */
	PE_CHARACTERISTICS = 0x96, /* 2 */
	PE_OPTIONAL = 0x98,
	PE_MAGIC = PE_OPTIONAL,                  /* 2 */
	PE_ENTRY = PE_OPTIONAL + 16,             /* 4 */
	PE_SECTION_ALIGNMENT = PE_OPTIONAL + 32, /* 4 */
	PE_FILE_ALIGNMENT = PE_OPTIONAL + 36,    /* 4 */
	PE_SUBSYSTEM_MAJOR = PE_OPTIONAL + 48,   /* 2, the minor behind it */
	PE_IMAGE_BYTES = PE_OPTIONAL + 56,       /* 4 */
	PE_HEADER_BYTES = PE_OPTIONAL + 60,      /* 4 */
	PE_CHECKSUM = PE_OPTIONAL + 64,          /* 4 */
	PE_SUBSYSTEM = PE_OPTIONAL + 68,         /* 2 */
	PE_DLL_CHARACTERISTICS = PE_OPTIONAL + 70, /* 2 */
	PE_STACK_RESERVE = PE_OPTIONAL + 72,     /* 4 or 8, the commit behind it */
};

enum { /* offsets in a row of the section table */
	PE_ROW_VIRTUAL_BYTES = 8,
	PE_ROW_RVA = 12,
	PE_ROW_RAW_BYTES = 16,
	PE_ROW_RAW_OFFSET = 20,
	PE_ROW_CHARACTERISTICS = 36,
};

enum { /* PE_CHARACTERISTICS */
	PE_RELOCS_STRIPPED = 0x0001,
	PE_EXECUTABLE = 0x0002,
	PE_LARGE_ADDRESS_AWARE = 0x0020,
	PE_DLL = 0x2000,
};

/* Characteristics of sections. */
#define PE_SHARED 0x10000000u
#define PE_EXECUTE 0x20000000u
#define PE_READ 0x40000000u
#define PE_WRITE 0x80000000u
#define PE_CODE (PE_EXECUTE | PE_READ)
#define PE_DATA (PE_READ | PE_WRITE)

enum { PE_ABSOLUTE = 0, PE_HIGH = 1, PE_LOW = 2, PE_HIGHLOW = 3, PE_HIGHADJ = 4, PE_DIR64 = 10 };

struct pe_fixup {
	uint32_t rva;
	unsigned kind;
	uint16_t parameter; /* of PE_HIGHADJ */
};

/* Without sections; PE_EXECUTABLE, and for PE_64 PE_LARGE_ADDRESS_AWARE. */
struct pe *pe_new(int width, uint64_t base);
void pe_free(struct pe *pe);

/* Returns the section's rva. `raw_bytes` of `data` are in the file, rounded up there; 0: none. */
uint32_t pe_section(struct pe *pe, const char *name, const void *data, uint32_t raw_bytes,
                    uint32_t virtual_bytes, uint32_t characteristics);

/* A section .reloc with one block for each run of fixups on one page, and the directory's entry. */
void pe_relocations(struct pe *pe, const struct pe_fixup *fixup, unsigned count);
/* The entry of the directory for another table. */
void pe_set_relocations(struct pe *pe, uint32_t rva, uint32_t bytes);

/* Little-endian values of 1 to 8 bytes at an offset in the file. */
void pe_set(struct pe *pe, size_t offset, unsigned width, uint64_t value);
uint64_t pe_get(const struct pe *pe, size_t offset, unsigned width);
/* Where the row of a section begins, counted from 0, and where its number of directories stands. */
size_t pe_row(const struct pe *pe, unsigned section);
size_t pe_directories(const struct pe *pe);
size_t pe_image_base(const struct pe *pe);

/* A new file without a name that holds it, open for reading and writing. */
int pe_open(const struct pe *pe);

#endif
