/* SPDX-License-Identifier: MIT
 *
 * Sixteen hexadecimal digits at a time.
 *
 * Branches on how many digits an address has cost more than all the arithmetic, because it differs
 * from line to line. Only x86-64 has the quick way; elsewhere digits_until() finds nothing and its
 * callers go on letter by letter. Sixteen bytes before and behind the digits must be readable.
 */
#ifndef TOOL_DIGITS_H
#define TOOL_DIGITS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>

static inline __m128i digits_load(const unsigned char *at)
{
	return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static inline __m128i digits_at_most(__m128i bytes, char most)
{
	return _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(most)), bytes);
}

/* The value of `count` digits that end at `end`; *good tells whether all of them are. */
static inline uint64_t digits_value(const unsigned char *end, size_t count, int *good)
{
	static const unsigned char last[32] = {[16] = 255, 255, 255, 255, 255, 255, 255, 255,
	                                       255, 255, 255, 255, 255, 255, 255, 255};
	__m128i text = digits_load(end - 16);
	__m128i used = digits_load(last + count);
	__m128i decimal = _mm_sub_epi8(text, _mm_set1_epi8('0'));
	__m128i letter = _mm_sub_epi8(_mm_or_si128(text, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
	__m128i is_decimal = digits_at_most(decimal, 9);
	__m128i is_letter = digits_at_most(letter, 5);
	letter = _mm_add_epi8(letter, _mm_set1_epi8(10));
	__m128i values = _mm_or_si128(_mm_and_si128(is_decimal, decimal), _mm_and_si128(is_letter, letter));
	__m128i is_digit = _mm_or_si128(is_decimal, is_letter);
	*good = _mm_movemask_epi8(_mm_andnot_si128(is_digit, used)) == 0;
	values = _mm_and_si128(values, used);
	__m128i pairs = _mm_or_si128(_mm_slli_epi16(values, 4), _mm_srli_epi16(values, 8));
	pairs = _mm_and_si128(pairs, _mm_set1_epi16(0xff));
	return __builtin_bswap64((uint64_t)_mm_cvtsi128_si64(_mm_packus_epi16(pairs, pairs)));
}

/* How many digits there are before the first `stop`: 1 to 15; 0 when it is otherwise. */
static inline size_t digits_until(const unsigned char *at, char stop, uint64_t *value)
{
	__m128i stops = _mm_cmpeq_epi8(digits_load(at), _mm_set1_epi8(stop));
	size_t count = (size_t)__builtin_ctz((unsigned)_mm_movemask_epi8(stops) | 0x10000) % 16;
	int good;
	uint64_t number = digits_value(at + count, count, &good);
	if (!good)
		return 0;
	*value = number;
	return count;
}
#else
static inline size_t digits_until(const unsigned char *at, char stop, uint64_t *value)
{
	(void)at;
	(void)stop;
	(void)value;
	return 0;
}
#endif

#endif
