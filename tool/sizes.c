/* SPDX-License-Identifier: MIT */
#include "sizes.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char units[] = "KMGT";

static unsigned shift_of(char letter)
{
	const char *unit = letter ? strchr(units, toupper((unsigned char)letter)) : NULL;
	return unit ? 10 * (unsigned)(unit - units + 1) : 0;
}

bool size_read(const char *text, uint64_t *bytes, const char **rest)
{
	uint64_t value = 0;
	const char *at = text;
	for (; isdigit((unsigned char)*at); at++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *at - '0', &value))
			return false;
	if (at == text)
		return false;
	unsigned shift = shift_of(*at);
	if (value << shift >> shift != value)
		return false;
	*bytes = value << shift;
	*rest = shift ? at + 1 : at;
	return true;
}

bool size_parse(const char *text, uint64_t *bytes)
{
	const char *rest;
	uint64_t value;
	if (!size_read(text, &value, &rest) || *rest)
		return false;
	*bytes = value;
	return true;
}

struct size_text size_text(uint64_t bytes)
{
	struct size_text result;
	size_t unit = 0;
	while (bytes && bytes % 1024 == 0 && unit < strlen(units)) {
		bytes /= 1024;
		unit++;
	}
	char letter[2] = {unit ? units[unit - 1] : 0};
	snprintf(result.text, sizeof result.text, "%ju%s", (uintmax_t)bytes, letter);
	return result;
}
