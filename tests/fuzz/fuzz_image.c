/* SPDX-License-Identifier: MIT
 *
 * The input is a file that is to be mapped as an image. Whatever it is, the parser reads nothing
 * outside it; what it accepts has pieces that cover the view, and each page relocated by itself is
 * what the whole image is when its table is applied from front to back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/fixups.h"

#define WHOLE_PAGES 256 /* larger images are not relocated in one piece */
#define DELTA UINT64_C(0x0123456789AB0000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) ((condition) ? (void)0 : failed(#condition, __LINE__))

static _Noreturn void failed(const char *what, int line)
{
	fprintf(stderr, "fuzz_image.c:%d: %s\n", line, what);
	abort();
}

struct input {
	const uint8_t *data;
	size_t size;
};

static int read_input(void *context, uint64_t offset, void *to, uint32_t bytes)
{
	const struct input *input = context;
	MUST(bytes && offset <= input->size && bytes <= input->size - offset);
	memcpy(to, input->data + offset, bytes);
	return 0;
}

static void check_pieces(const struct image *image, uint64_t file_bytes)
{
	uint64_t next = 0;
	for (uint32_t i = 0; i < image->pieces; i++) {
		const struct image_piece *p = &image->piece[i];
		MUST(p->first_page == next && p->pages);
		MUST(p->file_bytes <= p->pages * PAGE_BYTES);
		MUST(p->file_offset <= file_bytes && p->file_bytes <= file_bytes - p->file_offset);
		MUST(!p->is_gap || (!p->file_bytes && !p->is_writable && !p->is_shared));
		MUST(image_piece_at(image, p->first_page) == p);
		MUST(image_piece_at(image, p->first_page + p->pages - 1) == p);
		next += p->pages;
	}
	MUST(next == image->pages && next * PAGE_BYTES <= IMAGE_BYTES_MOST);
	MUST(image_commit_pages(image) <= image->pages);
	MUST(!(image->base % 65536) && image->header_bytes <= next * PAGE_BYTES);
}

static uint64_t get(const uint8_t *at, unsigned width)
{
	uint64_t value = 0;
	memcpy(&value, at, width);
	return value;
}

static void change(uint8_t *at, unsigned kind, uint16_t parameter)
{
	unsigned width = kind == 10 ? 8 : kind == 3 ? 4 : 2;
	uint64_t value = get(at, width);
	if (kind == 1)
		value = (uint32_t)((value << 16) + DELTA) >> 16;
	else if (kind == 4)
		value = (uint32_t)((value << 16) + (uint32_t)(int16_t)parameter + DELTA + 0x8000) >>
		        16;
	else
		value += DELTA;
	memcpy(at, &value, width);
}

/* As a loader does it, to `view`, by the table in `original`. The table is known to be good. */
static void relocate_whole(const struct image *image, const uint8_t *original, uint8_t *view)
{
	const uint8_t *at = original + image->reloc_rva, *end = at + image->reloc_bytes;
	while (at < end) {
		uint32_t rva = (uint32_t)get(at, 4), bytes = (uint32_t)get(at + 4, 4);
		if (!rva && !bytes)
			break;
		for (const uint8_t *entry = at + 8; entry < at + bytes; entry += 2) {
			uint16_t value = (uint16_t)get(entry, 2);
			unsigned kind = value >> 12;
			if (!kind)
				continue;
			entry += kind == 4 ? 2 : 0;
			change(view + rva + value % 4096, kind, (uint16_t)get(entry, 2));
		}
		at += bytes;
	}
}

/* Pages that are done by themselves, against `view`. */
static void compare_pages(const struct image *image, const struct image_fixups *fixups,
                          const uint8_t *original, const uint8_t *view)
{
	for (uint32_t i = 0; i < image->pages; i++) {
		uint8_t page[PAGE_BYTES];
		memcpy(page, original + i * PAGE_BYTES, sizeof page);
		image_relocate_page(fixups, i, DELTA, page);
		MUST(!memcmp(page, view + i * PAGE_BYTES, sizeof page));
		MUST(image_page_has_fixups(fixups, i) ||
		     !memcmp(page, original + i * PAGE_BYTES, sizeof page));
	}
}

static void relocate(const struct image *image, const struct image_source *source)
{
	struct image_fixups *fixups;
	uint32_t bytes = (uint32_t)(image->pages * PAGE_BYTES);
	if (image_fixups_load(image, source, &fixups))
		return;
	if (image->pages <= WHOLE_PAGES) {
		uint8_t *original = malloc(bytes), *view = malloc(bytes);
		MUST(original && view && !image_read(image, source, 0, original, bytes));
		memcpy(view, original, bytes);
		relocate_whole(image, original, view);
		compare_pages(image, fixups, original, view);
		free(original);
		free(view);
	}
	image_fixups_free(fixups);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct image_source source = {read_input, &input, size};
	struct image *image;
	if (image_open(&source, &image))
		return 0;
	check_pieces(image, size);
	relocate(image, &source);
	image_free(image);
	return 0;
}
