/* SPDX-License-Identifier: MIT
 *
 * Traces: what a program did with memory, one reference a line.
 *
 * What this is: a stream of references out of the text of an input. Two formats are known; the first
 * line that says something tells which:
 *
 *   lackey  what `valgrind --tool=lackey --trace-mem=yes` writes: "I  04001f20,3" (fetch), " L a,n"
 *           (load), " S a,n" (store), " M a,n" (load, then store), with address a in hexadecimal
 *           and size n in decimal; lines that begin with == or -- are Valgrind's messages
 *   simple  "hexaddress R" or "hexaddress W", 0x before it allowed: a byte is loaded or stored
 *
 * In both, blank lines and lines that begin with # mean nothing.
 *
 * Units: addresses and sizes in bytes; lines count from 1.
 * Errors: the first ends the trace; trace_error() says it as "NAME:LINE: reason".
 * Threads: one trace is used by one thread. May block in reading.
 */
#ifndef TOOL_TRACE_H
#define TOOL_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "input.h"

enum ref_kind { REF_FETCH, REF_LOAD, REF_STORE, REF_MODIFY, REF_KINDS };

#define REF_MOST_BYTES 65536

/* bytes is 1 to REF_MOST_BYTES, and address + bytes does not pass 2^64. */
struct ref {
	uint64_t address;
	uint64_t line;
	uint32_t bytes;
	enum ref_kind kind;
};

struct trace;

/* The input is the trace's from then on, also on failure; the name is copied. NULL: no memory. */
struct trace *trace_open(struct input *input, const char *name);
void trace_close(struct trace *trace);

/* The next references, at most `most`: how many, 0 at the end, -1 after an error. A trace without
 * any is an error. */
ssize_t trace_read(struct trace *trace, struct ref *refs, size_t most);
const char *trace_error(const struct trace *trace);
const char *trace_name(const struct trace *trace);

/* See input_size() and input_taken(). */
uint64_t trace_size(const struct trace *trace);
uint64_t trace_taken(const struct trace *trace);

#endif
