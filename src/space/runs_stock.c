/* SPDX-License-Identifier: MIT
 *
 * Spare nodes, so that a change of the tree can neither fail nor stop half-way.
 */
#include "base/check.h"
#include "base/os.h"
#include "space/runs_node.h"

/* For those who cannot wait for memory: a fault that consumes a guard, a stack that grows. */
#define RESERVE_CHANGES 4

/* A change puts at most two keys, and each splits at most one node on every level. The root splits
 * only for one of them, which leaves a node for the new root. */
static uint64_t nodes_for(const struct runs *runs, uint64_t changes)
{
	return 2 * changes * (runs->height + 1);
}

static uint64_t most_spare(const struct runs *runs)
{
	return nodes_for(runs, 2 * RESERVE_CHANGES);
}

static void stock_add(struct runs *runs, struct runs_node *node)
{
	node->next = runs->stock;
	runs->stock = node;
	runs->spare++;
}

struct runs_node *node_take(struct runs *runs)
{
	struct runs_node *node = runs->stock;

	CHECK(node);
	runs->stock = node->next;
	runs->spare--;
	runs->nodes++;
	return node;
}

void node_give(struct runs *runs, struct runs_node *node)
{
	runs->nodes--;
	if (runs->spare < most_spare(runs))
		stock_add(runs, node);
	else
		os_free(node);
}

static void stock_cut(struct runs *runs, uint64_t nodes)
{
	while (runs->spare > nodes) {
		struct runs_node *node = runs->stock;
		runs->stock = node->next;
		runs->spare--;
		os_free(node);
	}
}

void stock_empty(struct runs *runs)
{
	stock_cut(runs, 0);
}

bool runs_prepare(struct runs *runs, unsigned changes)
{
	uint64_t needed = nodes_for(runs, (uint64_t)changes + RESERVE_CHANGES);

	while (runs->spare < needed) {
		struct runs_node *node = os_alloc(sizeof *node);
		if (!node)
			return false;
		stock_add(runs, node);
	}
	stock_cut(runs, max_u64(needed, most_spare(runs)));
	return true;
}

bool runs_ready(const struct runs *runs)
{
	return runs->spare >= nodes_for(runs, 1);
}
