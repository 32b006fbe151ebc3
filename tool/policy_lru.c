/* SPDX-License-Identifier: MIT
 *
 * Exact LRU: pages with frames in a ring, from the one touched last to the one touched longest ago.
 */
#include "policy.h"

#include <stdlib.h>

struct page {
	uint32_t newer, older;
	bool resident, stored;
};

/* The page after the last is the ring's head: its `older` is the newest page. */
struct lru {
	struct page *pages;
	uint32_t head;
	uint64_t used, frames, page_ins;
};

static void take_out(struct lru *lru, uint32_t number)
{
	const struct page *page = &lru->pages[number];
	lru->pages[page->newer].older = page->older;
	lru->pages[page->older].newer = page->newer;
}

static void put_first(struct lru *lru, uint32_t number)
{
	uint32_t second = lru->pages[lru->head].older;
	lru->pages[number].newer = lru->head;
	lru->pages[number].older = second;
	lru->pages[second].newer = number;
	lru->pages[lru->head].older = number;
}

static void evict(struct lru *lru)
{
	uint32_t oldest = lru->pages[lru->head].newer;
	take_out(lru, oldest);
	lru->pages[oldest].resident = false;
	lru->used--;
}

static void make_resident(struct lru *lru, struct page *page)
{
	if (lru->used == lru->frames)
		evict(lru);
	lru->page_ins += page->stored;
	page->resident = true;
	lru->used++;
}

static void touch(struct lru *lru, uint32_t number, bool stores)
{
	struct page *page = &lru->pages[number];
	if (page->resident)
		take_out(lru, number);
	else
		make_resident(lru, page);
	put_first(lru, number);
	page->stored |= stores;
}

bool policy_lru(const struct reference_string *string, uint64_t frames, uint64_t *page_ins)
{
	struct lru lru = {.head = string->pages, .frames = frames};
	lru.pages = calloc((size_t)string->pages + 1, sizeof *lru.pages);
	if (!lru.pages)
		return false;
	lru.pages[lru.head] = (struct page){.newer = lru.head, .older = lru.head};
	for (size_t i = 0; i < string->count; i++)
		touch(&lru, touch_page(string->touches[i]), touch_stores(string->touches[i]));
	*page_ins = lru.page_ins;
	free(lru.pages);
	return true;
}
