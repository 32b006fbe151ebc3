/* SPDX-License-Identifier: MIT
 *
 * Why something could not be done, in words, for whoever will say so.
 */
#ifndef TOOL_FAILURE_H
#define TOOL_FAILURE_H

#include <stdbool.h>

#include "verbs.h"

struct failure {
	enum exit_status status; /* EXIT_FINE: nothing has failed */
	char *text;              /* NULL although something has: no memory to say what */
};

/* Returns false, for callers that return what this does. The first failure stays. */
__attribute__((cold, format(printf, 3, 4)))
bool fail_with(struct failure *failure, enum exit_status status, const char *format, ...);

bool fail_no_memory(struct failure *failure);

/* Says it on standard error, frees it, and returns the exit status. */
int failure_say(struct failure *failure);

#endif
