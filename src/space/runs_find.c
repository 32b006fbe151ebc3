/* SPDX-License-Identifier: MIT
 *
 * Searches: for the first or the last hole that is large enough, or run that is committed.
 *
 * The figures say which children have such a run, so a search turns back at most once, beneath the
 * child that holds the page where it starts. Recursion is as deep as the tree is high.
 */
#include "base/check.h"
#include "space/runs_node.h"

struct search {
	uint64_t page;      /* where it starts: the run there counts */
	uint64_t pages;     /* of the hole that is sought; 0: a committed run is */
	struct range found; /* the whole run */
};

static bool fits(const struct runs_node *node, unsigned level, unsigned slot, uint64_t end,
                 uint64_t pages)
{
	if (!pages)
		return level ? node->inner.figures[slot].committed > 0
		             : attr_is_committed(node->leaf.attr[slot]);
	if (level)
		return node->inner.figures[slot].hole >= pages;
	return !node->leaf.vad[slot] &&
	       round_up(node->leaf.key[slot], GRANULE_PAGES) + pages <= slot_end(node, slot, end);
}

/* The first slot from this one on that fits; the count of slots when none does. */
static unsigned next_fit(const struct runs_node *node, unsigned level, unsigned slot, uint64_t end,
                         uint64_t pages)
{
	while (slot < node->count && !fits(node, level, slot, end, pages))
		slot++;
	return slot;
}

static bool find_from(const struct runs_node *node, unsigned level, uint64_t end, struct search *s)
{
	unsigned slot = slot_of(node, s->page);
	while ((slot = next_fit(node, level, slot, end, s->pages)) < node->count) {
		s->found = (struct range){keys(node)[slot], slot_end(node, slot, end)};
		if (!level || find_from(node->inner.child[slot], level - 1, s->found.end, s))
			return true;
		slot++;
	}
	return false;
}

static bool find_back(const struct runs_node *node, unsigned level, uint64_t end, struct search *s)
{
	for (unsigned slot = slot_of(node, s->page) + 1; slot-- > 0;) {
		if (!fits(node, level, slot, end, s->pages))
			continue;
		s->found = (struct range){keys(node)[slot], slot_end(node, slot, end)};
		if (!level || find_back(node->inner.child[slot], level - 1, s->found.end, s))
			return true;
	}
	return false;
}

static struct range clip(struct range r, struct range to)
{
	return (struct range){max_u64(r.start, to.start), min_u64(r.end, to.end)};
}

bool runs_find_low(const struct runs *runs, struct range bounds, uint64_t pages, uint64_t align,
                   uint64_t *start)
{
	struct range within = clip(bounds, runs->whole);
	struct search s = {.page = within.start, .pages = pages};

	DEBUG_CHECK(pages && align && align % GRANULE_PAGES == 0);
	while (s.page < within.end && find_from(runs->root, runs->height, runs->whole.end, &s)) {
		struct range place = clip(s.found, within);
		place.start = round_up(place.start, align);
		if (place.start < place.end && range_pages(place) >= pages) {
			*start = place.start;
			return true;
		}
		s.page = s.found.end;
	}
	return false;
}

bool runs_find_high(const struct runs *runs, struct range bounds, uint64_t pages, uint64_t align,
                    uint64_t *start)
{
	struct range within = clip(bounds, runs->whole);
	struct search s = {.page = within.end - 1, .pages = pages};

	DEBUG_CHECK(pages && align && align % GRANULE_PAGES == 0);
	if (within.start >= within.end)
		return false;
	while (find_back(runs->root, runs->height, runs->whole.end, &s)) {
		struct range place = clip(s.found, within);
		uint64_t last = place.end < pages ? 0 : round_down(place.end - pages, align);
		if (place.end >= pages && last >= place.start) {
			*start = last;
			return true;
		}
		if (s.found.start <= within.start)
			return false;
		s.page = s.found.start - 1;
	}
	return false;
}

bool runs_committed_from(const struct runs *runs, uint64_t page, struct range *found)
{
	struct search s = {.page = page};
	struct step near = {.node = runs->near_leaf, .end = runs->near.end};

	bool is_found = range_has(runs->near, page) && find_from(near.node, 0, near.end, &s);
	if (!is_found && !find_from(runs->root, runs->height, runs->whole.end, &s))
		return false;
	*found = s.found;
	return true;
}

bool runs_committed_back(const struct runs *runs, uint64_t page, struct range *found)
{
	struct search s = {.page = page};
	struct step near = {.node = runs->near_leaf, .end = runs->near.end};

	bool is_found = range_has(runs->near, page) && find_back(near.node, 0, near.end, &s);
	if (!is_found && !find_back(runs->root, runs->height, runs->whole.end, &s))
		return false;
	*found = s.found;
	return true;
}
