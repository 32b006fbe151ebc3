/* SPDX-License-Identifier: MIT
 *
 * The tree of runs examined from end to end.
 */
#include <inttypes.h>

#include "base/check.h"
#include "space/runs_node.h"

struct audit {
	const struct runs *runs;
	uint64_t count, nodes;
	struct run last; /* the run before, perhaps in another leaf; empty at first */
};

static bool check_keys(const struct runs_node *node, struct range cover)
{
	const uint64_t *key = keys(node);

	if (key[0] != cover.start)
		return complain("runs: a node starts at %" PRIx64 ", not %" PRIx64, key[0],
		                cover.start);
	for (unsigned i = 0; i < node->count; i++)
		if (key[i] >= slot_end(node, i, cover.end))
			return complain("runs: keys out of order at %" PRIx64, key[i]);
	return true;
}

static bool check_fill(const struct audit *a, const struct runs_node *node, unsigned level)
{
	unsigned low = least(level);

	if (node == a->runs->root)
		low = level ? 2 : 1;
	if (node->count < low || node->count > capacity(level))
		return complain("runs: %u slots in a node of level %u", node->count, level);
	return true;
}

static bool check_leaf(struct audit *a, const struct runs_node *leaf, uint64_t end)
{
	for (unsigned i = 0; i < leaf->count; i++) {
		struct run run = {leaf->leaf.key[i], slot_end(leaf, i, end), leaf->leaf.vad[i],
		                  leaf->leaf.attr[i]};
		if (a->last.end && are_alike(&a->last, &run))
			return complain("runs: alike before and at %" PRIx64, run.start);
		if (!run.vad && run.attr != ATTR_RESERVED)
			return complain("runs: a free run at %" PRIx64 " has a state", run.start);
		a->last = run;
	}
	a->count += leaf->count;
	return true;
}

static bool check_node(struct audit *a, const struct runs_node *node, unsigned level,
                       struct range cover);

static bool check_child(struct audit *a, const struct runs_node *node, unsigned level,
                        unsigned slot, uint64_t end)
{
	const struct runs_node *child = node->inner.child[slot];
	struct range cover = {node->inner.key[slot], slot_end(node, slot, end)};

	if (!check_node(a, child, level - 1, cover))
		return false;
	struct figures now = figures_of(child, level - 1, cover.end);
	struct figures known = node->inner.figures[slot];
	if (now.hole != known.hole || now.committed != known.committed)
		return complain("runs: at %" PRIx64 " level %u, hole %" PRIu64 " known as %" PRIu64
		                ", committed %" PRIu64 " known as %" PRIu64,
		                cover.start, level, now.hole, known.hole, now.committed,
		                known.committed);
	return true;
}

static bool check_node(struct audit *a, const struct runs_node *node, unsigned level,
                       struct range cover)
{
	a->nodes++;
	if (!check_fill(a, node, level) || !check_keys(node, cover))
		return false;
	if (!level)
		return check_leaf(a, node, cover.end);
	for (unsigned i = 0; i < node->count; i++)
		if (!check_child(a, node, level, i, cover.end))
			return false;
	return true;
}

static bool check_near(const struct runs *runs)
{
	struct step path[MOST_LEVELS];

	if (runs->near.start == runs->near.end)
		return true;
	path_to(runs, runs->near.start, path);
	if (path[0].node != runs->near_leaf || path[0].end != runs->near.end ||
	    keys(path[0].node)[0] != runs->near.start)
		return complain("runs: the leaf near %" PRIx64 " is another", runs->near.start);
	path_to(runs, runs->near_run.start, path);
	struct run run = run_of(&path[0]), near = runs->near_run;
	if (run.start != near.start || run.end != near.end || !are_alike(&run, &near))
		return complain("runs: the run near %" PRIx64 " is another", near.start);
	return true;
}

bool runs_check(const struct runs *runs)
{
	struct audit a = {.runs = runs};

	if (!check_node(&a, runs->root, runs->height, runs->whole))
		return false;
	if (a.count != runs->count || a.nodes != runs->nodes)
		return complain("runs: %" PRIu64 " runs and %" PRIu64 " nodes counted as %" PRIu64
		                " and %" PRIu64,
		                a.count, a.nodes, runs->count, runs->nodes);
	return check_near(runs);
}
