/* SPDX-License-Identifier: MIT
 *
 * How the tests of this directory fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "world.h"

_Noreturn void world_failed(const char *format, ...)
{
	char message[400];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	print_error("%s\n", message);
	_fail(__FILE__, __LINE__);
	abort();
}
