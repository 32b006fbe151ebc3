/* SPDX-License-Identifier: MIT
 *
 * gnuplot, which draws what a script tells it to. It is an optional program, not a part of the tool.
 */
#ifndef TOOL_GNUPLOT_H
#define TOOL_GNUPLOT_H

#include <stdbool.h>
#include <stdio.h>

#include "failure.h"

/* Whether the file's name ends in .svg or .png. */
bool gnuplot_can_draw(const char *path);

/* False and a failure, when there is no such program. */
bool gnuplot_find(struct failure *failure);

/* Lets gnuplot draw into a file by a script, which is read from its beginning; the terminal is set. What
 * gnuplot complains of is on standard error. */
bool gnuplot_draw(FILE *script, const char *path, struct failure *failure);

/* Text in single quotes of a script, as it is; control characters become blanks. */
void gnuplot_quote(FILE *script, const char *text);

#endif
