/* SPDX-License-Identifier: MIT
 *
 * Whole lines of a trace's text, and how each format reads them.
 *
 * A parser turns lines from `next` on into references until there are `most` of them or no line is
 * left. It returns how many there are; before a line that is malformed it stops and sets `error`.
 * In either case `line` is the number of the line at `next`.
 *
 * Every line from next to end is complete: it ends in '\n'. LINES_SLACK bytes before next and behind
 * end can be read, whatever they hold.
 */
#ifndef TOOL_LINES_H
#define TOOL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace.h"

#define LINES_SLACK 32

struct lines {
	const unsigned char *next, *end;
	uint64_t line;
	const char *error; /* why the line at next is malformed; NULL: it is not known to be */
};

typedef size_t parser(struct lines *lines, struct ref *refs, size_t most);

parser parse_lackey, parse_simple;

/* ---- for the parsers: words of one line, each of which moves *at past what it has read -------- */

static inline const unsigned char *skip_blanks(const unsigned char *at)
{
	while (*at == ' ' || *at == '\t' || *at == '\r')
		at++;
	return at;
}

/* At the end of the line, or where a comment begins. */
static inline bool says_nothing(const unsigned char *at)
{
	return *at == '\n' || *at == '#';
}

/* Of Valgrind's own: what it says about itself and the program. */
static inline bool is_message(const unsigned char *at)
{
	return (at[0] == '=' && at[1] == '=') || (at[0] == '-' && at[1] == '-');
}

/* Past the '\n' of the line. */
const unsigned char *next_line(const unsigned char *at);

/* Hexadecimal digits, at least one, of a number below 2^64; else why not. */
const char *read_address(const unsigned char **at, uint64_t *address);

/* Decimal digits of a size that a reference can have; else why not. */
const char *read_size(const unsigned char **at, uint64_t *bytes);

/* Why a reference cannot be: it would run past the last address. */
const char *check_reference(uint64_t address, uint64_t bytes);

#endif
