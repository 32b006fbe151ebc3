/* SPDX-License-Identifier: MIT
 *
 * Where a trace's text comes from.
 *
 * What this is: the text in a file, in standard input or in memory, which is plain, gzip (several
 * members in a row are one text) or zstd (several frames likewise); the first bytes tell which.
 *
 * Units: bytes. Errors: in words, from input_error(); they are final.
 * Threads: one input is used by one thread. May block in reading.
 */
#ifndef TOOL_INPUT_H
#define TOOL_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct input;

/* NULL and errno. The file, from where it stands, is the input's from then on, also on failure. */
struct input *input_of_file(int file);
struct input *input_of_path(const char *path);
/* The bytes must stay until input_close(). */
struct input *input_of_memory(const void *bytes, size_t count);
void input_close(struct input *input);

/* Decoded text, at most `room` bytes: how many, 0 at the end, -1 after an error. */
ssize_t input_read(struct input *input, void *text, size_t room);
const char *input_error(const struct input *input);

/* Of the encoded bytes: how many there are (0: not known), how many have been decoded. */
uint64_t input_size(const struct input *input);
uint64_t input_taken(const struct input *input);

#endif
