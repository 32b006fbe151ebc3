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

/* Where the next line begins; NULL unless the line is up to 15 digits, a space and a letter. */
static inline const unsigned char *parse_quickly(const unsigned char *at, uint64_t line, struct ref *ref)
{
	uint64_t address;
	at += at[1] == 'x' && at[0] == '0' ? 2 : 0;
	size_t count = digits_until(at, ' ', &address);
	unsigned char letter = at[count + 1];
	if (!count || at[count + 2] != '\n' || (letter != 'R' && letter != 'W'))
		return NULL;
	*ref = (struct ref){address, line, 1, letter == 'R' ? REF_LOAD : REF_STORE};
	return at + count + 3;
}

/* One line of any kind: how many references it has, 0 or 1. */
static size_t parse_line(struct lines *lines, struct ref *ref)
{
	const unsigned char *word = skip_blanks(lines->next);
	bool empty = says_nothing(word);
	if (!empty)
		lines->error = parse_reference(word, lines->line, ref);
	if (lines->error)
		return 0;
	lines->next = next_line(word);
	lines->line++;
	return !empty;
}

size_t parse_simple(struct lines *lines, struct ref *refs, size_t most)
{
	size_t count = 0;
	while (count < most && lines->next < lines->end && !lines->error) {
		const unsigned char *after = parse_quickly(lines->next, lines->line, &refs[count]);
		if (after) {
			lines->next = after;
			lines->line++;
			count++;
		} else {
			count += parse_line(lines, &refs[count]);
		}
	}
	return count;
}
