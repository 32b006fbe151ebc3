/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include "digits.h"

/* The line whose first word is at `at`. */
static const char *parse_reference(const unsigned char *at, uint64_t line, struct ref *ref)
{
	if (at[0] == '0' && (at[1] | 0x20) == 'x')
		at += 2;
	uint64_t address;
	const char *error = read_address(&at, &address);
	if (error)
		return error;
	const unsigned char *letter = skip_blanks(at);
	if (letter == at || (*letter != 'R' && *letter != 'W'))
		return "R or W is missing after the address";
	if (!says_nothing(skip_blanks(letter + 1)))
		return "there is more than a reference in the line";
	*ref = (struct ref){address, line, 1, *letter == 'R' ? REF_LOAD : REF_STORE};
	return NULL;
}

/* What the letters mean, plus 1; 0: nothing. */
static const unsigned char kinds[256] = {['R'] = REF_LOAD + 1, ['W'] = REF_STORE + 1};

/* Where the next line begins; NULL unless the line is up to 15 digits, a space and a letter. */
static inline const unsigned char *parse_quickly(const unsigned char *at, uint64_t line, struct ref *ref)
{
	uint64_t address;
	at += at[1] == 'x' && at[0] == '0' ? 2 : 0;
	size_t count = digits_until(at, ' ', &address);
	unsigned kind = kinds[at[count + 1]];
	if (!count || !kind || at[count + 2] != '\n')
		return NULL;
	*ref = (struct ref){address, line, 1, kind - 1};
	return at + count + 3;
}

size_t parse_simple(struct lines *lines, struct ref *refs, size_t most)
{
	static const struct format format = {parse_quickly, parse_reference, false};
	return parse_lines(lines, refs, most, &format);
}
