/* SPDX-License-Identifier: MIT
 *
 * The end of a program whose state cannot be trusted, and the words for a call that failed.
 */
#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_BYTES 256

static _Thread_local char message[MESSAGE_BYTES] __attribute__((tls_model("initial-exec")));

_Noreturn void check_failed(const char *what, const char *file, int line)
{
	char text[MESSAGE_BYTES];

	/* Not by stderr, which may allocate: it may be an allocator that called. */
	snprintf(text, sizeof text, "ntmm: %s:%d: check failed: %s\n", file, line, what);
	(void)!write(STDERR_FILENO, text, strlen(text));
	abort();
}

bool complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	return false;
}

const char *complaint(void)
{
	return message;
}

void complain_nothing(void)
{
	message[0] = '\0';
}
