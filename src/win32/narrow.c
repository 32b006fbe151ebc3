/* SPDX-License-Identifier: MIT
 *
 * From UTF-16 to UTF-8.
 */
#include "win32/narrow.h"

#include "base/os.h"

#define UNIT_BYTES_MOST 3 /* of UTF-8; a pair of units takes 4 */

static bool is_high(WCHAR unit)
{
	return unit >= 0xD800 && unit < 0xDC00;
}

static bool is_low(WCHAR unit)
{
	return unit >= 0xDC00 && unit < 0xE000;
}

/* The character that begins at **at, which moves behind it; 0: half of one. */
static uint32_t next_character(LPCWSTR *at)
{
	WCHAR unit = *(*at)++;
	if (is_low(unit) || (is_high(unit) && !is_low(**at)))
		return 0;
	if (!is_high(unit))
		return unit;
	return 0x10000 + ((uint32_t)(unit - 0xD800) << 10) + (uint32_t)(*(*at)++ - 0xDC00);
}

static char *put_character(char *to, uint32_t c)
{
	unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
	*to++ = (char)(leads[more] | c >> 6 * more);
	while (more--)
		*to++ = (char)(0x80 | (c >> 6 * more & 0x3F));
	return to;
}

DWORD narrow_from(LPCWSTR wide, char **narrow)
{
	size_t units = 0;
	while (wide[units])
		units++;
	char *copy = os_alloc(units * UNIT_BYTES_MOST + 1), *to = copy;
	if (!copy)
		return ERROR_NO_SYSTEM_RESOURCES;
	while (*wide) {
		uint32_t c = next_character(&wide);
		if (!c) {
			os_free(copy);
			return ERROR_INVALID_NAME;
		}
		to = put_character(to, c);
	}
	*narrow = copy;
	return ERROR_SUCCESS;
}
