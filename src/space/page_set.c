/* SPDX-License-Identifier: MIT */
#include "space/page_set.h"

#include "base/check.h"
#include "base/os.h"

#define WORD_BITS UINT64_C(64)
#define GROUP_PAGES UINT64_C(4096)
#define SMALL_BYTES UINT64_C(65536) /* below: not worth a mapping of its own */

struct page_set {
	struct range range;
	uint64_t shares; /* allocations it is of */
	uint64_t bytes;  /* of the bitmaps */
	uint64_t *words;
	uint64_t *groups;
};

static uint64_t units_for(uint64_t count, uint64_t unit)
{
	return (count + unit - 1) / unit;
}

static void *bits_alloc(uint64_t bytes)
{
	return bytes < SMALL_BYTES ? os_alloc(bytes) : os_map_sparse(bytes);
}

static void bits_free(void *bits, uint64_t bytes)
{
	if (bytes < SMALL_BYTES)
		os_free(bits);
	else
		os_unmap(bits, bytes);
}

struct page_set *page_set_create(struct range range)
{
	struct page_set *set = os_alloc(sizeof *set);
	uint64_t groups = units_for(range_pages(range), GROUP_PAGES);
	uint64_t words = units_for(range_pages(range), WORD_BITS);
	if (!set)
		return NULL;
	set->range = range;
	set->shares = 1;
	set->bytes = (words + units_for(groups, WORD_BITS)) * sizeof *set->words;
	if (set->bytes >= SMALL_BYTES)
		set->bytes = round_up(set->bytes, PAGE_BYTES);
	set->words = bits_alloc(set->bytes);
	if (!set->words) {
		os_free(set);
		return NULL;
	}
	set->groups = set->words + words;
	return set;
}

struct page_set *page_set_share(struct page_set *set)
{
	set->shares++;
	return set;
}

void page_set_drop(struct page_set *set)
{
	if (!set || --set->shares)
		return;
	bits_free(set->words, set->bytes);
	os_free(set);
}

bool page_set_covers(const struct page_set *set, struct range range)
{
	return range.start >= set->range.start && range.end <= set->range.end;
}

/* ---- bits ----------------------------------------------------------------------------------- */

static uint64_t word_at(const uint64_t *words, uint64_t bit)
{
	return __atomic_load_n(&words[bit / WORD_BITS], __ATOMIC_RELAXED);
}

static void set_bit(uint64_t *words, uint64_t bit)
{
	uint64_t mask = UINT64_C(1) << bit % WORD_BITS;
	if (!(word_at(words, bit) & mask))
		__atomic_fetch_or(&words[bit / WORD_BITS], mask, __ATOMIC_RELAXED);
}

static void clear_bits(uint64_t *words, uint64_t bit, uint64_t end)
{
	while (bit < end) {
		uint64_t next = min_u64(round_down(bit, WORD_BITS) + WORD_BITS, end);
		uint64_t mask = UINT64_MAX >> (WORD_BITS - (next - bit)) << bit % WORD_BITS;
		if (word_at(words, bit) & mask)
			__atomic_fetch_and(&words[bit / WORD_BITS], ~mask, __ATOMIC_RELAXED);
		bit = next;
	}
}

/* The first bit from `bit` on that is set, or with `flip` all ones the first that is clear; `end` when
 * there is none. */
static uint64_t next_bit(const uint64_t *words, uint64_t bit, uint64_t end, uint64_t flip)
{
	while (bit < end) {
		uint64_t rest = (word_at(words, bit) ^ flip) >> bit % WORD_BITS;
		if (rest)
			return min_u64(bit + (uint64_t)__builtin_ctzll(rest), end);
		bit = round_down(bit, WORD_BITS) + WORD_BITS;
	}
	return end;
}

/* The first group from that of `bit` on that may have members; its first bit, but not below `bit`. */
static uint64_t skip_groups(const struct page_set *set, uint64_t bit, uint64_t end)
{
	uint64_t group = next_bit(set->groups, bit / GROUP_PAGES, units_for(end, GROUP_PAGES), 0);
	return max_u64(bit, group * GROUP_PAGES);
}

/* ---- members ---------------------------------------------------------------------------------- */

void page_set_add(struct page_set *set, uint64_t page)
{
	CHECK(range_has(set->range, page));
	uint64_t bit = page - set->range.start;
	set_bit(set->words, bit);
	set_bit(set->groups, bit / GROUP_PAGES);
}

void page_set_add_all(struct page_set *set, struct range range)
{
	for (uint64_t page = range.start; page < range.end; page++)
		page_set_add(set, page);
}

bool page_set_has(const struct page_set *set, uint64_t page)
{
	uint64_t bit = page - set->range.start;
	return word_at(set->words, bit) >> bit % WORD_BITS & 1;
}

bool page_set_find(const struct page_set *set, struct range range, struct range *found)
{
	uint64_t first = set->range.start;
	uint64_t bit = range.start - first, end = range.end - first;
	while ((bit = skip_groups(set, bit, end)) < end) {
		uint64_t stop = min_u64(round_down(bit, GROUP_PAGES) + GROUP_PAGES, end);
		bit = next_bit(set->words, bit, stop, 0);
		if (bit == stop)
			continue;
		uint64_t last = next_bit(set->words, bit, stop, UINT64_MAX);
		*found = (struct range){first + bit, first + last};
		return true;
	}
	return false;
}

static bool is_group_clear(const struct page_set *set, uint64_t group)
{
	uint64_t end = min_u64((group + 1) * GROUP_PAGES, range_pages(set->range));
	return next_bit(set->words, group * GROUP_PAGES, end, 0) == end;
}

void page_set_remove(struct page_set *set, struct range range)
{
	uint64_t bit = range.start - set->range.start, end = range.end - set->range.start;
	while ((bit = skip_groups(set, bit, end)) < end) {
		uint64_t group = bit / GROUP_PAGES;
		uint64_t stop = min_u64((group + 1) * GROUP_PAGES, end);
		clear_bits(set->words, bit, stop);
		if (is_group_clear(set, group))
			clear_bits(set->groups, group, group + 1);
		bit = stop;
	}
}
