/* SPDX-License-Identifier: MIT
 *
 * The table of fixups, from the image: blocks, each of one page.
 *
 *      0        4             8
 *     +--------+-------------+----+----+ ... +
 *     | page's | bytes, with | 2 bytes each  |    4 high bits: kind, others: offset in the page
 *     | rva    | this header |               |    a block of no bytes ends the table
 *     +--------+-------------+----+----+ ... +
 */
#include <string.h>

#include "base/os.h"
#include "image/fixups_table.h"
#include "image/pe.h"

#define BLOCK_HEADER_BYTES 8
#define CURSOR_BYTES 4096
#define FIRST_ROOM 512

struct loader {
	const struct image *image;
	const struct image_source *source;
	uint32_t rva, end;   /* what has not been read of the table */
	uint32_t at, filled; /* of the buffer */
	uint32_t room;       /* fixups that there is memory for */
	struct image_fixups *fixups;
	uint8_t buffer[CURSOR_BYTES];
};

static NTSTATUS fill(struct loader *l)
{
	uint32_t left = l->filled - l->at;
	memmove(l->buffer, l->buffer + l->at, left);
	uint32_t more = (uint32_t)min_u64(CURSOR_BYTES - left, l->end - l->rva);
	if (image_read(l->image, l->source, l->rva, l->buffer + left, more))
		return STATUS_IO_DEVICE_ERROR;
	l->rva += more;
	l->at = 0;
	l->filled = left + more;
	return STATUS_SUCCESS;
}

/* The next bytes of the table, fewer than the buffer holds. */
static NTSTATUS take(struct loader *l, uint32_t bytes, const uint8_t **taken)
{
	NTSTATUS status = l->filled - l->at < bytes ? fill(l) : STATUS_SUCCESS;
	if (status)
		return status;
	if (l->filled - l->at < bytes)
		return STATUS_INVALID_IMAGE_FORMAT;
	*taken = l->buffer + l->at;
	l->at += bytes;
	return STATUS_SUCCESS;
}

static NTSTATUS take_entry(struct loader *l, uint32_t *left, uint16_t *entry)
{
	const uint8_t *bytes;
	if (*left < sizeof *entry)
		return STATUS_INVALID_IMAGE_FORMAT;
	NTSTATUS status = take(l, sizeof *entry, &bytes);
	if (status)
		return status;
	*left -= sizeof *entry;
	*entry = le16(bytes);
	return STATUS_SUCCESS;
}

/* 0: a kind that these processors do not have. */
static uint8_t width_of(unsigned kind)
{
	switch (kind) {
	case FIXUP_HIGH:
	case FIXUP_LOW:
	case FIXUP_HIGHADJ:
		return 2;
	case FIXUP_HIGHLOW:
		return 4;
	case FIXUP_DIR64:
		return 8;
	default:
		return 0;
	}
}

static bool is_backed(const struct image *image, uint64_t byte)
{
	uint64_t page = page_of(byte);
	return page < image->pages && !image_piece_at(image, (uint32_t)page)->is_gap;
}

static NTSTATUS make_room(struct loader *l)
{
	struct image_fixups *f = l->fixups;
	if (f->count < l->room)
		return STATUS_SUCCESS;
	if (f->count == FIXUPS_MOST)
		return STATUS_INVALID_IMAGE_FORMAT;
	uint32_t room = l->room ? 2 * l->room : FIRST_ROOM;
	struct fixup *larger = os_alloc(room * sizeof *larger);
	if (!larger)
		return STATUS_INSUFFICIENT_RESOURCES;
	if (f->count)
		memcpy(larger, f->fixup, f->count * sizeof *larger);
	os_free(f->fixup);
	f->fixup = larger;
	l->room = room;
	return STATUS_SUCCESS;
}

static NTSTATUS add(struct loader *l, uint64_t rva, struct fixup fixup)
{
	if (!is_backed(l->image, rva) || !is_backed(l->image, rva + fixup.width - 1))
		return STATUS_INVALID_IMAGE_FORMAT;
	NTSTATUS status = make_room(l);
	if (status)
		return status;
	fixup.rva = (uint32_t)rva;
	l->fixups->fixup[l->fixups->count++] = fixup;
	return STATUS_SUCCESS;
}

/* One entry, with the one behind it if it takes two. *left counts the block's bytes. */
static NTSTATUS load_entry(struct loader *l, uint32_t block_rva, uint32_t *left)
{
	uint16_t entry, parameter = 0;
	NTSTATUS status = take_entry(l, left, &entry);
	if (status)
		return status;
	unsigned kind = entry >> 12;
	uint8_t width = width_of(kind);
	if (kind == FIXUP_ABSOLUTE)
		return STATUS_SUCCESS;
	if (!width)
		return STATUS_INVALID_IMAGE_FORMAT;
	if (kind == FIXUP_HIGHADJ)
		status = take_entry(l, left, &parameter);
	if (status)
		return status;
	return add(l, (uint64_t)block_rva + (entry & 0xFFF),
	           (struct fixup){.parameter = parameter, .kind = (uint8_t)kind, .width = width});
}

static bool is_at_end(const struct loader *l)
{
	return l->at == l->filled && l->rva == l->end;
}

/* *last: the table ends here. */
static NTSTATUS load_block(struct loader *l, bool *last)
{
	const uint8_t *header;
	NTSTATUS status = take(l, BLOCK_HEADER_BYTES, &header);
	if (status)
		return status;
	uint32_t rva = le32(header), bytes = le32(header + 4);
	*last = !rva && !bytes;
	if (*last)
		return STATUS_SUCCESS;
	if (bytes < BLOCK_HEADER_BYTES || bytes % 2)
		return STATUS_INVALID_IMAGE_FORMAT;
	for (uint32_t left = bytes - BLOCK_HEADER_BYTES; left && !status;)
		status = load_entry(l, rva, &left);
	*last = is_at_end(l);
	return status;
}

static NTSTATUS load_blocks(struct loader *l)
{
	NTSTATUS status = STATUS_SUCCESS;
	for (bool last = is_at_end(l); !last && !status;)
		status = load_block(l, &last);
	return status;
}

/* By eight bits of the address, those that are alike stay in order. */
static void sort_by(unsigned shift, const struct fixup *from, struct fixup *to, uint32_t count)
{
	uint32_t place[256] = {0};
	for (uint32_t i = 0; i < count; i++)
		place[from[i].rva >> shift & 0xFF]++;
	for (uint32_t i = 0, before = 0; i < 256; i++) {
		before += place[i];
		place[i] = before - place[i];
	}
	for (uint32_t i = 0; i < count; i++)
		to[place[from[i].rva >> shift & 0xFF]++] = from[i];
}

static NTSTATUS sort_by_address(struct fixup *fixup, uint32_t count)
{
	struct fixup *other = os_alloc(count * sizeof *other);
	if (!other)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (unsigned shift = 0; shift < 32; shift += 16) {
		sort_by(shift, fixup, other, count);
		sort_by(shift + 8, other, fixup, count);
	}
	os_free(other);
	return STATUS_SUCCESS;
}

static bool is_sorted(const struct image_fixups *f)
{
	for (uint32_t i = 1; i < f->count; i++)
		if (f->fixup[i - 1].rva > f->fixup[i].rva)
			return false;
	return true;
}

/* Blocks are in order in any file that a linker made. */
static NTSTATUS sort(struct image_fixups *f)
{
	NTSTATUS status = is_sorted(f) ? STATUS_SUCCESS : sort_by_address(f->fixup, f->count);
	if (status)
		return status;
	for (uint32_t i = 1; i < f->count; i++)
		if ((uint64_t)f->fixup[i - 1].rva + f->fixup[i - 1].width > f->fixup[i].rva)
			return STATUS_INVALID_IMAGE_FORMAT;
	return STATUS_SUCCESS;
}

static bool crosses(const struct fixup *fixup)
{
	return fixup->rva % PAGE_BYTES + fixup->width > PAGE_BYTES;
}

static uint32_t count_crossings(const struct image_fixups *f)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < f->count; i++)
		count += crosses(&f->fixup[i]);
	return count;
}

static NTSTATUS keep_crossings(struct loader *l)
{
	struct image_fixups *f = l->fixups;
	uint32_t count = count_crossings(f);
	if (count)
		f->crossing = os_alloc(count * sizeof *f->crossing);
	if (count && !f->crossing)
		return STATUS_INSUFFICIENT_RESOURCES;
	for (uint32_t i = 0; i < f->count; i++) {
		const struct fixup *fixup = &f->fixup[i];
		if (!crosses(fixup))
			continue;
		struct crossing *c = &f->crossing[f->crossings++];
		c->fixup = i;
		if (image_read(l->image, l->source, fixup->rva, c->original, fixup->width))
			return STATUS_IO_DEVICE_ERROR;
	}
	return STATUS_SUCCESS;
}

NTSTATUS image_fixups_load(const struct image *image, const struct image_source *source,
                           struct image_fixups **fixups)
{
	struct loader l = {.image = image, .source = source, .rva = image->reloc_rva,
	                   .end = image->reloc_rva + image->reloc_bytes};
	if (!image->is_movable)
		return STATUS_CONFLICTING_ADDRESSES;
	if (image->reloc_bytes > FIXUP_TABLE_BYTES_MOST)
		return STATUS_INVALID_IMAGE_FORMAT;
	l.fixups = os_alloc(sizeof *l.fixups);
	if (!l.fixups)
		return STATUS_INSUFFICIENT_RESOURCES;
	NTSTATUS status = load_blocks(&l);
	if (!status)
		status = sort(l.fixups);
	if (!status)
		status = keep_crossings(&l);
	if (status)
		image_fixups_free(l.fixups);
	else
		*fixups = l.fixups;
	return status;
}
