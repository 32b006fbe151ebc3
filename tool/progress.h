/* SPDX-License-Identifier: MIT
 *
 * A bar on standard error while something long goes on; nothing when that is no terminal.
 *
 * Units: the whole is bytes of input as they lie in the files, 0 when that is not known; what is
 * counted in words is references. progress_show() may be called often: it draws ten times a second.
 */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct progress {
	bool shown;           /* on a terminal */
	bool drawn;
	uint64_t whole;
	struct timespec began, due;
};

void progress_begin(struct progress *progress, uint64_t whole);
void progress_show(struct progress *progress, uint64_t done, uint64_t references);
/* Takes the bar away. */
void progress_end(struct progress *progress);

#endif
