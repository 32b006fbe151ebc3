/* SPDX-License-Identifier: MIT
 *
 * Making, looking up and changing. Most changes stay within one leaf (runs_splice.c); the others
 * are put together from the steps of runs_edit.c and runs_fill.c.
 */
#include "space/runs.h"

#include "base/check.h"
#include "space/runs_node.h"

_Static_assert(sizeof(struct runs_node) <= 1024, "a node should fill a kilobyte");

bool runs_init(struct runs *runs, struct range whole)
{
	*runs = (struct runs){.whole = whole};
	pool_init(&runs->pool, sizeof *runs->root);
	if (!runs_prepare(runs, 1))
		return false;
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
	pool_end(&runs->pool);
}

void near_set(struct runs *runs, const struct step *leaf)
{
	runs->near_leaf = leaf->node;
	runs->near = (struct range){leaf->node->leaf.key[0], leaf->end};
	runs->near_run = run_of(leaf);
	runs->near_slot = leaf->slot;
}

void near_forget(struct runs *runs)
{
	runs->near = (struct range){0, 0};
	runs->near_run = (struct run){0, 0, NULL, 0};
}

void runs_seek(struct runs *runs, uint64_t page)
{
	if (is_near_run(runs, page))
		return;
	struct step leaf = leaf_at(runs, page);
	near_set(runs, &leaf);
}

struct run runs_search(const struct runs *runs, uint64_t page)
{
	struct step leaf = leaf_at(runs, page);
	return run_of(&leaf);
}

static void set_across_leaves(struct runs *runs, struct run new)
{
	near_forget(runs);
	if (new.start > runs->whole.start) {
		struct run before = runs_at(runs, new.start - 1);
		if (are_alike(&before, &new))
			new.start = before.start;
	}
	if (new.end < runs->whole.end) {
		struct run after = runs_at(runs, new.end);
		if (are_alike(&after, &new))
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

	DEBUG_CHECK(range.start < range.end && (vad || attr == ATTR_RESERVED));
	DEBUG_CHECK(range.start >= runs->whole.start && range.end <= runs->whole.end);
	if (!splice_leaf(runs, &new))
		set_across_leaves(runs, new);
}
