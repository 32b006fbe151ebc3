/* SPDX-License-Identifier: MIT
 *
 * Making, looking up and changing. Most changes stay within one leaf; the others are put together
 * from the steps of runs_edit.c and runs_fill.c.
 */
#include "space/runs.h"

#include "base/check.h"
#include "base/os.h"
#include "space/runs_node.h"

_Static_assert(sizeof(struct runs_node) <= 1024, "a node should fill a kilobyte");

bool runs_init(struct runs *runs, struct range whole)
{
	*runs = (struct runs){.whole = whole};
	if (!runs_prepare(runs, 1)) {
		stock_empty(runs);
		return false;
	}
	runs->root = node_take(runs);
	runs->root->count = 1;
	runs->root->leaf.key[0] = whole.start;
	runs->root->leaf.vad[0] = NULL;
	runs->root->leaf.attr[0] = ATTR_RESERVED;
	runs->count = 1;
	return true;
}

void runs_destroy(struct runs *runs)
{
	edit_drop(runs, runs->root, runs->height);
	stock_empty(runs);
}

struct run runs_at(const struct runs *runs, uint64_t page)
{
	const struct runs_node *node = runs->root;
	uint64_t end = runs->whole.end;

	DEBUG_CHECK(range_has(runs->whole, page));
	for (unsigned level = runs->height; level; level--) {
		unsigned slot = slot_of(node, page);
		end = slot_end(node, slot, end);
		node = node->inner.child[slot];
		if (level == 1)
			node_fetch(node);
	}
	unsigned slot = slot_of(node, page);
	return (struct run){
		.start = node->leaf.key[slot],
		.end = slot_end(node, slot, end),
		.vad = node->leaf.vad[slot],
		.attr = node->leaf.attr[slot],
	};
}

/* A change of one leaf: slots [from, to) make way for the new run and for what is left of the run
 * that held its end, where these are not one with a neighbour. */
struct splice {
	unsigned from, to;
	bool body, tail;
};

static unsigned slots_after(const struct splice *s, const struct runs_node *leaf)
{
	return leaf->count - (s->to - s->from) + s->body + s->tail;
}

static bool plan_splice(const struct runs *runs, const struct step *at, const struct run *new,
                        struct splice *s)
{
	const struct runs_node *leaf = at->node;

	if (new->end > at->end || (new->end == at->end && at->end != runs->whole.end))
		return false; /* the next run lies in another leaf */
	s->from = leaf->leaf.key[at->slot] == new->start ? at->slot : at->slot + 1;
	if (!s->from && new->start != runs->whole.start)
		return false; /* and so does the one before */

	unsigned last = slot_of(leaf, new->end - 1);
	s->to = last + 1;
	s->body = !s->from || !is_alike(leaf, s->from - 1, new->vad, new->attr);
	s->tail = slot_end(leaf, last, at->end) > new->end &&
	          !is_alike(leaf, last, new->vad, new->attr);
	if (s->to < leaf->count && leaf->leaf.key[s->to] == new->end)
		s->to += is_alike(leaf, s->to, new->vad, new->attr);
	unsigned slots = slots_after(s, leaf);
	return slots <= LEAF_RUNS && (slots >= least(0) || !runs->height);
}

static void write_slot(struct runs_node *leaf, unsigned slot, uint64_t key, struct vad *vad,
                       attr_t attr)
{
	leaf->leaf.key[slot] = key;
	leaf->leaf.vad[slot] = vad;
	leaf->leaf.attr[slot] = attr;
}

static void apply_splice(struct runs *runs, struct runs_node *leaf, const struct run *new,
                         const struct splice *s)
{
	unsigned slots = slots_after(s, leaf);
	unsigned last = slot_of(leaf, new->end - 1);
	struct vad *vad = leaf->leaf.vad[last];
	attr_t attr = leaf->leaf.attr[last];

	slots_move(0, leaf, s->from + s->body + s->tail, leaf, s->to, leaf->count - s->to);
	if (s->body)
		write_slot(leaf, s->from, new->start, new->vad, new->attr);
	if (s->tail)
		write_slot(leaf, s->from + s->body, new->end, vad, attr);
	runs->count += slots;
	runs->count -= leaf->count;
	leaf->count = slots;
}

static void set_across_leaves(struct runs *runs, struct run new)
{
	if (new.start > runs->whole.start) {
		struct run before = runs_at(runs, new.start - 1);
		if (before.vad == new.vad && before.attr == new.attr)
			new.start = before.start;
	}
	if (new.end < runs->whole.end) {
		struct run after = runs_at(runs, new.end);
		if (after.vad == new.vad && after.attr == new.attr)
			new.end = after.end;
		else
			edit_put(runs, new.end, after.vad, after.attr);
	}
	edit_put(runs, new.start, new.vad, new.attr);
	edit_erase(runs, new.start, new.end);
	fill_path(runs, new.start);
	fill_path(runs, min_u64(new.end, runs->whole.end - 1));
}

void runs_set(struct runs *runs, struct range range, struct vad *vad, attr_t attr)
{
	struct run new = {range.start, range.end, vad, attr};
	struct step path[MOST_LEVELS];
	struct splice splice;

	DEBUG_CHECK(range.start < range.end && (vad || attr == ATTR_RESERVED));
	DEBUG_CHECK(range.start >= runs->whole.start && range.end <= runs->whole.end);
	path_to(runs, range.start, path);
	if (!plan_splice(runs, path, &new, &splice)) {
		set_across_leaves(runs, new);
		return;
	}
	apply_splice(runs, path[0].node, &new, &splice);
	figures_settle(path, runs->height);
}
