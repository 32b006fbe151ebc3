/* SPDX-License-Identifier: MIT
 *
 * What inner nodes know about the pages beneath them.
 */
#include "space/runs_node.h"

/* All ones where `condition` holds. What runs are is random, so branches would be guessed wrong. */
static inline uint64_t mask(bool condition)
{
	return -(uint64_t)condition;
}

struct figures figures_of_slots(const struct runs_node *leaf, unsigned first, unsigned last,
                                uint64_t end)
{
	struct figures sum = {0, 0};

	end = slot_end(leaf, last, end);
	for (unsigned i = last + 1; i-- > first; end = leaf->leaf.key[i]) {
		uint64_t start = leaf->leaf.key[i];
		sum.hole = max_u64(sum.hole, hole_of(start, end) & mask(!leaf->leaf.vad[i]));
		sum.committed += (end - start) & mask(attr_is_committed(leaf->leaf.attr[i]));
	}
	return sum;
}

static struct figures figures_of_leaf(const struct runs_node *leaf, uint64_t end)
{
	return figures_of_slots(leaf, 0, leaf->count - 1, end);
}

static uint64_t largest_hole(const struct runs_node *node, unsigned level, uint64_t end)
{
	uint64_t hole = 0;

	if (!level)
		return figures_of_leaf(node, end).hole;
	for (unsigned i = 0; i < node->count; i++)
		hole = max_u64(hole, node->inner.figures[i].hole);
	return hole;
}

struct figures figures_of(const struct runs_node *node, unsigned level, uint64_t end)
{
	struct figures sum = {0, 0};

	if (!level)
		return figures_of_leaf(node, end);
	sum.hole = largest_hole(node, level, end);
	for (unsigned i = 0; i < node->count; i++)
		sum.committed += node->inner.figures[i].committed;
	return sum;
}

/* The figures of the node at `at`, which were `known`, now that those of something in it are not `old` but
 * `now`. */
static struct figures figures_after(const struct step *at, unsigned level, struct figures known,
                                    struct figures_change change)
{
	known.committed += change.now.committed - change.old.committed;
	if (change.now.hole >= known.hole)
		known.hole = change.now.hole;
	else if (change.old.hole == known.hole)
		known.hole = largest_hole(at->node, level, at->end);
	return known;
}

/* What the node of this step knows of the child on the path. */
static struct figures *figures_of_child(const struct step *at)
{
	return &at->node->inner.figures[at->slot];
}

/* Above a node whose figures stay the same, all do. */
void figures_settle(struct step *path, unsigned level, unsigned height,
                    struct figures_change change)
{
	for (; level < height; level++) {
		struct figures *known = figures_of_child(&path[level + 1]), old = *known;
		if (change.old.hole == change.now.hole &&
		    change.old.committed == change.now.committed)
			return;
		*known = figures_after(&path[level], level, old, change);
		change = (struct figures_change){old, *known};
	}
}

void figures_recount(struct step *path, unsigned height)
{
	if (!height)
		return;
	struct figures *known = figures_of_child(&path[1]), old = *known;
	*known = figures_of_leaf(path[0].node, path[0].end);
	figures_settle(path, 1, height, (struct figures_change){old, *known});
}

static uint64_t committed_in_leaf(const struct runs_node *leaf, struct range range, uint64_t end)
{
	uint64_t pages = 0;

	for (unsigned i = slot_of(leaf, range.start);
	     i < leaf->count && leaf->leaf.key[i] < range.end; i++)
		pages += (min_u64(slot_end(leaf, i, end), range.end) -
		          max_u64(leaf->leaf.key[i], range.start)) &
		         mask(attr_is_committed(leaf->leaf.attr[i]));
	return pages;
}

/* Committed pages in `range`, which begins in the node that ends at `end`. Goes down at both ends of
 * the range, and just once as long as one child holds all of it. */
static uint64_t committed_in(const struct runs_node *node, unsigned level, struct range range,
                             uint64_t end)
{
	uint64_t pages = 0;

	if (!level)
		return committed_in_leaf(node, range, end);
	for (unsigned i = slot_of(node, range.start); i < node->count && keys(node)[i] < range.end;
	     i++) {
		uint64_t next = slot_end(node, i, end);
		if (range.start <= keys(node)[i] && next <= range.end)
			pages += node->inner.figures[i].committed;
		else
			pages += committed_in(node->inner.child[i], level - 1, range, next);
	}
	return pages;
}

uint64_t runs_committed(const struct runs *runs, struct range range)
{
	if (range.start >= runs->near_run.start && range.end <= runs->near_run.end)
		return attr_is_committed(runs->near_run.attr) ? range_pages(range) : 0;
	if (range.start >= runs->near.start && range.end <= runs->near.end)
		return committed_in_leaf(runs->near_leaf, range, runs->near.end);
	return committed_in(runs->root, runs->height, range, runs->whole.end);
}
