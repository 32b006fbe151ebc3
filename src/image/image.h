/* SPDX-License-Identifier: MIT
 *
 * PE images: what the headers of a file say about the view that SEC_IMAGE makes of it (17.5, IM).
 *
 * Nothing in the file is trusted: every offset and size is checked before it is used, and what is
 * kept is bounded, whatever the file says (IMAGE_SECTIONS_MOST).
 *
 * Units: pages of 4 KB where the name says so, bytes elsewhere. A relative address (`rva`) counts
 * bytes from the image's base. Errors: as image_open. Threads: an image does not change once it is
 * open; any number may read it. The reader may block; call with no lock that must not wait for it.
 */
#ifndef NTMM_IMAGE_IMAGE_H
#define NTMM_IMAGE_IMAGE_H

#include <ntmm/status.h>

#include "base/units.h"
#include "space/prot.h"

#define IMAGE_SECTIONS_MOST 96
#define IMAGE_BYTES_MOST (UINT64_C(1) << 31)

enum {
	IMAGE_MACHINE_I386 = 0x014C,
	IMAGE_MACHINE_AMD64 = 0x8664,
};

enum { /* image.characteristics */
	IMAGE_RELOCS_STRIPPED = 0x0001,
	IMAGE_EXECUTABLE = 0x0002,
	IMAGE_LARGE_ADDRESS_AWARE = 0x0020,
	IMAGE_DLL = 0x2000,
};

/* The file. `read` gives all of [offset, offset + bytes), which lies inside it, and returns 0, or
 * returns an errno value. */
struct image_source {
	int (*read)(void *context, uint64_t offset, void *to, uint32_t bytes);
	void *context;
	uint64_t bytes;
};

/* Pages of the view that come from one place. Where the file has fewer bytes than the pages hold,
 * the rest is zero. */
struct image_piece {
	uint32_t first_page, pages;
	uint64_t file_offset; /* 0 when file_bytes is */
	uint32_t file_bytes;
	prot_t protection;    /* at first (IM-5, IM-10); of no meaning in a gap */
	bool is_gap;          /* belongs to the view, but is not backed (VQ-16) */
	bool is_shared;       /* one copy for all processes (IM-11) */
	bool is_writable;     /* charged when mapped, unless shared (IM-14) */
};

struct image {
	uint64_t base;          /* the preferred one; a multiple of 64 KB */
	uint64_t file_bytes;
	uint64_t stack_reserve, stack_commit;
	uint32_t pages;         /* of the view (IM-1); IMAGE_BYTES_MOST at most */
	uint32_t header_bytes;  /* SizeOfHeaders */
	uint32_t entry;         /* rva; 0: none */
	uint32_t checksum, loader_flags;
	uint32_t reloc_rva, reloc_bytes; /* the table of fixups; 0 bytes: none */
	uint16_t machine, characteristics, dll_characteristics;
	uint16_t subsystem, subsystem_major, subsystem_minor;
	uint16_t system_major, system_minor; /* of the operating system that it is for */
	bool is_movable;        /* may lie at another base than the preferred one (IM-4) */
	bool has_code;          /* a section that can be executed */
	bool is_flat;           /* mapped as it lies in the file (IM-7) */
	/* From page 0 on without a hole or overlap to `pages`: headers, sections, gaps. */
	uint32_t pieces;
	struct image_piece *piece;
};

/* STATUS_INVALID_FILE_FOR_SECTION: the file is empty. STATUS_INVALID_IMAGE_NOT_MZ, ..._PROTECT (a
 * DOS program), ..._NE_FORMAT, ..._WIN_16, ..._LE_FORMAT: something else than PE.
 * STATUS_INVALID_IMAGE_FORMAT: PE, but malformed or for another processor. STATUS_IO_DEVICE_ERROR:
 * it cannot be read. STATUS_INSUFFICIENT_RESOURCES: the host has no memory. */
NTSTATUS image_open(const struct image_source *source, struct image **image);
void image_free(struct image *image);

/* The piece of a page below image->pages. */
const struct image_piece *image_piece_at(const struct image *image, uint32_t page);

/* The bytes [rva, rva + bytes) of the view, as they are before anything is relocated or written;
 * zero in gaps. The range lies in the image. Returns 0 or what the reader returned. */
int image_read(const struct image *image, const struct image_source *source, uint32_t rva, void *to,
               uint32_t bytes);

/* Pages that are charged to the commit of whoever maps the image (IM-14). */
uint64_t image_commit_pages(const struct image *image);

/* Whether the process of this .exe may have addresses above 2 GB (AS-6). */
static inline bool image_is_large_address_aware(const struct image *image)
{
	return image->characteristics & IMAGE_LARGE_ADDRESS_AWARE;
}

#endif
