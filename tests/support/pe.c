/* SPDX-License-Identifier: MIT */
#include "support/pe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_BYTES 0x600
#define FILE_UNIT 0x200
#define PAGE 0x1000
#define ROW 40
#define DIRECTORIES 16
#define RELOC 5

static void need(int condition, const char *what)
{
	if (condition)
		return;
	perror(what);
	abort();
}

static uint32_t up(uint32_t value, uint32_t unit)
{
	return (value + unit - 1) / unit * unit;
}

static void grow(struct pe *pe, size_t size)
{
	pe->bytes = realloc(pe->bytes, size);
	need(pe->bytes != NULL, "pe");
	memset(pe->bytes + pe->size, 0, size - pe->size);
	pe->size = size;
}

void pe_set(struct pe *pe, size_t offset, unsigned width, uint64_t value)
{
	for (unsigned i = 0; i < width; i++)
		pe->bytes[offset + i] = (uint8_t)(value >> 8 * i);
}

uint64_t pe_get(const struct pe *pe, size_t offset, unsigned width)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)pe->bytes[offset + i] << 8 * i;
	return value;
}

size_t pe_directories(const struct pe *pe)
{
	return PE_OPTIONAL + (pe->width == PE_64 ? 108 : 92);
}

size_t pe_image_base(const struct pe *pe)
{
	return PE_OPTIONAL + (pe->width == PE_64 ? 24 : 28);
}

static unsigned optional_bytes(const struct pe *pe)
{
	return pe->width == PE_64 ? 240 : 224;
}

size_t pe_row(const struct pe *pe, unsigned section)
{
	return PE_OPTIONAL + optional_bytes(pe) + section * ROW;
}

static void set_headers(struct pe *pe, uint64_t base)
{
	int is_64 = pe->width == PE_64;
	unsigned word = is_64 ? 8 : 4;
	memcpy(pe->bytes, "MZ", 2);
	pe_set(pe, PE_LFANEW, 4, PE_SIGNATURE);
	memcpy(pe->bytes + PE_SIGNATURE, "PE", 2);
	pe_set(pe, PE_MACHINE, 2, is_64 ? 0x8664 : 0x14C);
	pe_set(pe, PE_OPTIONAL_BYTES, 2, optional_bytes(pe));
	pe_set(pe, PE_CHARACTERISTICS, 2, PE_EXECUTABLE | (is_64 ? PE_LARGE_ADDRESS_AWARE : 0));
	pe_set(pe, PE_MAGIC, 2, is_64 ? 0x20B : 0x10B);
	pe_set(pe, pe_image_base(pe), word, base);
	pe_set(pe, PE_SECTION_ALIGNMENT, 4, PAGE);
	pe_set(pe, PE_FILE_ALIGNMENT, 4, FILE_UNIT);
	pe_set(pe, PE_SUBSYSTEM_MAJOR, 2, 6);
	pe_set(pe, PE_IMAGE_BYTES, 4, PAGE);
	pe_set(pe, PE_HEADER_BYTES, 4, HEADER_BYTES);
	pe_set(pe, PE_SUBSYSTEM, 2, 3);
	pe_set(pe, PE_STACK_RESERVE, word, 0x100000);
	pe_set(pe, PE_STACK_RESERVE + word, word, PAGE);
	pe_set(pe, pe_directories(pe), 4, DIRECTORIES);
}

struct pe *pe_new(int width, uint64_t base)
{
	struct pe *pe = calloc(1, sizeof *pe);
	need(pe != NULL, "pe");
	pe->width = width;
	pe->next_rva = PAGE;
	grow(pe, HEADER_BYTES);
	set_headers(pe, base);
	return pe;
}

void pe_free(struct pe *pe)
{
	free(pe->bytes);
	free(pe);
}

uint32_t pe_section(struct pe *pe, const char *name, const void *data, uint32_t raw_bytes,
                    uint32_t virtual_bytes, uint32_t characteristics)
{
	size_t row = pe_row(pe, pe->sections), start = pe->size;
	uint32_t rva = pe->next_rva, larger = virtual_bytes > raw_bytes ? virtual_bytes : raw_bytes;
	need(row + ROW <= HEADER_BYTES, "too many sections");
	grow(pe, start + up(raw_bytes, FILE_UNIT));
	if (raw_bytes)
		memcpy(pe->bytes + start, data, raw_bytes);
	memcpy(pe->bytes + row, name, strnlen(name, 8));
	pe_set(pe, row + PE_ROW_VIRTUAL_BYTES, 4, virtual_bytes);
	pe_set(pe, row + PE_ROW_RVA, 4, rva);
	pe_set(pe, row + PE_ROW_RAW_BYTES, 4, up(raw_bytes, FILE_UNIT));
	pe_set(pe, row + PE_ROW_RAW_OFFSET, 4, raw_bytes ? start : 0);
	pe_set(pe, row + PE_ROW_CHARACTERISTICS, 4, characteristics);
	pe->next_rva += up(larger, PAGE);
	pe_set(pe, PE_SECTIONS, 2, ++pe->sections);
	pe_set(pe, PE_IMAGE_BYTES, 4, pe->next_rva);
	return rva;
}

void pe_set_relocations(struct pe *pe, uint32_t rva, uint32_t bytes)
{
	size_t entry = pe_directories(pe) + 4 + RELOC * 8;
	pe_set(pe, entry, 4, rva);
	pe_set(pe, entry + 4, 4, bytes);
}

static void put(uint8_t *to, unsigned width, uint32_t value)
{
	for (unsigned i = 0; i < width; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

/* The block of the run that begins at fixup[0]; returns its length, *used fixups are in it. */
static uint32_t put_block(uint8_t *to, const struct pe_fixup *fixup, unsigned count, unsigned *used)
{
	uint32_t page = fixup->rva / PAGE, bytes = 8;
	for (*used = 0; *used < count && fixup[*used].rva / PAGE == page; ++*used) {
		const struct pe_fixup *f = &fixup[*used];
		put(to + bytes, 2, f->kind << 12 | f->rva % PAGE);
		bytes += 2;
		if (f->kind != PE_HIGHADJ)
			continue;
		put(to + bytes, 2, f->parameter);
		bytes += 2;
	}
	if (bytes % 4) {
		put(to + bytes, 2, PE_ABSOLUTE);
		bytes += 2;
	}
	put(to, 4, page * PAGE);
	put(to + 4, 4, bytes);
	return bytes;
}

void pe_relocations(struct pe *pe, const struct pe_fixup *fixup, unsigned count)
{
	uint8_t *table = malloc(count * 14 + 1); /* at worst a block, and a filler, for each */
	uint32_t bytes = 0;
	need(table != NULL, "pe");
	for (unsigned used; count; fixup += used, count -= used)
		bytes += put_block(table + bytes, fixup, count, &used);
	pe_set_relocations(pe, pe_section(pe, ".reloc", table, bytes, bytes, PE_READ), bytes);
	free(table);
}

int pe_open(const struct pe *pe)
{
	char path[] = "/tmp/ntmm-pe-XXXXXX";
	int fd = mkstemp(path);
	need(fd >= 0, path);
	unlink(path);
	need(write(fd, pe->bytes, pe->size) == (ssize_t)pe->size, path);
	return fd;
}
