/* SPDX-License-Identifier: MIT
 *
 * Sizes in words: 512K, 4M, 1G, 2T, or bytes without a letter. A letter means a power of 1024.
 */
#ifndef TOOL_SIZES_H
#define TOOL_SIZES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads one size from the front of the text; *rest is what follows it. False: there is none, or it
 * does not fit 64 bits. */
bool size_read(const char *text, uint64_t *bytes, const char **rest);

/* The whole text is one size. */
bool size_parse(const char *text, uint64_t *bytes);

/* "4M": the largest unit that leaves no remainder. */
struct size_text {
	char text[24];
};
struct size_text size_text(uint64_t bytes);

#endif
