/* SPDX-License-Identifier: MIT
 *
 * Encoded bytes, as they lie in a file or in memory, and what turns them into text.
 *
 * What this is: a window onto the bytes, moved along by source_fill(); a decoder takes from its
 * front and keeps a state of its own.
 *
 * Units: bytes. Errors: in words, final. Threads: one. May block in reading.
 */
#ifndef TOOL_SOURCE_H
#define TOOL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct source {
	const unsigned char *next, *end; /* read, and not yet taken by the decoder */
	unsigned char *buffer;           /* NULL: from memory, all of it is read */
	int file;
	bool ended;
	uint64_t size;                   /* of the file or memory; 0: not known */
	uint64_t read;
	const char *error;               /* in words; NULL: none */
};

/* The file is the source's from now on, also after a failure. False and errno. */
bool source_of_file(struct source *source, int file);
void source_of_memory(struct source *source, const void *bytes, size_t count);
void source_close(struct source *source);

/* Sees to it that next < end. False at the end and after an error. */
bool source_fill(struct source *source);

/* The same for `count` bytes, to be called before any byte is taken; fewer only at the end. */
size_t source_peek(struct source *source, size_t count);

/* Bytes that go elsewhere, at most `room`: how many, 0 at the end, -1 after an error. */
ssize_t source_take(struct source *source, void *bytes, size_t room);

struct decoder {
	void *(*begin)(void); /* NULL: no memory */
	/* At most `room` bytes of text: how many, 0 at the end, -1 after an error. */
	ssize_t (*read)(void *state, struct source *source, void *text, size_t room);
	void (*finish)(void *state);
};

extern const struct decoder decode_plain, decode_gzip, decode_zstd;

#define SOURCE_CUT "the compressed data ends early"

#endif
