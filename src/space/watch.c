/* SPDX-License-Identifier: MIT */
#include "space/watch.h"

#include "base/check.h"
#include "base/os.h"

#define WORD_BITS UINT64_C(64)
#define GROUP_PAGES UINT64_C(4096)
#define SMALL_BYTES UINT64_C(65536) /* below: not worth a mapping of its own */

struct watch {
	struct range range;
	uint64_t shares; /* allocations it is the record of */
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

struct watch *watch_create(struct range range)
{
	struct watch *watch = os_alloc(sizeof *watch);
	uint64_t groups = units_for(range_pages(range), GROUP_PAGES);
	uint64_t words = units_for(range_pages(range), WORD_BITS);
	if (!watch)
		return NULL;
	watch->range = range;
	watch->shares = 1;
	watch->bytes = (words + units_for(groups, WORD_BITS)) * sizeof *watch->words;
	if (watch->bytes >= SMALL_BYTES)
		watch->bytes = round_up(watch->bytes, PAGE_BYTES);
	watch->words = bits_alloc(watch->bytes);
	watch->groups = watch->words + words;
	if (watch->words)
		return watch;
	os_free(watch);
	return NULL;
}

struct watch *watch_share(struct watch *watch)
{
	watch->shares++;
	return watch;
}

void watch_drop(struct watch *watch)
{
	if (!watch || --watch->shares)
		return;
	bits_free(watch->words, watch->bytes);
	os_free(watch);
}

bool watch_covers(const struct watch *watch, struct range range)
{
	return range.start >= watch->range.start && range.end <= watch->range.end;
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

/* The first group from that of `bit` on that may have a mark; its first bit, but not below `bit`. */
static uint64_t skip_groups(const struct watch *watch, uint64_t bit, uint64_t end)
{
	uint64_t group = next_bit(watch->groups, bit / GROUP_PAGES, units_for(end, GROUP_PAGES), 0);
	return max_u64(bit, group * GROUP_PAGES);
}

/* ---- marks ---------------------------------------------------------------------------------- */

void watch_mark(struct watch *watch, uint64_t page)
{
	CHECK(range_has(watch->range, page));
	uint64_t bit = page - watch->range.start;
	set_bit(watch->words, bit);
	set_bit(watch->groups, bit / GROUP_PAGES);
}

void watch_mark_all(struct watch *watch, struct range range)
{
	for (uint64_t page = range.start; page < range.end; page++)
		watch_mark(watch, page);
}

bool watch_is_marked(const struct watch *watch, uint64_t page)
{
	uint64_t bit = page - watch->range.start;
	return word_at(watch->words, bit) >> bit % WORD_BITS & 1;
}

bool watch_find(const struct watch *watch, struct range range, struct range *marked)
{
	uint64_t first = watch->range.start;
	uint64_t bit = range.start - first, end = range.end - first;
	while ((bit = skip_groups(watch, bit, end)) < end) {
		uint64_t stop = min_u64(round_down(bit, GROUP_PAGES) + GROUP_PAGES, end);
		bit = next_bit(watch->words, bit, stop, 0);
		if (bit == stop)
			continue;
		uint64_t last = next_bit(watch->words, bit, stop, UINT64_MAX);
		*marked = (struct range){first + bit, first + last};
		return true;
	}
	return false;
}

static bool is_group_clear(const struct watch *watch, uint64_t group)
{
	uint64_t end = min_u64((group + 1) * GROUP_PAGES, range_pages(watch->range));
	return next_bit(watch->words, group * GROUP_PAGES, end, 0) == end;
}

void watch_clear(struct watch *watch, struct range range)
{
	uint64_t bit = range.start - watch->range.start, end = range.end - watch->range.start;
	while ((bit = skip_groups(watch, bit, end)) < end) {
		uint64_t group = bit / GROUP_PAGES;
		uint64_t stop = min_u64((group + 1) * GROUP_PAGES, end);
		clear_bits(watch->words, bit, stop);
		if (is_group_clear(watch, group))
			clear_bits(watch->groups, group, group + 1);
		bit = stop;
	}
}
