/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <string.h>

#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

const unsigned char *next_line(const unsigned char *at)
{
	return (const unsigned char *)rawmemchr(at, '\n') + 1;
}

static int digit_of(unsigned char letter)
{
	if (letter >= '0' && letter <= '9')
		return letter - '0';
	letter |= 0x20;
	return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

const char *read_address(const unsigned char **at, uint64_t *address)
{
	const unsigned char *first = *at;
	uint64_t value = 0;
	for (int digit; (digit = digit_of(**at)) >= 0; ++*at) {
		if (value >> 60)
			return "the address has more than 64 bits";
		value = value << 4 | (unsigned)digit;
	}
	if (*at == first)
		return "a hexadecimal address is missing";
	*address = value;
	return NULL;
}

const char *read_size(const unsigned char **at, uint64_t *bytes)
{
	const unsigned char *first = *at;
	uint64_t value = 0;
	for (; **at >= '0' && **at <= '9'; ++*at) {
		value = value * 10 + (unsigned)(**at - '0');
		if (value > REF_MOST_BYTES)
			return "the size is above " TEXT(REF_MOST_BYTES);
	}
	if (*at == first)
		return "a size is missing";
	if (!value)
		return "the size is 0";
	*bytes = value;
	return NULL;
}

const char *check_reference(uint64_t address, uint64_t bytes)
{
	return address > UINT64_MAX - (bytes - 1) ? "the reference runs past the last address" : NULL;
}
