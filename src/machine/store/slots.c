/* SPDX-License-Identifier: MIT */
#include "machine/store/slots.h"

#include <stddef.h>

#include "base/check.h"
#include "base/os.h"

#define WORD_SHIFT 6
#define WORD_BITS (1u << WORD_SHIFT)
#define STRETCHES 16 /* places looked at for one that is long enough */

struct stretch {
	uint32_t first, count;
};

/* The number of the last bit of a level. */
static uint32_t last_bit(const struct slots *slots, unsigned level)
{
	return slots->most >> (WORD_SHIFT * level);
}

static size_t words_of(const struct slots *slots, unsigned level)
{
	return last_bit(slots, level) / WORD_BITS + 1;
}

static bool is_set(const struct slots *slots, uint32_t page)
{
	return slots->level[0][page / WORD_BITS] >> (page % WORD_BITS) & 1;
}

static void set(struct slots *slots, uint32_t bit)
{
	for (unsigned l = 0; l < slots->levels; l++) {
		uint64_t *word = &slots->level[l][bit / WORD_BITS];
		*word |= UINT64_C(1) << (bit % WORD_BITS);
		if (*word != UINT64_MAX)
			return;
		bit /= WORD_BITS;
	}
}

static void clear(struct slots *slots, uint32_t bit)
{
	for (unsigned l = 0; l < slots->levels; l++) {
		uint64_t *word = &slots->level[l][bit / WORD_BITS];
		bool was_full = *word == UINT64_MAX;
		*word &= ~(UINT64_C(1) << (bit % WORD_BITS));
		if (!was_full)
			return;
		bit /= WORD_BITS;
	}
}

/* Bits that stand for nothing are never found clear. */
static void set_rest_of_level(struct slots *slots, unsigned level)
{
	uint32_t last = last_bit(slots, level);
	if (last % WORD_BITS != WORD_BITS - 1)
		slots->level[level][last / WORD_BITS] = UINT64_MAX << (last % WORD_BITS + 1);
}

bool slots_init(struct slots *slots, uint32_t count, uint32_t most)
{
	size_t words = 0;
	*slots = (struct slots){.count = count, .most = most, .next = 1};
	do
		words += words_of(slots, slots->levels);
	while (last_bit(slots, slots->levels++) >= WORD_BITS);
	CHECK(slots->levels <= SLOT_LEVELS);
	slots->level[0] = os_alloc(words * sizeof *slots->level[0]);
	if (!slots->level[0])
		return false;
	for (unsigned l = 1; l < slots->levels; l++)
		slots->level[l] = slots->level[l - 1] + words_of(slots, l - 1);
	for (unsigned l = 0; l < slots->levels; l++)
		set_rest_of_level(slots, l);
	set(slots, 0);
	return true;
}

void slots_destroy(struct slots *slots)
{
	os_free(slots->level[0]);
}

static uint32_t first_bit(uint64_t word)
{
	return (uint32_t)__builtin_ctzll(word);
}

/* The lowest free page beneath a clear bit of `level`. */
static uint32_t descend(const struct slots *slots, unsigned level, uint32_t bit)
{
	while (level--)
		bit = bit * WORD_BITS + first_bit(~slots->level[level][bit]);
	return bit;
}

/* The first page at or after `page` that is not taken; beyond count when there is none. */
static uint32_t next_free(const struct slots *slots, uint32_t page)
{
	uint32_t bit = page;
	for (unsigned l = 0; l < slots->levels && bit <= last_bit(slots, l); l++) {
		uint32_t word = bit / WORD_BITS;
		uint64_t from = UINT64_MAX << (bit % WORD_BITS);
		uint64_t clear_bits = ~slots->level[l][word] & from;
		if (clear_bits)
			return descend(slots, l, word * WORD_BITS + first_bit(clear_bits));
		bit = word + 1;
	}
	return UINT32_MAX;
}

/* The free pages from `page` on, or if there are none from the beginning; `wanted` at most. */
static struct stretch stretch_from(const struct slots *slots, uint32_t page, uint32_t wanted)
{
	struct stretch found = {next_free(slots, page), 0};
	if (found.first > slots->count)
		found.first = next_free(slots, 1);
	CHECK(found.first <= slots->count);
	while (found.count < wanted && found.first + found.count <= slots->count &&
	       !is_set(slots, found.first + found.count))
		found.count++;
	return found;
}

uint32_t slots_take(struct slots *slots, uint32_t wanted, uint32_t *first)
{
	if (!slots_left(slots))
		return 0;
	struct stretch start = stretch_from(slots, slots->next, wanted);
	struct stretch best = start, other = start;
	for (unsigned n = 1; n < STRETCHES && best.count < wanted; n++) {
		other = stretch_from(slots, other.first + other.count, wanted);
		if (other.first == start.first)
			break;
		if (other.count > best.count)
			best = other;
	}
	for (uint32_t i = 0; i < best.count; i++)
		set(slots, best.first + i);
	slots->used += best.count;
	slots->next = best.first + best.count;
	*first = best.first;
	return best.count;
}

void slots_free(struct slots *slots, uint32_t page)
{
	CHECK(slots_is_taken(slots, page));
	clear(slots, page);
	slots->used--;
}

void slots_lose(struct slots *slots, uint32_t page)
{
	CHECK(slots_is_taken(slots, page));
	slots->used--;
	slots->bad++;
}

bool slots_is_taken(const struct slots *slots, uint32_t page)
{
	return page && page <= slots->count && is_set(slots, page);
}
