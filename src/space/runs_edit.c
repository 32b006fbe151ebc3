/* SPDX-License-Identifier: MIT
 *
 * Changes of any size: put a key, splitting nodes; erase all keys between two, dropping whole
 * subtrees. Afterwards nodes beside an erased range may be nearly empty: see runs_fill.c.
 */
#include <string.h>

#include "base/check.h"
#include "space/runs_node.h"

/* Runs that are moved to the leaf before, rather than that a leaf is split. */
#define LEAST_SHIFT 8

#define MOVE(array) memmove(&to->array[at], &from->array[first], slots * sizeof to->array[0])

void slots_move(unsigned level, struct runs_node *to, unsigned at, const struct runs_node *from,
                unsigned first, unsigned slots)
{
	if (level) {
		MOVE(inner.key);
		MOVE(inner.child);
		MOVE(inner.figures);
	} else {
		MOVE(leaf.key);
		MOVE(leaf.vad);
		MOVE(leaf.attr);
	}
}

static bool is_full(const struct runs_node *node, unsigned level)
{
	return node->count == capacity(level);
}

/* Where to split a full node that is to take `page`: there, so that a tree that grows at one place
 * leaves well-filled nodes behind, but not so far out that a half would soon be merged again. */
static unsigned cut_for(const struct runs_node *node, unsigned level, uint64_t page)
{
	unsigned cut = slot_of(node, page) + 1;
	unsigned low = capacity(level) * 2 / 5;
	unsigned high = capacity(level) * 3 / 5;

	if (cut < low)
		return low;
	return cut < high ? cut : high;
}

/* Splits the full child on the way to `page`; the node at this step has room. */
static void split_child(struct runs *runs, struct step at, unsigned level, uint64_t page)
{
	struct runs_node *node = at.node, *left = node->inner.child[at.slot];
	struct runs_node *right = node_take(runs);
	unsigned cut = cut_for(left, level - 1, page);
	unsigned slot = at.slot + 1;
	uint64_t end = slot_end(node, at.slot, at.end);

	slots_move(level - 1, right, 0, left, cut, left->count - cut);
	right->count = left->count - cut;
	left->count = cut;

	slots_move(level, node, slot + 1, node, slot, node->count - slot);
	node->count++;
	node->inner.key[slot] = keys(right)[0];
	node->inner.child[slot] = right;
	node->inner.figures[slot - 1] = figures_of(left, level - 1, keys(right)[0]);
	node->inner.figures[slot] = figures_of(right, level - 1, end);
}

static void grow_root(struct runs *runs)
{
	struct runs_node *root = node_take(runs);

	CHECK(runs->height + 1 < MOST_LEVELS);
	root->count = 1;
	root->inner.key[0] = runs->whole.start;
	root->inner.child[0] = runs->root;
	root->inner.figures[0] = figures_of(runs->root, runs->height, runs->whole.end);
	runs->root = root;
	runs->height++;
}

/* The full leaf at this step's slot gives its first runs, those before `page`, to the leaf before it, if
 * that has room for some: leaves that are filled in rising order end up full. */
static bool shift_left(struct step at, uint64_t page)
{
	struct runs_node *node = at.node, *leaf = node->inner.child[at.slot];
	struct runs_node *left = at.slot ? node->inner.child[at.slot - 1] : leaf;
	uint64_t most = min_u64(LEAF_RUNS - left->count, LEAF_RUNS - least(0));
	unsigned moved = (unsigned)min_u64(most, slot_of(leaf, page));

	if (moved < LEAST_SHIFT)
		return false;
	slots_move(0, left, left->count, leaf, 0, moved);
	left->count += moved;
	slots_move(0, leaf, 0, leaf, moved, leaf->count - moved);
	leaf->count -= moved;
	uint64_t border = keys(leaf)[0];
	node->inner.figures[at.slot - 1] = figures_of(left, 0, border);
	node->inner.figures[at.slot] = figures_of(leaf, 0, slot_end(node, at.slot, at.end));
	node->inner.key[at.slot] = border;
	return true;
}

/* The leaf for `page`. While it is full, it shares with the one before it, or the highest of the full
 * nodes above it is split, whose parent has room. */
static struct runs_node *leaf_with_room(struct runs *runs, uint64_t page)
{
	for (;;) {
		struct step path[MOST_LEVELS];
		unsigned level = 0;
		path_to(runs, page, path);
		while (level <= runs->height && is_full(path[level].node, level))
			level++;
		if (!level)
			return path[0].node;
		if (runs->height && shift_left(path[1], page))
			continue;
		if (level > runs->height)
			grow_root(runs);
		else
			split_child(runs, path[level], level, page);
	}
}

/* Makes a run start at `start`, with these values; it ends where the one that held `start` does.
 * The figures on the way there are left to edit_erase. */
void edit_put(struct runs *runs, uint64_t start, struct vad *vad, attr_t attr)
{
	struct runs_node *leaf = leaf_with_room(runs, start);
	unsigned slot = slot_of(leaf, start);

	if (leaf->leaf.key[slot] != start) {
		slot++;
		slots_move(0, leaf, slot + 1, leaf, slot, leaf->count - slot);
		leaf->count++;
		leaf->leaf.key[slot] = start;
		runs->count++;
	}
	leaf->leaf.vad[slot] = vad;
	leaf->leaf.attr[slot] = attr;
}

void edit_drop(struct runs *runs, struct runs_node *node, unsigned level)
{
	for (unsigned i = 0; level && i < node->count; i++)
		edit_drop(runs, node->inner.child[i], level - 1);
	if (!level)
		runs->count -= node->count;
	node_give(runs, node);
}

static void erase_in(struct runs *runs, struct runs_node *node, unsigned level, struct range gap,
                     uint64_t end);

/* The child's part of the erasing. `end` is where the child ends afterwards. */
static void erase_in_child(struct runs *runs, struct runs_node *node, unsigned level,
                           unsigned slot, struct range gap, uint64_t end)
{
	struct runs_node *child = node->inner.child[slot];

	erase_in(runs, child, level - 1, gap, end);
	node->inner.key[slot] = keys(child)[0];
	node->inner.figures[slot] = figures_of(child, level - 1, end);
}

/* Erases the keys between gap.start and gap.end, both exclusive and both keys, or the end of the
 * space. `end` is where the node ends afterwards: at gap.end when it lost its last slots. */
static void erase_in(struct runs *runs, struct runs_node *node, unsigned level, struct range gap,
                     uint64_t end)
{
	unsigned from = keys(node)[0] <= gap.start ? slot_of(node, gap.start) + 1 : 0;
	unsigned to = gap.end == end ? node->count : slot_of(node, gap.end);

	if (from > to) { /* all in one child */
		erase_in_child(runs, node, level, to, gap, slot_end(node, to, end));
		return;
	}
	if (level && to < node->count)
		erase_in_child(runs, node, level, to, gap, slot_end(node, to, end));
	if (level && from > 0)
		erase_in_child(runs, node, level, from - 1, gap, gap.end);
	for (unsigned i = from; level && i < to; i++)
		edit_drop(runs, node->inner.child[i], level - 1);
	if (!level)
		runs->count -= to - from;
	slots_move(level, node, from, node, to, node->count - to);
	node->count -= to - from;
}

/* Lets the run at `start` reach to `end`. Both are keys, or `end` is the end of the space. The
 * figures on the way to either are made anew, whether something is erased or not. */
void edit_erase(struct runs *runs, uint64_t start, uint64_t end)
{
	erase_in(runs, runs->root, runs->height, (struct range){start, end}, runs->whole.end);
}

/* Lets the run at `border`, where a leaf begins, start at `start`, where the last run of the leaf
 * before does. */
void edit_lower(struct runs *runs, uint64_t border, uint64_t start)
{
	struct step left[MOST_LEVELS], right[MOST_LEVELS];
	unsigned level = 0;

	path_to(runs, border - 1, left);
	path_to(runs, border, right);
	left[0].node->count--;
	runs->count--;
	for (; left[level].node != right[level].node; level++) {
		left[level].end = start;
		right[level].node->leaf.key[0] = start;
	}
	right[level].node->inner.key[right[level].slot] = start;
	figures_recount(left, runs->height);
	figures_recount(right, runs->height);
}
