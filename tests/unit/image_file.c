/* SPDX-License-Identifier: MIT */
#include "image_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int read_memory(void *context, uint64_t offset, void *to, uint32_t bytes)
{
	struct image_file *file = context;
	assert_true(bytes && offset <= file->size && bytes <= file->size - offset);
	if (++file->reads == file->fails_at)
		return EIO;
	memcpy(to, file->bytes + offset, bytes);
	return 0;
}

void image_file_of(struct image_file *file, const void *bytes, uint64_t size)
{
	*file = (struct image_file){.bytes = bytes, .size = size};
	file->source = (struct image_source){read_memory, file, size};
}

struct image *image_of(const struct pe *pe, struct image_file *file)
{
	struct image *image = NULL;
	image_file_of(file, pe->bytes, pe->size);
	assert_int_equal(image_open(&file->source, &image), STATUS_SUCCESS);
	return image;
}

NTSTATUS image_status(const struct pe *pe)
{
	struct image_file file;
	struct image *image = NULL;
	image_file_of(&file, pe->bytes, pe->size);
	NTSTATUS status = image_open(&file.source, &image);
	assert_int_equal(!status, image != NULL);
	image_free(image);
	return status;
}
