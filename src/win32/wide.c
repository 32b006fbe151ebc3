/* SPDX-License-Identifier: MIT */
#include "win32/wide.h"

#include <string.h>

#include "base/os.h"
#include "win32/error.h"

/* The next character of a UTF-8 string; -1 when there is none. */
static int32_t next_character(const unsigned char **text)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	const unsigned char *at = *text;
	unsigned more = *at < 0x80 ? 0 : *at >= 0xF0 ? 3 : *at >= 0xE0 ? 2 : 1;
	if ((*at >= 0x80 && *at < 0xC0) || *at >= 0xF8)
		return -1;
	uint32_t c = more ? *at & (0x3Fu >> more) : *at;
	for (unsigned i = 0; i < more; i++) {
		if ((*++at & 0xC0) != 0x80)
			return -1;
		c = c << 6 | (*at & 0x3Fu);
	}
	*text = at + 1;
	bool surrogate = c >= 0xD800 && c < 0xE000;
	return c < least[more] || c > 0x10FFFF || surrogate ? -1 : (int32_t)c;
}

bool wide_from(LPCSTR text, WCHAR **wide)
{
	const unsigned char *at = (const unsigned char *)text;
	*wide = NULL;
	if (!text)
		return true;
	WCHAR *to = os_alloc((strlen(text) + 1) * sizeof *to);
	if (!to)
		return win32_fail(ERROR_NOT_ENOUGH_MEMORY);
	*wide = to;
	while (*at) {
		int32_t c = next_character(&at);
		if (c < 0) {
			os_free(*wide);
			return win32_fail(ERROR_INVALID_PARAMETER);
		}
		if (c >= 0x10000)
			*to++ = (WCHAR)(0xD800 + ((c - 0x10000) >> 10));
		*to++ = (WCHAR)(c >= 0x10000 ? 0xDC00 + (c & 0x3FF) : c);
	}
	*to = 0;
	return true;
}

void wide_free(WCHAR *wide)
{
	os_free(wide);
}
