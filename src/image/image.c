/* SPDX-License-Identifier: MIT
 *
 * Images: opening, finding, reading.
 */
#include "image/image.h"

#include <string.h>

#include "base/check.h"
#include "base/os.h"
#include "image/pe.h"

NTSTATUS image_open(const struct image_source *source, struct image **image)
{
	struct pe pe;
	NTSTATUS status = pe_read(source, &pe);
	return status ? status : pe_make_pieces(source, &pe, image);
}

void image_free(struct image *image)
{
	os_free(image);
}

const struct image_piece *image_piece_at(const struct image *image, uint32_t page)
{
	uint32_t low = 0, high = image->pieces;
	DEBUG_CHECK(page < image->pages);
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (image->piece[middle].first_page <= page)
			low = middle;
		else
			high = middle;
	}
	return &image->piece[low];
}

/* `from` counts bytes from the start of the piece. */
static int read_piece(const struct image_piece *piece, const struct image_source *source,
                      uint64_t from, uint8_t *to, uint32_t bytes)
{
	uint32_t in_file = from < piece->file_bytes
	                           ? (uint32_t)min_u64(bytes, piece->file_bytes - from)
	                           : 0;
	memset(to + in_file, 0, bytes - in_file);
	if (!in_file)
		return 0;
	return source->read(source->context, piece->file_offset + from, to, in_file);
}

int image_read(const struct image *image, const struct image_source *source, uint32_t rva, void *to,
               uint32_t bytes)
{
	uint8_t *at = to;
	CHECK((uint64_t)rva + bytes <= image->pages * PAGE_BYTES);
	while (bytes) {
		const struct image_piece *piece = image_piece_at(image, (uint32_t)page_of(rva));
		uint64_t from = rva - address_of(piece->first_page);
		uint32_t part = (uint32_t)min_u64(bytes, piece->pages * PAGE_BYTES - from);
		int error = read_piece(piece, source, from, at, part);
		if (error)
			return error;
		at += part;
		rva += part;
		bytes -= part;
	}
	return 0;
}

uint64_t image_commit_pages(const struct image *image)
{
	uint64_t pages = 0;
	for (uint32_t i = 0; i < image->pieces; i++)
		if (image->piece[i].is_writable && !image->piece[i].is_shared)
			pages += image->piece[i].pages;
	return pages;
}
