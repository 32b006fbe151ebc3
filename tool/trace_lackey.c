/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <string.h>

#include "digits.h"

static const char *read_kind(const unsigned char **at, enum ref_kind *kind)
{
	switch (*(*at)++) {
	case 'I': *kind = REF_FETCH; return NULL;
	case 'L': *kind = REF_LOAD; return NULL;
	case 'S': *kind = REF_STORE; return NULL;
	case 'M': *kind = REF_MODIFY; return NULL;
	default: return "the line begins with none of I, L, S, M";
	}
}

/* The line whose first word is at `at`. */
static const char *parse_reference(const unsigned char *at, uint64_t line, struct ref *ref)
{
	enum ref_kind kind;
	uint64_t address, bytes;
	const char *error = read_kind(&at, &kind);
	if (error)
		return error;
	if (skip_blanks(at) == at)
		return "a space is missing after the letter";
	at = skip_blanks(at);
	error = read_address(&at, &address);
	if (error)
		return error;
	if (*at++ != ',')
		return "a comma is missing after the address";
	error = read_size(&at, &bytes);
	if (error)
		return error;
	if (!says_nothing(skip_blanks(at)))
		return "there is more than a reference in the line";
	*ref = (struct ref){address, line, (uint32_t)bytes, kind};
	return check_reference(address, bytes);
}

/* ---- the quick way -------------------------------------------------------------------------
 *
 * Nearly every line is a letter in the first or second column, up to 15 digits from the fourth on, a
 * comma and a small size. What looks different is left to parse_reference().
 */

/* The lines' first three letters, found by the sum of two of them. Row 0 fits no line. */
static const struct {
	char letters[3];
	unsigned char kind; /* enum ref_kind */
} heads[256] = {
	[0] = {"\n", 0},
	['I' + ' '] = {"I  ", REF_FETCH},
	[' ' + 'L'] = {" L ", REF_LOAD},
	[' ' + 'S'] = {" S ", REF_STORE},
	[' ' + 'M'] = {" M ", REF_MODIFY},
};

/* Where the next line begins; NULL when this one is not of the usual kind. */
static inline const unsigned char *parse_quickly(const unsigned char *at, uint64_t line, struct ref *ref)
{
	unsigned row = (at[0] + at[1]) & 0xff;
	uint64_t address;
	size_t count = digits_until(at + 3, ',', &address);
	if (!count || memcmp(at, heads[row].letters, 3) != 0)
		return NULL;
	at += 3 + count + 1;
	unsigned tens = 0, ones = at[0] - (unsigned)'0';
	if (at[1] != '\n') {
		tens = ones;
		ones = *++at - (unsigned)'0';
	}
	unsigned bytes = tens * 10 + ones;
	if (tens > 9 || ones > 9 || !bytes || at[1] != '\n')
		return NULL;
	*ref = (struct ref){address, line, bytes, heads[row].kind};
	return at + 2;
}

size_t parse_lackey(struct lines *lines, struct ref *refs, size_t most)
{
	static const struct format format = {parse_quickly, parse_reference, true};
	return parse_lines(lines, refs, most, &format);
}
