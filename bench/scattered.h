/* SPDX-License-Identifier: MIT
 *
 * A balanced binary tree whose nodes lie about in memory at random: what a tree of that many
 * regions costs when each is a node of its own.
 */
#ifndef BENCH_SCATTERED_H
#define BENCH_SCATTERED_H

#include "bench.h"

struct scattered_node {
	uint64_t start, end;
	struct scattered_node *child[2];
	uint64_t rest[4]; /* as large as a region's node would be */
};

struct scattered {
	struct scattered_node *nodes, *root;
};

/* `starts` rise; each region is a page. */
void scattered_begin(struct scattered *tree, const uint64_t *starts, uint64_t count);
void scattered_end(struct scattered *tree);

static inline const struct scattered_node *scattered_find(const struct scattered *tree,
                                                          uint64_t address)
{
	const struct scattered_node *node = tree->root;
	while (node && (address < node->start || address >= node->end))
		node = node->child[address >= node->end];
	return node;
}

#endif
