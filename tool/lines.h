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

/* ---- a parser, made of what is peculiar to a format --------------------------------------------- */

struct format {
	/* The line at `at`, when it is of the usual kind: where the next begins; else NULL. */
	const unsigned char *(*quick)(const unsigned char *at, uint64_t line, struct ref *ref);
	/* A line with its first word at `at`; NULL, or why it is malformed. */
	const char *(*careful)(const unsigned char *at, uint64_t line, struct ref *ref);
	bool has_messages;
};

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* As many lines of the usual kind as there are in a row. */
ALWAYS_INLINE size_t parse_run(struct lines *lines, struct ref *refs, size_t most, const struct format *format)
{
	const unsigned char *at = lines->next, *end = lines->end, *after;
	uint64_t line = lines->line;
	size_t count = 0;
	while (count < most && at < end && (after = format->quick(at, line, &refs[count]))) {
		at = after;
		line++;
		count++;
	}
	lines->next = at;
	lines->line = line;
	return count;
}

/* One line of any kind: how many references it has, 0 or 1. */
ALWAYS_INLINE size_t parse_line(struct lines *lines, struct ref *ref, const struct format *format)
{
	const unsigned char *word = skip_blanks(lines->next);
	bool empty = says_nothing(word) || (format->has_messages && is_message(lines->next));
	if (!empty)
		lines->error = format->careful(word, lines->line, ref);
	if (lines->error)
		return 0;
	lines->next = next_line(word);
	lines->line++;
	return !empty;
}

ALWAYS_INLINE size_t parse_lines(struct lines *lines, struct ref *refs, size_t most, const struct format *format)
{
	size_t count = 0;
	while (count < most && lines->next < lines->end && !lines->error) {
		count += parse_run(lines, refs + count, most - count, format);
		if (count < most && lines->next < lines->end)
			count += parse_line(lines, refs + count, format);
	}
	return count;
}

#endif
