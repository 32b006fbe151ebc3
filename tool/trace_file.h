/* SPDX-License-Identifier: MIT
 *
 * A trace named on the command line, which can be opened once for each machine.
 *
 * "-" is standard input. To be read several times, a pipe is copied to a temporary file without a
 * name; what can be wound back is used in place.
 */
#ifndef TOOL_TRACE_FILE_H
#define TOOL_TRACE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "trace.h"

struct trace_file {
	const char *path;
	const char *name; /* as messages call it */
	int file;         /* standard input or its copy; -1: the path is opened */
	off_t start;      /* -1: from where it stands, once */
};

/* False and errno. */
bool trace_file_begin(struct trace_file *file, const char *path, bool several_times);
void trace_file_end(struct trace_file *file);

/* NULL and errno. */
struct trace *trace_file_open(const struct trace_file *file);

#endif
