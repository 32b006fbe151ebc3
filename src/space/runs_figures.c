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

static struct figures figures_of_leaf(const struct runs_node *leaf, uint64_t end)
{
	struct figures sum = {0, 0};

	for (unsigned i = 0; i < leaf->count; i++) {
		uint64_t start = leaf->leaf.key[i], next = slot_end(leaf, i, end);
		sum.hole = max_u64(sum.hole, hole_of(start, next) & mask(!leaf->leaf.vad[i]));
		sum.committed += (next - start) & mask(attr_is_committed(leaf->leaf.attr[i]));
	}
	return sum;
}

static struct figures figures_of_inner(const struct runs_node *node)
{
	struct figures sum = {0, 0};

	for (unsigned i = 0; i < node->count; i++) {
		sum.hole = max_u64(sum.hole, node->inner.figures[i].hole);
		sum.committed += node->inner.figures[i].committed;
	}
	return sum;
}

struct figures figures_of(const struct runs_node *node, unsigned level, uint64_t end)
{
	return level ? figures_of_inner(node) : figures_of_leaf(node, end);
}

/* After a change of the leaf at path[0]. Above a node whose figures stay the same, all do. */
void figures_settle(struct step *path, unsigned height)
{
	for (unsigned level = 0; level < height; level++) {
		struct figures now = figures_of(path[level].node, level, path[level].end);
		struct figures *known = &path[level + 1].node->inner.figures[path[level + 1].slot];
		if (known->hole == now.hole && known->committed == now.committed)
			return;
		*known = now;
	}
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

/* Committed pages in `range`, which begins in the node that ends at `end`. Goes down at both ends of the
 * range, and just once as long as one child holds all of it. */
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
	return committed_in(runs->root, runs->height, range, runs->whole.end);
}
