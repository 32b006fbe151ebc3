/* SPDX-License-Identifier: MIT
 *
 * The optimum: the next touch of each is found from the end backwards; then pages with frames are in a
 * heap with the farthest next touch on top.
 */
#include "policy.h"

#include <stdlib.h>

#define NEVER UINT32_MAX   /* is touched again */
#define NOWHERE UINT32_MAX /* in the heap */

struct page {
	uint32_t next;  /* touch, by its place in the string */
	uint32_t place; /* in the heap */
	bool stored;
};

struct opt {
	struct page *pages;
	uint32_t *next; /* touch of the same page, for each touch */
	uint32_t *heap; /* page numbers */
	uint32_t used;
	uint64_t frames, page_ins;
};

/* ---- next touches ---------------------------------------------------------------------------- */

static void find_next_touches(struct opt *opt, const struct reference_string *string)
{
	for (uint32_t number = 0; number < string->pages; number++)
		opt->pages[number] = (struct page){.next = NEVER, .place = NOWHERE};
	for (size_t i = string->count; i-- > 0;) {
		struct page *page = &opt->pages[touch_page(string->touches[i])];
		opt->next[i] = page->next;
		page->next = (uint32_t)i;
	}
}

/* ---- the heap -------------------------------------------------------------------------------- */

static uint32_t next_at(const struct opt *opt, uint32_t place)
{
	return opt->pages[opt->heap[place]].next;
}

static void put(struct opt *opt, uint32_t place, uint32_t number)
{
	opt->heap[place] = number;
	opt->pages[number].place = place;
}

static void swap(struct opt *opt, uint32_t a, uint32_t b)
{
	uint32_t number = opt->heap[a];
	put(opt, a, opt->heap[b]);
	put(opt, b, number);
}

static void rise(struct opt *opt, uint32_t place)
{
	while (place && next_at(opt, (place - 1) / 2) < next_at(opt, place)) {
		swap(opt, place, (place - 1) / 2);
		place = (place - 1) / 2;
	}
}

/* The place itself or the one below it with the farthest next touch. */
static uint32_t farthest_of(const struct opt *opt, uint32_t place)
{
	uint32_t farthest = place;
	for (uint64_t below = 2 * (uint64_t)place + 1; below <= 2 * (uint64_t)place + 2; below++)
		if (below < opt->used && next_at(opt, (uint32_t)below) > next_at(opt, farthest))
			farthest = (uint32_t)below;
	return farthest;
}

static void sink(struct opt *opt, uint32_t place)
{
	uint32_t below;
	while ((below = farthest_of(opt, place)) != place) {
		swap(opt, place, below);
		place = below;
	}
}

static void evict(struct opt *opt)
{
	struct page *page = &opt->pages[opt->heap[0]];
	swap(opt, 0, --opt->used);
	page->place = NOWHERE;
	sink(opt, 0);
}

/* ---- touches --------------------------------------------------------------------------------- */

static void make_resident(struct opt *opt, uint32_t number)
{
	if (opt->used == opt->frames)
		evict(opt);
	opt->page_ins += opt->pages[number].stored;
	put(opt, opt->used++, number);
}

static void touch(struct opt *opt, uint32_t number, bool stores, uint32_t next)
{
	struct page *page = &opt->pages[number];
	if (page->place == NOWHERE)
		make_resident(opt, number);
	page->stored |= stores;
	page->next = page->stored ? next : NEVER;
	rise(opt, page->place);
	sink(opt, page->place);
}

static void touch_all(struct opt *opt, const struct reference_string *string)
{
	find_next_touches(opt, string);
	for (size_t i = 0; i < string->count; i++)
		touch(opt, touch_page(string->touches[i]), touch_stores(string->touches[i]), opt->next[i]);
}

bool policy_opt(const struct reference_string *string, uint64_t frames, uint64_t *page_ins)
{
	struct opt opt = {.frames = frames};
	opt.pages = calloc((size_t)string->pages + 1, sizeof *opt.pages);
	opt.heap = calloc((size_t)string->pages + 1, sizeof *opt.heap);
	opt.next = calloc(string->count + 1, sizeof *opt.next);
	bool enough = opt.pages && opt.heap && opt.next;
	if (enough) {
		touch_all(&opt, string);
		*page_ins = opt.page_ins;
	}
	free(opt.pages);
	free(opt.heap);
	free(opt.next);
	return enough;
}
