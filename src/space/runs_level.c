/* SPDX-License-Identifier: MIT
 *
 * Levels of runs. Runs side by side that differ go on to: the level is new.
 */
#include "space/runs_node.h"

struct raise {
	unsigned level;
	bool (*is_meant)(struct run run);
};

static void raise_leaf(struct runs_node *leaf, const struct raise *raise)
{
	for (unsigned i = 0; i < leaf->count; i++) {
		attr_t *attr = &leaf->leaf.attr[i];
		struct run run = {.vad = leaf->leaf.vad[i], .attr = *attr};
		if (attr_is_committed(*attr) && !attr_level(*attr) && raise->is_meant(run))
			*attr |= (attr_t)(raise->level << ATTR_LEVEL_SHIFT);
	}
}

static void raise_node(struct runs_node *node, unsigned height, const struct raise *raise)
{
	if (!height) {
		raise_leaf(node, raise);
		return;
	}
	for (unsigned i = 0; i < node->count; i++)
		raise_node(node->inner.child[i], height - 1, raise);
}

void runs_raise(struct runs *runs, unsigned level, bool (*is_meant)(struct run run))
{
	const struct raise raise = {level, is_meant};
	near_forget(runs);
	raise_node(runs->root, runs->height, &raise);
}
