/* SPDX-License-Identifier: MIT
 *
 * From the section table to pieces of the view (IM-5 to IM-7, IM-10, VQ-16).
 */
#include <string.h>

#include "base/check.h"
#include "base/os.h"
#include "image/pe.h"

#define PIECES_MOST (2 * IMAGE_SECTIONS_MOST + 2) /* headers, sections, a gap after each */
#define SECTOR_BYTES 512

enum { /* characteristics of a section */
	SECTION_SHARED = 0x10000000,
	SECTION_EXECUTE = 0x20000000,
	SECTION_READ = 0x40000000,
	SECTION_WRITE = (int)0x80000000,
};

struct section {
	uint32_t rva, virtual_bytes, raw_bytes, raw_offset, characteristics;
};

struct builder {
	uint32_t next_page; /* the pieces so far end here */
	uint32_t count;
	struct image_piece piece[PIECES_MOST];
};

static void add_piece(struct builder *b, struct image_piece piece)
{
	CHECK(b->count < PIECES_MOST);
	b->piece[b->count++] = piece;
	b->next_page = piece.first_page + piece.pages;
}

static void add_gap(struct builder *b, uint32_t end)
{
	if (end > b->next_page)
		add_piece(b, (struct image_piece){.first_page = b->next_page,
		                                  .pages = end - b->next_page,
		                                  .protection = PROT_NOACCESS,
		                                  .is_gap = true});
}

/* IM-10. */
static prot_t protection_of(uint32_t characteristics)
{
	bool is_shared = characteristics & SECTION_SHARED;
	bool is_executable = characteristics & SECTION_EXECUTE;
	if (characteristics & SECTION_WRITE) {
		if (is_executable)
			return is_shared ? PROT_EXECUTE_READWRITE : PROT_EXECUTE_WRITECOPY;
		return is_shared ? PROT_READWRITE : PROT_WRITECOPY;
	}
	if (characteristics & SECTION_READ)
		return is_executable ? PROT_EXECUTE_READ : PROT_READONLY;
	return is_executable ? PROT_EXECUTE : PROT_NOACCESS;
}

/* Sections without any bytes have no pages either: they are left out. */
static struct section section_from(const uint8_t *row)
{
	struct section s = {.virtual_bytes = le32(row + 8),
	                    .rva = le32(row + 12),
	                    .raw_bytes = le32(row + 16),
	                    .raw_offset = le32(row + 20),
	                    .characteristics = le32(row + 36)};
	if (!s.virtual_bytes)
		s.virtual_bytes = s.raw_bytes;
	if (!s.raw_offset) /* nothing in the file: all zero */
		s.raw_bytes = 0;
	return s;
}

static NTSTATUS read_sections(const struct image_source *source, struct pe *pe,
                              struct section section[static IMAGE_SECTIONS_MOST])
{
	uint8_t rows[IMAGE_SECTIONS_MOST * PE_ROW_BYTES];
	uint32_t kept = 0;
	NTSTATUS status = pe_read_at(source, pe->table, rows, pe->sections * PE_ROW_BYTES);
	if (status)
		return status;
	for (uint32_t i = 0; i < pe->sections; i++) {
		section[kept] = section_from(rows + i * PE_ROW_BYTES);
		kept += section[kept].virtual_bytes != 0;
	}
	pe->sections = kept;
	return STATUS_SUCCESS;
}

/* IM-6: as many pages as the larger of the two sizes fills. What the file has beyond VirtualSize
 * gives way to the next section, which begins at page `end`. */
static uint32_t pages_of(const struct section *s, uint32_t end)
{
	uint64_t first = page_of(s->rva), pages = pages_for(s->virtual_bytes);
	uint64_t room = end > first ? end - first : 0;
	return (uint32_t)max_u64(pages, min_u64(pages_for(s->raw_bytes), room));
}

/* `end` is the page of the next section, or of the image's end. */
static bool add_section(struct builder *b, const struct pe *pe, const struct section *s,
                        uint32_t end)
{
	uint64_t first = page_of(s->rva), pages = pages_of(s, end);
	uint64_t offset = round_down(s->raw_offset, SECTOR_BYTES);
	if (s->rva % pe->section_alignment || first < b->next_page ||
	    first + pages > pe->image.pages)
		return false;
	if (s->raw_bytes && offset + s->raw_bytes > pe->image.file_bytes)
		return false;
	add_gap(b, (uint32_t)first);
	add_piece(b, (struct image_piece){
			     .first_page = (uint32_t)first,
			     .pages = (uint32_t)pages,
			     .file_offset = s->raw_bytes ? offset : 0,
			     .file_bytes = (uint32_t)min_u64(s->raw_bytes, pages * PAGE_BYTES),
			     .protection = protection_of(s->characteristics),
			     .is_shared = s->characteristics & SECTION_SHARED,
			     .is_writable = s->characteristics & SECTION_WRITE,
		     });
	return true;
}

static bool add_sections(struct builder *b, const struct pe *pe, const struct section *section)
{
	add_piece(b, (struct image_piece){.pages = (uint32_t)pages_for(pe->image.header_bytes),
	                                  .file_bytes = pe->image.header_bytes,
	                                  .protection = PROT_READONLY});
	for (uint32_t i = 0; i < pe->sections; i++) {
		bool is_last = i + 1 == pe->sections;
		uint32_t end = is_last ? pe->image.pages : (uint32_t)page_of(section[i + 1].rva);
		if (!add_section(b, pe, &section[i], end))
			return false;
	}
	add_gap(b, pe->image.pages);
	return true;
}

/* IM-7: the file as it lies there, so each section must lie where it is to be. */
static bool add_flat(struct builder *b, const struct pe *pe, const struct section *section)
{
	for (uint32_t i = 0; i < pe->sections; i++) {
		const struct section *s = &section[i];
		uint64_t end = (uint64_t)s->rva + max_u64(s->virtual_bytes, s->raw_bytes);
		if (end > pe->image_bytes)
			return false;
		if (s->raw_bytes && (s->raw_offset != s->rva ||
		                     (uint64_t)s->rva + s->raw_bytes > pe->image.file_bytes))
			return false;
	}
	add_piece(b, (struct image_piece){
			     .pages = pe->image.pages,
			     .file_bytes = (uint32_t)min_u64(pe->image.file_bytes, pe->image_bytes),
			     .protection = PROT_EXECUTE_WRITECOPY,
			     .is_writable = true,
		     });
	return true;
}

/* One block of memory: the image, its pieces behind it. */
static struct image *image_from(const struct pe *pe, const struct builder *b)
{
	struct image *image = os_alloc(sizeof *image + b->count * sizeof *image->piece);
	if (!image)
		return NULL;
	*image = pe->image;
	image->pieces = b->count;
	image->piece = (struct image_piece *)(image + 1);
	memcpy(image->piece, b->piece, b->count * sizeof *image->piece);
	for (uint32_t i = 0; i < image->pieces; i++)
		image->has_code |= !image->piece[i].is_gap &&
		                   prot_can_execute(image->piece[i].protection);
	return image;
}

NTSTATUS pe_make_pieces(const struct image_source *source, struct pe *pe, struct image **image)
{
	struct section section[IMAGE_SECTIONS_MOST];
	struct builder builder = {0};
	NTSTATUS status = read_sections(source, pe, section);
	if (status)
		return status;
	bool is_flat = pe->section_alignment < PAGE_BYTES;
	if (!(is_flat ? add_flat : add_sections)(&builder, pe, section))
		return STATUS_INVALID_IMAGE_FORMAT;
	pe->image.is_flat = is_flat;
	*image = image_from(pe, &builder);
	return *image ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}
