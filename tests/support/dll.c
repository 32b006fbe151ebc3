/* SPDX-License-Identifier: MIT */
#include "support/dll.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE 4096u
#define MOST_BYTES (4 << 20)

static const char *const patterns[] = {
	"/usr/*-w64-mingw32/lib/*.dll",
	"/usr/lib/gcc/*-w64-mingw32/*/*.dll",
};

static uint64_t le(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;
	memcpy(&value, at, bytes);
	return value;
}

static void *get(size_t count, size_t bytes)
{
	void *memory = calloc(count, bytes);
	if (!memory)
		abort();
	return memory;
}

static const uint8_t *headers(const struct dll *dll)
{
	return dll->bytes + le(dll->bytes + 0x3C, 4);
}

static void back(struct dll *dll, uint64_t rva, uint64_t bytes)
{
	for (uint64_t page = rva / PAGE; page * PAGE < rva + bytes; page++)
		dll->backed[page] = true;
}

static void lay_out(struct dll *dll)
{
	const uint8_t *pe = headers(dll), *optional = pe + 24;
	const uint8_t *row = optional + le(pe + 20, 2);
	uint64_t header_bytes = le(optional + 60, 4);
	memcpy(dll->view, dll->bytes, header_bytes);
	back(dll, 0, header_bytes);
	for (unsigned left = (unsigned)le(pe + 6, 2); left; left--, row += 40) {
		uint64_t bytes = le(row + 8, 4), rva = le(row + 12, 4), raw = le(row + 16, 4);
		if (le(row + 20, 4))
			memcpy(dll->view + rva, dll->bytes + le(row + 20, 4), raw);
		back(dll, rva, bytes > raw ? bytes : raw);
	}
}

/* Adds `delta` wherever the table says, and notes the pages. */
static void relocate(const struct dll *dll, uint8_t *view, uint64_t delta)
{
	const uint8_t *entry = headers(dll) + 24 + (dll->wide ? 112 : 96) + 5 * 8;
	const uint8_t *at = dll->view + le(entry, 4), *end = at + le(entry + 4, 4);
	for (; at < end; at += le(at + 4, 4)) {
		for (const uint8_t *item = at + 8; item < at + le(at + 4, 4); item += 2) {
			uint64_t kind = le(item, 2) >> 12, rva = le(at, 4) + le(item, 2) % PAGE;
			unsigned width = kind == 10 ? 8 : 4;
			if (!kind)
				continue;
			uint64_t value = le(view + rva, width) + delta;
			memcpy(view + rva, &value, width);
			dll->moved[rva / PAGE] = dll->moved[(rva + width - 1) / PAGE] = true;
		}
	}
}

uint8_t *dll_moved(const struct dll *dll, uint64_t base)
{
	uint8_t *view = get(dll->pages, PAGE);
	memcpy(view, dll->view, (size_t)dll->pages * PAGE);
	relocate(dll, view, base - dll->base);
	return view;
}

static bool load(struct dll *dll, const char *path)
{
	struct stat is;
	FILE *file = fopen(path, "rb");
	if (!file || fstat(fileno(file), &is) || is.st_size > MOST_BYTES) {
		if (file)
			fclose(file);
		return false;
	}
	dll->path = strdup(path);
	dll->bytes = get(1, (size_t)is.st_size);
	dll->size = fread(dll->bytes, 1, (size_t)is.st_size, file);
	fclose(file);
	const uint8_t *optional = headers(dll) + 24;
	dll->wide = le(optional, 2) == 0x20B;
	dll->base = dll->wide ? le(optional + 24, 8) : le(optional + 28, 4);
	dll->pages = (uint32_t)((le(optional + 56, 4) + PAGE - 1) / PAGE);
	dll->view = get(dll->pages, PAGE);
	dll->backed = get(dll->pages, sizeof *dll->backed);
	dll->moved = get(dll->pages, sizeof *dll->moved);
	lay_out(dll);
	free(dll_moved(dll, dll->base)); /* notes the pages */
	return true;
}

static void unload(struct dll *dll)
{
	free(dll->path);
	free(dll->bytes);
	free(dll->view);
	free(dll->backed);
	free(dll->moved);
}

static unsigned each_of(const char *pattern, void (*each)(const struct dll *dll))
{
	glob_t found = {0};
	unsigned count = 0;
	if (glob(pattern, 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct dll dll = {0};
		if (!load(&dll, found.gl_pathv[i]))
			continue;
		each(&dll);
		unload(&dll);
		count++;
	}
	globfree(&found);
	return count;
}

unsigned dll_each(void (*each)(const struct dll *dll))
{
	unsigned count = 0;
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
		count += each_of(patterns[i], each);
	return count;
}
