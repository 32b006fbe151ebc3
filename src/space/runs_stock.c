/* SPDX-License-Identifier: MIT
 *
 * Spare nodes, so that a change of the tree can neither fail nor stop half-way.
 */
#include "space/runs_node.h"

/* For those who cannot wait for memory: a fault that consumes a guard, a stack that grows. */
#define RESERVE_CHANGES 4

/* A change puts at most two keys, and each splits at most one node on every level. The root splits
 * only for one of them, which leaves a node for the new root. */
static uint64_t nodes_for(const struct runs *runs, uint64_t changes)
{
	return 2 * changes * (runs->height + 1);
}

struct runs_node *node_take(struct runs *runs)
{
	runs->nodes++;
	return pool_take(&runs->pool);
}

void node_give(struct runs *runs, struct runs_node *node)
{
	runs->nodes--;
	pool_give(&runs->pool, node);
}

bool runs_prepare(struct runs *runs, unsigned changes)
{
	return pool_reserve(&runs->pool, nodes_for(runs, (uint64_t)changes + RESERVE_CHANGES));
}

bool runs_ready(const struct runs *runs)
{
	return runs->pool.spare >= nodes_for(runs, 1);
}
