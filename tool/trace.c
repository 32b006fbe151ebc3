/* SPDX-License-Identifier: MIT */
#include "trace.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"

#define TEXT_BYTES ((size_t)128 << 10)

struct trace {
	struct lines lines;
	parser *parse;      /* NULL until a line has said something */
	struct input *input;
	size_t filled;      /* of text; what is behind lines.end is the beginning of a line */
	bool ended, failed;
	bool any; /* reference has been read */
	char *name;
	char *error; /* NULL although it failed: no memory to say why */
	unsigned char before[LINES_SLACK], text[TEXT_BYTES + LINES_SLACK];
};

struct trace *trace_open(struct input *input, const char *name)
{
	struct trace *trace = calloc(1, sizeof *trace);
	char *copy = strdup(name);
	if (!trace || !copy) {
		free(trace);
		free(copy);
		input_close(input);
		return NULL;
	}
	trace->lines = (struct lines){.next = trace->text, .end = trace->text, .line = 1};
	trace->input = input;
	trace->name = copy;
	return trace;
}

void trace_close(struct trace *trace)
{
	input_close(trace->input);
	free(trace->name);
	free(trace->error);
	free(trace);
}

static void fail(struct trace *trace, const char *reason)
{
	trace->failed = true;
	if (asprintf(&trace->error, "%s:%ju: %s", trace->name, (uintmax_t)trace->lines.line, reason) < 0)
		trace->error = NULL;
}

/* Moves the beginning of a line that is not complete to the front. */
static void keep_rest(struct trace *trace)
{
	size_t rest = (size_t)(trace->text + trace->filled - trace->lines.end);
	memmove(trace->text, trace->lines.end, rest);
	trace->filled = rest;
	trace->lines.next = trace->lines.end = trace->text;
}

/* The last line may lack its '\n'. */
static void end_text(struct trace *trace)
{
	trace->ended = true;
	if (trace->filled) {
		trace->text[trace->filled++] = '\n';
		trace->lines.end = trace->text + trace->filled;
	}
}

/* Sees to it that there are whole lines. False at the end and after an error. */
static bool fill(struct trace *trace)
{
	if (trace->ended)
		return false;
	keep_rest(trace);
	while (trace->lines.end == trace->text && !trace->ended) {
		if (trace->filled == TEXT_BYTES) {
			fail(trace, "the line is too long");
			return false;
		}
		unsigned char *to = trace->text + trace->filled;
		ssize_t got = input_read(trace->input, to, TEXT_BYTES - trace->filled);
		if (got < 0) {
			fail(trace, input_error(trace->input));
			return false;
		}
		trace->filled += (size_t)got;
		const unsigned char *last = memrchr(to, '\n', (size_t)got);
		if (last)
			trace->lines.end = last + 1;
		if (!got)
			end_text(trace);
	}
	return trace->lines.next < trace->lines.end;
}

/* ---- formats ------------------------------------------------------------------------------- */

static parser *parser_for(const unsigned char *word)
{
	if (*word == 'I' || *word == 'L' || *word == 'S' || *word == 'M')
		return parse_lackey;
	return isxdigit(*word) ? parse_simple : NULL;
}

/* Passes over the lines that say nothing in either format. False when there is no other. */
static bool find_word(struct lines *lines)
{
	while (lines->next < lines->end) {
		const unsigned char *word = skip_blanks(lines->next);
		if (!says_nothing(word) && !is_message(lines->next))
			return true;
		lines->next = next_line(word);
		lines->line++;
	}
	return false;
}

static void choose_parser(struct trace *trace)
{
	if (!find_word(&trace->lines))
		return;
	trace->parse = parser_for(skip_blanks(trace->lines.next));
	if (!trace->parse)
		fail(trace, "the line is neither of Valgrind's lackey nor an address with R or W");
}

/* ---- reading ------------------------------------------------------------------------------- */

static size_t read_lines(struct trace *trace, struct ref *refs, size_t most)
{
	if (!trace->parse)
		choose_parser(trace);
	if (!trace->parse || trace->failed)
		return 0;
	size_t count = trace->parse(&trace->lines, refs, most);
	if (trace->lines.error)
		fail(trace, trace->lines.error);
	return count;
}

ssize_t trace_read(struct trace *trace, struct ref *refs, size_t most)
{
	size_t count = 0;
	while (count < most && !trace->failed) {
		if (trace->lines.next == trace->lines.end && !fill(trace))
			break;
		count += read_lines(trace, refs + count, most - count);
	}
	trace->any |= count > 0;
	if (!trace->any && !trace->failed)
		fail(trace, "there is no reference in the trace");
	return trace->failed ? -1 : (ssize_t)count;
}

const char *trace_error(const struct trace *trace)
{
	return trace->error ? trace->error : strerror(ENOMEM);
}

const char *trace_name(const struct trace *trace)
{
	return trace->name;
}

uint64_t trace_size(const struct trace *trace)
{
	return input_size(trace->input);
}

uint64_t trace_taken(const struct trace *trace)
{
	return input_taken(trace->input);
}
