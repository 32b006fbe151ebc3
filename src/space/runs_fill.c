/* SPDX-License-Identifier: MIT
 *
 * Nodes that have become too empty: merged with a neighbour, or filled from it.
 */
#include "base/check.h"
#include "space/runs_node.h"

/* Two nodes become one only when that leaves room: one put must not split it again at once. */
static bool fit_in_one(unsigned slots, unsigned level)
{
	return slots <= capacity(level) * 3 / 4;
}

static void remove_slot(struct runs_node *node, unsigned level, unsigned slot)
{
	slots_move(level, node, slot, node, slot + 1, node->count - slot - 1);
	node->count--;
}

static void merge(struct runs_node *left, const struct runs_node *right, unsigned level)
{
	slots_move(level, left, left->count, right, 0, right->count);
	left->count += right->count;
}

static void level_out(struct runs_node *left, struct runs_node *right, unsigned level)
{
	unsigned total = left->count + right->count;
	unsigned half = total / 2;

	if (left->count < half) {
		unsigned moved = half - left->count;
		slots_move(level, left, left->count, right, 0, moved);
		slots_move(level, right, 0, right, moved, right->count - moved);
	} else {
		unsigned moved = left->count - half;
		slots_move(level, right, moved, right, 0, right->count);
		slots_move(level, right, 0, left, half, moved);
	}
	left->count = half;
	right->count = total - half;
}

/* Helps the child at `slot` of a node with at least two; `level` and `end` are the node's. */
static void help_child(struct runs *runs, struct runs_node *node, unsigned level, unsigned slot,
                       uint64_t end)
{
	unsigned first = slot ? slot - 1 : 0;
	struct runs_node *left = node->inner.child[first];
	struct runs_node *right = node->inner.child[first + 1];

	DEBUG_CHECK(node->count > 1);
	if (fit_in_one(left->count + right->count, level - 1)) {
		merge(left, right, level - 1);
		remove_slot(node, level, first + 1);
		node_give(runs, right);
	} else {
		level_out(left, right, level - 1);
		node->inner.key[first + 1] = keys(right)[0];
		node->inner.figures[first + 1] =
			figures_of(right, level - 1, slot_end(node, first + 1, end));
	}
	node->inner.figures[first] = figures_of(left, level - 1, slot_end(node, first, end));
}

static void lower_root(struct runs *runs)
{
	while (runs->height && runs->root->count == 1) {
		struct runs_node *root = runs->root;
		runs->root = root->inner.child[0];
		runs->height--;
		node_give(runs, root);
	}
}

/* Helps the highest node on the way to `page` that is too empty: its parent has another child to
 * spare. False when there is none. */
static bool help_one(struct runs *runs, uint64_t page)
{
	struct runs_node *node = runs->root;
	uint64_t end = runs->whole.end;

	for (unsigned level = runs->height; level; level--) {
		unsigned slot = slot_of(node, page);
		struct runs_node *child = node->inner.child[slot];
		if (child->count < least(level - 1)) {
			help_child(runs, node, level, slot, end);
			return true;
		}
		end = slot_end(node, slot, end);
		node = child;
	}
	return false;
}

/* Ends: helping takes a node away or leaves two that are well filled. */
void fill_path(struct runs *runs, uint64_t page)
{
	do
		lower_root(runs);
	while (help_one(runs, page));
}
