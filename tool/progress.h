/* SPDX-License-Identifier: MIT
 *
 * A bar on standard error while something long goes on; nothing when that is no terminal.
 *
 * Units: `done` and `whole` are bytes of input as they lie in the files; a whole of 0 is not known, and
 * gives no bar. What is counted in words is references.
 */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct progress {
	bool shown; /* standard error is a terminal */
	bool drawn;
	const char *title;
	struct timespec began, due;
};

/* The title, which comes first in the line, must stay until the end. */
void progress_begin(struct progress *progress, const char *title);
/* May be called often: it draws ten times a second. */
void progress_show(struct progress *progress, uint64_t done, uint64_t whole, uint64_t references);
/* Takes the bar away. */
void progress_end(struct progress *progress);

#endif
