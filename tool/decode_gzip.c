/* SPDX-License-Identifier: MIT */
#define ZLIB_CONST
#include "source.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

struct gunzip {
	z_stream stream;
	bool between; /* at the end of one member, and not yet in the next */
};

static void *gzip_begin(void)
{
	struct gunzip *state = calloc(1, sizeof *state);
	if (state && inflateInit2(&state->stream, 15 + 16) != Z_OK) { /* 16: with the gzip wrapper */
		free(state);
		return NULL;
	}
	return state;
}

static void gzip_finish(void *state)
{
	inflateEnd(&((struct gunzip *)state)->stream);
	free(state);
}

/* Decodes what it can of what has been read; an error in words. */
static const char *gzip_step(struct gunzip *state, struct source *source)
{
	z_stream *stream = &state->stream;
	size_t ready = (size_t)(source->end - source->next);
	stream->next_in = source->next;
	stream->avail_in = ready < UINT_MAX ? (uInt)ready : UINT_MAX;
	if (state->between)
		inflateReset(stream);
	int result = inflate(stream, Z_NO_FLUSH);
	source->next = stream->next_in;
	state->between = result == Z_STREAM_END;
	if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR)
		return NULL;
	return stream->msg ? stream->msg : "damaged compressed data";
}

static ssize_t gzip_read(void *opaque, struct source *source, void *text, size_t room)
{
	struct gunzip *state = opaque;
	uInt wanted = room < UINT_MAX ? (uInt)room : UINT_MAX;
	state->stream.next_out = text;
	state->stream.avail_out = wanted;
	while (state->stream.avail_out == wanted) {
		bool more = source_fill(source);
		if (source->error)
			return -1;
		if (!more && state->between)
			return 0;
		source->error = gzip_step(state, source);
		if (!source->error && !more && !state->between && state->stream.avail_out == wanted)
			source->error = SOURCE_CUT;
		if (source->error)
			return -1;
	}
	return (ssize_t)(wanted - state->stream.avail_out);
}

const struct decoder decode_gzip = {gzip_begin, gzip_read, gzip_finish};
