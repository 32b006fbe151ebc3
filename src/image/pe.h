/* SPDX-License-Identifier: MIT
 *
 * What the headers of a PE file say, checked one by one but for the sections.
 *
 *      0          e_lfanew    + 4           + 24              + SizeOfOptionalHeader
 *     +-----------+-----------+-------------+-----------------+------------------+----
 *     | DOS: "MZ" | "PE\0\0"  | file header | optional header | 40 bytes each    | ...
 *     +-----------+-----------+-------------+-----------------+------------------+----
 */
#ifndef NTMM_IMAGE_PE_H
#define NTMM_IMAGE_PE_H

#include "image/image.h"

#define PE_ROW_BYTES 40

struct pe {
	struct image image; /* but for the pieces */
	uint32_t section_alignment, file_alignment;
	uint32_t image_bytes; /* SizeOfImage */
	uint32_t sections;
	uint64_t table; /* offset of the section table, which lies inside the file */
};

/* Errors as image_open. */
NTSTATUS pe_read(const struct image_source *source, struct pe *pe);

/* Reads if the range lies in the file. STATUS_INVALID_IMAGE_FORMAT, STATUS_IO_DEVICE_ERROR. */
NTSTATUS pe_read_at(const struct image_source *source, uint64_t offset, void *to, uint32_t bytes);

/* Makes the pieces. Errors as image_open. */
NTSTATUS pe_make_pieces(const struct image_source *source, struct pe *pe, struct image **image);

static inline uint16_t le16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t le32(const uint8_t *at)
{
	return le16(at) | (uint32_t)le16(at + 2) << 16;
}

static inline uint64_t le64(const uint8_t *at)
{
	return le32(at) | (uint64_t)le32(at + 4) << 32;
}

#endif
