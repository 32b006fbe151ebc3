/* SPDX-License-Identifier: MIT
 *
 * The nodes of the tree of runs; for the runs*.c files alone.
 *
 * A node covers a range of pages: from its first key up to its end, which only its parent knows, as
 * the next key there. Slot i of a leaf is a run that starts at key i; slot i of an inner node is a
 * child that starts at key i, with the figures of all beneath it. Keys are exact: a child's first
 * key is the key of its slot.
 *
 *      inner, level 1     | 0        | 240             |         end: the end of the space
 *                           |          |
 *      leaves, level 0    | 0 | 16 | 64 |    | 240 | 512 |       the run at 64 ends at 240
 *
 * Every node but the root is at least a third full, an inner root has two children or more. All
 * figures hold between the public calls.
 */
#ifndef NTMM_SPACE_RUNS_NODE_H
#define NTMM_SPACE_RUNS_NODE_H

#include <stddef.h>

#include "space/runs.h"

/* A node takes 1 KB either way. */
#define LEAF_RUNS 56
#define INNER_CHILDREN 31

/* Levels of a tree of 2^52 runs that is nowhere more than a third full. */
#define MOST_LEVELS 16

struct figures {
	uint64_t hole;      /* the largest place for an allocation, in pages */
	uint64_t committed; /* pages */
};

struct runs_node {
	unsigned count; /* slots in use */
	union {
		struct {
			uint64_t key[LEAF_RUNS];
			struct vad *vad[LEAF_RUNS];
			attr_t attr[LEAF_RUNS];
		} leaf;
		struct {
			uint64_t key[INNER_CHILDREN];
			struct runs_node *child[INNER_CHILDREN];
			struct figures figures[INNER_CHILDREN];
		} inner;
	};
};

/* A node on the path from the root, path[height], to a leaf, path[0]. */
struct step {
	struct runs_node *node;
	unsigned slot;
	uint64_t end; /* of the node */
};

static inline unsigned capacity(unsigned level)
{
	return level ? INNER_CHILDREN : LEAF_RUNS;
}

static inline unsigned least(unsigned level)
{
	return capacity(level) / 3;
}

/* The keys lie at the same place in a leaf and an inner node. */
static inline const uint64_t *keys(const struct runs_node *node)
{
	return node->leaf.key;
}

/* The slot whose range holds `page`: the last with a key up to it, 0 when there is none. */
static inline unsigned slot_of(const struct runs_node *node, uint64_t page)
{
	const uint64_t *key = keys(node);
	unsigned slot = 0;

	for (unsigned rest = node->count; rest > 1; rest -= rest / 2)
		slot += key[slot + rest / 2] <= page ? rest / 2 : 0;
	return slot;
}

/* Asks for the first bytes of a node at once: searching it would wait for one cache line after the
 * other. */
static inline void node_fetch(const struct runs_node *node, size_t bytes)
{
#pragma GCC unroll 16
	for (size_t at = 0; at < bytes; at += 64)
		__builtin_prefetch((const char *)node + at);
}

#define SEARCHED_BYTES offsetof(struct runs_node, inner.figures) /* of an inner node */

static inline uint64_t slot_end(const struct runs_node *node, unsigned slot, uint64_t end)
{
	return slot + 1 < node->count ? keys(node)[slot + 1] : end;
}

static inline void path_to(const struct runs *runs, uint64_t page, struct step *path)
{
	struct step at = {.node = runs->root, .end = runs->whole.end};

	for (unsigned level = runs->height; level; level--) {
		at.slot = slot_of(at.node, page);
		path[level] = at;
		at.end = slot_end(at.node, at.slot, at.end);
		at.node = at.node->inner.child[at.slot];
		node_fetch(at.node, sizeof *at.node);
	}
	at.slot = is_near_run(runs, page) ? runs->near_slot : slot_of(at.node, page);
	path[0] = at;
}

/* The leaf that holds `page`, at the page's slot. */
static inline struct step leaf_at(const struct runs *runs, uint64_t page)
{
	struct step at = {.node = runs->near_leaf, .end = runs->near.end};

	if (!range_has(runs->near, page)) {
		at = (struct step){.node = runs->root, .end = runs->whole.end};
		for (unsigned level = runs->height; level; level--) {
			unsigned slot = slot_of(at.node, page);
			at.end = slot_end(at.node, slot, at.end);
			at.node = at.node->inner.child[slot];
			if (level == 1)
				node_fetch(at.node, sizeof *at.node);
			else
				node_fetch(at.node, SEARCHED_BYTES);
		}
	}
	at.slot = slot_of(at.node, page);
	return at;
}

static inline struct run run_of(const struct step *leaf)
{
	return (struct run){
		.start = leaf->node->leaf.key[leaf->slot],
		.end = slot_end(leaf->node, leaf->slot, leaf->end),
		.vad = leaf->node->leaf.vad[leaf->slot],
		.attr = leaf->node->leaf.attr[leaf->slot],
	};
}

/* What a free run offers to an allocation, which starts at a granule. */
static inline uint64_t hole_of(uint64_t start, uint64_t end)
{
	uint64_t first = round_up(start, GRANULE_PAGES);

	return end > first ? end - first : 0;
}

static inline bool are_alike(const struct run *a, const struct run *b)
{
	return a->vad == b->vad && a->attr == b->attr;
}

/* runs.c: the leaf at this step, and the run at its slot, are those near; none is, for the tree changes its
 * shape. */
void near_set(struct runs *runs, const struct step *leaf);
void near_forget(struct runs *runs);

/* runs_stock.c: nodes are ready, never asked for from the host while the tree changes. */
struct runs_node *node_take(struct runs *runs);
void node_give(struct runs *runs, struct runs_node *node);

/* runs_figures.c. Of a node that ends at `end`; of the runs at slots `first` to `last` of a leaf that does. */
struct figures figures_of(const struct runs_node *node, unsigned level, uint64_t end);
struct figures figures_of_slots(const struct runs_node *leaf, unsigned first, unsigned last,
                                uint64_t end);
/* What something in the node at path[level] has as its figures is not `old` any more. */
struct figures_change {
	struct figures old, now;
};
void figures_settle(struct step *path, unsigned level, unsigned height,
                    struct figures_change change);
/* The leaf at path[0] has changed in many ways. */
void figures_recount(struct step *path, unsigned height);

/* runs_edit.c */
void slots_move(unsigned level, struct runs_node *to, unsigned at, const struct runs_node *from,
                unsigned first, unsigned slots);
void edit_put(struct runs *runs, uint64_t start, struct vad *vad, attr_t attr);
void edit_erase(struct runs *runs, uint64_t start, uint64_t end);
void edit_lower(struct runs *runs, uint64_t border, uint64_t start);
void edit_drop(struct runs *runs, struct runs_node *node, unsigned level);

/* runs_splice.c */
bool splice_leaf(struct runs *runs, const struct run *new);

/* runs_fill.c */
void fill_path(struct runs *runs, uint64_t page);

#endif
