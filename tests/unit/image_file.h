/* SPDX-License-Identifier: MIT
 *
 * Files in memory, as the parser of images reads them. A read that leaves the file, or is of
 * nothing, is a failure of the test.
 */
#ifndef TESTS_UNIT_IMAGE_FILE_H
#define TESTS_UNIT_IMAGE_FILE_H

#include "image/image.h"
#include "support/pe.h"

struct image_file {
	const uint8_t *bytes;
	uint64_t size;
	unsigned reads;
	unsigned fails_at; /* the read that fails, counted from 1; 0: none */
	struct image_source source;
};

void image_file_of(struct image_file *file, const void *bytes, uint64_t size);

/* Opens what was built; fails the test when that does not succeed. */
struct image *image_of(const struct pe *pe, struct image_file *file);

/* What opening it answers; nothing is left open. */
NTSTATUS image_status(const struct pe *pe);

#endif
