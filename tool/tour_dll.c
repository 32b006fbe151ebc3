/* SPDX-License-Identifier: MIT
 *
 * The DLL of the tour: four pages, made on the spot, so that the tour needs no file.
 */
#include "tour.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ntmm/file.h>

#define UNIT 512 /* of the file: headers, then one for each section */
#define SECTIONS 3
#define OPTIONAL 0x58
#define OPTIONAL_BYTES 224
#define TABLE (OPTIONAL + OPTIONAL_BYTES)
#define ROW 40

static const struct {
	const char *name;
	uint32_t characteristics;
	uint64_t first; /* what its page begins with */
} sections[SECTIONS] = {
	{".text", 0x60000020, 0xC3C3C3C3},  /* code: execute, read */
	{".rdata", 0x40000040, 0x1234},     /* data: read */
	{".data", 0xC0000040, 0xDA7A},      /* data: read, write */
};

static void put(uint8_t *file, uint32_t at, unsigned bytes, uint64_t value)
{
	for (unsigned i = 0; i < bytes; i++)
		file[at + i] = (uint8_t)(value >> 8 * i);
}

static void put_headers(uint8_t *file)
{
	memcpy(file, "MZ", 2);
	put(file, 0x3C, 4, 0x40); /* where the PE header begins */
	memcpy(file + 0x40, "PE", 2);
	put(file, 0x44, 2, 0x14C); /* for I386 */
	put(file, 0x46, 2, SECTIONS);
	put(file, 0x54, 2, OPTIONAL_BYTES);
	put(file, 0x56, 2, 0x2002); /* a DLL that can be run */
	put(file, OPTIONAL, 2, 0x10B);
	put(file, OPTIONAL + 28, 4, TOUR_DLL_BASE);
	put(file, OPTIONAL + 32, 4, PAGE); /* alignment in memory */
	put(file, OPTIONAL + 36, 4, UNIT); /* in the file */
	put(file, OPTIONAL + 56, 4, (1 + SECTIONS) * PAGE);
	put(file, OPTIONAL + 60, 4, UNIT); /* headers */
	put(file, OPTIONAL + 68, 2, 3);
	put(file, OPTIONAL + 92, 4, 16);
}

static void put_section(uint8_t *file, unsigned n)
{
	uint32_t row = TABLE + n * ROW, place = (1 + n) * UNIT;
	memcpy(file + row, sections[n].name, strlen(sections[n].name));
	put(file, row + 8, 4, PAGE);
	put(file, row + 12, 4, (1 + n) * PAGE);
	put(file, row + 16, 4, UNIT);
	put(file, row + 20, 4, place);
	put(file, row + 36, 4, sections[n].characteristics);
	put(file, place, 8, sections[n].first);
}

HANDLE tour_dll(void)
{
	uint8_t file[(1 + SECTIONS) * UNIT] = {0};
	HANDLE handle = NULL;
	put_headers(file);
	for (unsigned n = 0; n < SECTIONS; n++)
		put_section(file, n);
	int fd = memfd_create("ntmm-tour", MFD_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (write(fd, file, sizeof file) != sizeof file ||
	    ntmm_file_from_fd(fd, GENERIC_READ, &handle) != STATUS_SUCCESS)
		handle = NULL;
	close(fd);
	return handle;
}
