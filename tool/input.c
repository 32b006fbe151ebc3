/* SPDX-License-Identifier: MIT */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"

struct input {
	struct source source;
	const struct decoder *decoder; /* NULL until the first bytes have been looked at */
	void *state;
};

struct input *input_of_file(int file)
{
	struct source source;
	if (!source_of_file(&source, file))
		return NULL;
	struct input *input = calloc(1, sizeof *input);
	if (input)
		input->source = source;
	else
		source_close(&source);
	return input;
}

struct input *input_of_path(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	return file < 0 ? NULL : input_of_file(file);
}

struct input *input_of_memory(const void *bytes, size_t count)
{
	struct input *input = calloc(1, sizeof *input);
	if (input)
		source_of_memory(&input->source, bytes, count);
	return input;
}

void input_close(struct input *input)
{
	if (input->decoder)
		input->decoder->finish(input->state);
	source_close(&input->source);
	free(input);
}

static const struct {
	unsigned char bytes[4], mask[4];
	const struct decoder *decoder;
} magics[] = {
	{{0x1f, 0x8b}, {0xff, 0xff}, &decode_gzip},
	{{0x28, 0xb5, 0x2f, 0xfd}, {0xff, 0xff, 0xff, 0xff}, &decode_zstd},
	{{0x50, 0x2a, 0x4d, 0x18}, {0xf0, 0xff, 0xff, 0xff}, &decode_zstd}, /* a frame to skip */
};

static const struct decoder *decoder_for(const unsigned char first[4])
{
	for (size_t row = 0; row < sizeof magics / sizeof *magics; row++) {
		int same = 1;
		for (int i = 0; i < 4; i++)
			same &= (first[i] & magics[row].mask[i]) == magics[row].bytes[i];
		if (same)
			return magics[row].decoder;
	}
	return &decode_plain;
}

static void choose_decoder(struct input *input)
{
	unsigned char first[4] = {0};
	size_t count = source_peek(&input->source, sizeof first);
	if (count)
		memcpy(first, input->source.next, count < sizeof first ? count : sizeof first);
	const struct decoder *decoder = decoder_for(first);
	input->state = decoder->begin();
	if (input->state)
		input->decoder = decoder;
	else
		input->source.error = strerror(ENOMEM);
}

ssize_t input_read(struct input *input, void *text, size_t room)
{
	if (!input->decoder && !input->source.error)
		choose_decoder(input);
	if (input->source.error)
		return -1;
	return input->decoder->read(input->state, &input->source, text, room);
}

const char *input_error(const struct input *input)
{
	return input->source.error;
}

uint64_t input_size(const struct input *input)
{
	return input->source.size;
}

uint64_t input_taken(const struct input *input)
{
	return input->source.read - (uint64_t)(input->source.end - input->source.next);
}
