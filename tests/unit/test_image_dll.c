/* SPDX-License-Identifier: MIT
 *
 * Real DLLs, those of Debian's mingw-w64 packages: what the parser says of them is what objdump
 * says, and each page, as it is and relocated, is what objdump's lists of sections and relocations
 * make it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "image/fixups.h"
#include "image_file.h"

#define MOST_BYTES (4 << 20) /* larger ones take long and show no more */
#define DELTA UINT64_C(0x12340000)

static const char *const patterns[] = {
	"/usr/*-w64-mingw32/lib/*.dll",
	"/usr/lib/gcc/*-w64-mingw32/*/*.dll",
};

struct dll {
	const char *path;
	uint8_t *bytes;
	size_t size;
	struct image_file file;
	struct image *image;
	uint8_t *view; /* what objdump makes of it */
	unsigned sections, relocations;
};

static uint8_t *contents(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	struct stat is;
	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &is), 0);
	uint8_t *bytes = malloc((size_t)is.st_size);
	*size = fread(bytes, 1, (size_t)is.st_size, file);
	assert_int_equal(*size, is.st_size);
	fclose(file);
	return bytes;
}

/* Calls `each` for every line that objdump prints. */
static void objdump(struct dll *dll, const char *options, void (*each)(struct dll *, const char *))
{
	char command[512], line[512];
	snprintf(command, sizeof command, "LC_ALL=C objdump %s '%s'", options, dll->path);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	while (fgets(line, sizeof line, pipe))
		each(dll, line);
	assert_int_equal(pclose(pipe), 0);
}

static void check_field(struct dll *dll, const char *line)
{
	const struct image *image = dll->image;
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = {
		{"Characteristics", image->characteristics},
		{"AddressOfEntryPoint", image->entry},
		{"ImageBase", image->base},
		{"SizeOfImage", image->pages * PAGE_BYTES},
		{"SizeOfHeaders", image->header_bytes},
		{"CheckSum", image->checksum},
		{"Subsystem", image->subsystem},
		{"DllCharacteristics", image->dll_characteristics},
		{"SizeOfStackReserve", image->stack_reserve},
		{"SizeOfStackCommit", image->stack_commit},
		{"MajorSubsystemVersion", image->subsystem_major}, /* decimal, but below 10 */
		{"MinorSubsystemVersion", image->subsystem_minor},
		{"LoaderFlags", image->loader_flags},
	};
	char name[64];
	unsigned long long value;
	if (sscanf(line, "%63s %llx", name, &value) != 2)
		return;
	for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++)
		if (!strcmp(name, fields[i].name) && value != fields[i].value)
			fail_msg("%s: %s is 0x%llx, not 0x%llx", dll->path, name, value,
			         (unsigned long long)fields[i].value);
}

static prot_t protection_by(const char *flags)
{
	bool is_readonly = strstr(flags, "READONLY"), is_code = strstr(flags, "CODE");
	if (is_code)
		return is_readonly ? PROT_EXECUTE_READ : PROT_EXECUTE_WRITECOPY;
	return is_readonly ? PROT_READONLY : PROT_WRITECOPY;
}

/* "  0 .text  00008b4c  64b41000  64b41000  00000600  2**2  CONTENTS, ALLOC, READONLY, CODE" */
static void check_section(struct dll *dll, const char *line)
{
	char flags[256];
	unsigned long long bytes, address, offset;
	if (sscanf(line, " %*u %*s %llx %llx %*x %llx 2**%*u %255[^\n]", &bytes, &address, &offset,
	           flags) != 4)
		return;
	uint64_t rva = address - dll->image->base;
	const struct image_piece *piece = image_piece_at(dll->image, (uint32_t)page_of(rva));
	assert_int_equal(address_of(piece->first_page), rva);
	assert_int_equal(piece->pages, pages_for(bytes));
	assert_int_equal(piece->protection, protection_by(flags));
	assert_false(piece->is_gap || piece->is_shared);
	if (strstr(flags, "CONTENTS"))
		memcpy(dll->view + rva, dll->bytes + offset, bytes);
	dll->sections++;
}

static void compare(const struct dll *dll, const struct image_fixups *fixups, uint64_t delta)
{
	uint8_t page[4096];
	for (uint32_t i = 0; i < dll->image->pages; i++) {
		assert_int_equal(
			image_read(dll->image, &dll->file.source, i * 4096, page, sizeof page), 0);
		if (fixups)
			image_relocate_page(fixups, i, delta, page);
		if (memcmp(page, dll->view + i * sizeof page, sizeof page))
			fail_msg("%s: page %u", dll->path, i);
	}
}

/* "\treloc    0 offset    6 [1006] HIGHLOW" */
static void relocate(struct dll *dll, const char *line)
{
	char kind[32];
	unsigned rva;
	if (sscanf(line, " reloc %*u offset %*x [%x] %31s", &rva, kind) != 2 ||
	    !strcmp(kind, "ABSOLUTE"))
		return;
	size_t width = !strcmp(kind, "DIR64") ? 8 : 4;
	uint64_t value = 0;
	assert_true(width == 8 || !strcmp(kind, "HIGHLOW"));
	memcpy(&value, dll->view + rva, width);
	value += DELTA;
	memcpy(dll->view + rva, &value, width);
	dll->relocations++;
}

static void check_relocation(struct dll *dll)
{
	struct image_fixups *fixups;
	unsigned with = 0;
	assert_int_equal(image_fixups_load(dll->image, &dll->file.source, &fixups), STATUS_SUCCESS);
	objdump(dll, "-p", relocate);
	assert_true(dll->relocations);
	compare(dll, fixups, DELTA);
	for (uint32_t i = 0; i < dll->image->pages; i++)
		with += image_page_has_fixups(fixups, i);
	print_message("%s: %u sections, %u relocations on %u of %u pages\n", dll->path,
	              dll->sections, dll->relocations, with, dll->image->pages);
	assert_true(with && with < dll->image->pages); /* the rest can be shared */
	image_fixups_free(fixups);
}

static void check_dll(const char *path)
{
	struct dll dll = {.path = path};
	dll.bytes = contents(path, &dll.size);
	image_file_of(&dll.file, dll.bytes, dll.size);
	assert_int_equal(image_open(&dll.file.source, &dll.image), STATUS_SUCCESS);
	dll.view = calloc(dll.image->pages, PAGE_BYTES);
	memcpy(dll.view, dll.bytes, dll.image->header_bytes);
	objdump(&dll, "-p", check_field);
	objdump(&dll, "-h -w", check_section);
	assert_true(dll.sections > 3);
	compare(&dll, NULL, 0);
	check_relocation(&dll);
	image_free(dll.image);
	free(dll.view);
	free(dll.bytes);
}

static unsigned check_all(const char *pattern)
{
	glob_t found = {0};
	struct stat is;
	unsigned count = 0;
	if (!glob(pattern, 0, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			if (stat(found.gl_pathv[i], &is) || is.st_size > MOST_BYTES)
				continue;
			check_dll(found.gl_pathv[i]);
			count++;
		}
		globfree(&found);
	}
	return count;
}

static void real_dlls(void **unused)
{
	unsigned count = 0;
	(void)unused;
	for (unsigned i = 0; i < sizeof patterns / sizeof *patterns; i++)
		count += check_all(patterns[i]);
	if (!count) {
		print_message("no DLLs: install mingw-w64-x86-64-dev and mingw-w64-i686-dev\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_dlls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
