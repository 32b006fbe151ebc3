/* SPDX-License-Identifier: MIT */
#include "scattered.h"

#include <stdlib.h>

struct building {
	struct scattered *tree;
	const uint64_t *starts;
	uint32_t *places; /* of the regions' nodes */
};

static uint32_t *shuffled(uint64_t count)
{
	uint32_t *places = bench_alloc(count, sizeof *places);
	uint64_t seed = count;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t other = random_next(&seed) % (i + 1);
		places[i] = places[other];
		places[other] = (uint32_t)i;
	}
	return places;
}

/* The tree of regions [first, end). Recursion is as deep as the tree is high. */
static struct scattered_node *build(const struct building *b, uint64_t first, uint64_t end)
{
	if (first == end)
		return NULL;
	uint64_t middle = first + (end - first) / 2;
	struct scattered_node *node = &b->tree->nodes[b->places[middle]];
	*node = (struct scattered_node){.start = b->starts[middle],
	                                .end = b->starts[middle] + PAGE};
	node->child[0] = build(b, first, middle);
	node->child[1] = build(b, middle + 1, end);
	return node;
}

void scattered_begin(struct scattered *tree, const uint64_t *starts, uint64_t count)
{
	struct building b = {tree, starts, shuffled(count)};
	tree->nodes = bench_alloc(count, sizeof *tree->nodes);
	tree->root = build(&b, 0, count);
	free(b.places);
}

void scattered_end(struct scattered *tree)
{
	free(tree->nodes);
}
