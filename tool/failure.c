/* SPDX-License-Identifier: MIT */
#include "failure.h"

#include <errno.h>
#include <error.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool fail_with(struct failure *failure, enum exit_status status, const char *format, ...)
{
	if (failure->status)
		return false;
	failure->status = status;
	va_list values;
	va_start(values, format);
	if (vasprintf(&failure->text, format, values) < 0)
		failure->text = NULL;
	va_end(values);
	return false;
}

bool fail_no_memory(struct failure *failure)
{
	return fail_with(failure, EXIT_FAILED, "%s", strerror(ENOMEM));
}

int failure_say(struct failure *failure)
{
	if (failure->status)
		error(0, 0, "%s", failure->text ? failure->text : strerror(ENOMEM));
	free(failure->text);
	failure->text = NULL;
	return failure->status;
}
