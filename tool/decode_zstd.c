/* SPDX-License-Identifier: MIT */
#include "source.h"

#include <zstd.h>
#include <stdlib.h>

struct unzstd {
	ZSTD_DStream *stream;
	bool between; /* at the end of one frame, and not yet in the next */
};

static void *zstd_begin(void)
{
	struct unzstd *state = calloc(1, sizeof *state);
	if (state && !(state->stream = ZSTD_createDStream())) {
		free(state);
		return NULL;
	}
	return state;
}

static void zstd_finish(void *opaque)
{
	struct unzstd *state = opaque;
	ZSTD_freeDStream(state->stream);
	free(state);
}

/* Decodes what it can of what has been read; an error in words. */
static const char *zstd_step(struct unzstd *state, struct source *source, ZSTD_outBuffer *out)
{
	ZSTD_inBuffer in = {.src = source->next, .size = (size_t)(source->end - source->next)};
	size_t result = ZSTD_decompressStream(state->stream, out, &in);
	source->next += in.pos;
	state->between = result == 0;
	return ZSTD_isError(result) ? ZSTD_getErrorName(result) : NULL;
}

static ssize_t zstd_read(void *opaque, struct source *source, void *text, size_t room)
{
	struct unzstd *state = opaque;
	ZSTD_outBuffer out = {.dst = text, .size = room};
	while (!out.pos) {
		bool more = source_fill(source);
		if (source->error)
			return -1;
		if (!more && state->between)
			return 0;
		source->error = zstd_step(state, source, &out);
		if (!source->error && !more && !state->between && !out.pos)
			source->error = SOURCE_CUT;
		if (source->error)
			return -1;
	}
	return (ssize_t)out.pos;
}

const struct decoder decode_zstd = {zstd_begin, zstd_read, zstd_finish};
