/* SPDX-License-Identifier: MIT
 *
 * A change within one leaf: what most changes are.
 *
 * When the new run is one with a neighbour in another leaf, it stays in the leaf that was changed:
 * a series of changes, such as committing page after page, then goes on within that leaf.
 */
#include "space/runs_node.h"

/* Slots [from, to) make way for the new run and for what is left of the run that held its end,
 * where these are not one with a neighbour. */
struct splice {
	unsigned from, to;
	bool body, tail;
};

static bool is_alike(const struct runs_node *leaf, unsigned slot, const struct run *run)
{
	return leaf->leaf.vad[slot] == run->vad && leaf->leaf.attr[slot] == run->attr;
}

static struct splice plan(const struct step *at, const struct run *new)
{
	const struct runs_node *leaf = at->node;
	unsigned last = at->slot;
	if (new->end > slot_end(leaf, last, at->end))
		last = slot_of(leaf, new->end - 1);
	uint64_t last_end = slot_end(leaf, last, at->end);
	struct splice s = {.from = at->slot, .to = last + 1};

	s.from += leaf->leaf.key[at->slot] < new->start;
	s.body = !s.from || !is_alike(leaf, s.from - 1, new);
	s.tail = last_end > new->end && !is_alike(leaf, last, new);
	if (last_end == new->end && s.to < leaf->count && is_alike(leaf, s.to, new))
		s.to++;
	return s;
}

static unsigned slots_after(const struct runs_node *leaf, const struct splice *s)
{
	return leaf->count - (s->to - s->from) + s->body + s->tail;
}

static void write_slot(struct runs_node *leaf, unsigned slot, uint64_t key, struct vad *vad,
                       attr_t attr)
{
	leaf->leaf.key[slot] = key;
	leaf->leaf.vad[slot] = vad;
	leaf->leaf.attr[slot] = attr;
}

static void apply(struct runs *runs, struct runs_node *leaf, const struct run *new,
                  const struct splice *s)
{
	unsigned slots = slots_after(leaf, s), rest = s->from + s->body + s->tail;
	struct vad *tail_vad = leaf->leaf.vad[s->to - 1];
	attr_t tail_attr = leaf->leaf.attr[s->to - 1];

	if (rest != s->to)
		slots_move(0, leaf, rest, leaf, s->to, leaf->count - s->to);
	if (s->body)
		write_slot(leaf, s->from, new->start, new->vad, new->attr);
	if (s->tail)
		write_slot(leaf, s->from + s->body, new->end, tail_vad, tail_attr);
	runs->count += slots;
	runs->count -= leaf->count;
	leaf->count = slots;
}

/* The same, and the figures above are made right: all that can differ is those of the runs that the splice
 * changes, and of the one before them. */
static void apply_and_settle(struct runs *runs, struct step *path, const struct run *new,
                             const struct splice *s)
{
	struct runs_node *leaf = path[0].node;
	unsigned first = s->from ? s->from - 1 : 0, last = s->from + s->body + s->tail - 1;
	struct figures_change change;

	change.old = figures_of_slots(leaf, first, s->to - 1, path[0].end);
	apply(runs, leaf, new, s);
	change.now = figures_of_slots(leaf, first, last, path[0].end);
	figures_settle(path, 0, runs->height, change);
}

/* The new run begins its leaf: it takes over the last run of the leaf before, if they are alike. */
static void join_before(struct runs *runs, const struct run *new)
{
	if (new->start == runs->whole.start)
		return;
	struct run before = runs_at(runs, new->start - 1);
	if (!are_alike(&before, new))
		return;
	near_forget(runs);
	edit_lower(runs, new->start, before.start);
	fill_path(runs, before.start - 1);
}

static void join_after(struct runs *runs, const struct run *new)
{
	if (new->end == runs->whole.end)
		return;
	struct run after = runs_at(runs, new->end);
	if (!are_alike(&after, new))
		return;
	near_forget(runs);
	edit_erase(runs, runs_at(runs, new->end - 1).start, after.end);
	fill_path(runs, after.end);
}

/* False, and nothing is changed, when this takes more than one leaf. */
bool splice_leaf(struct runs *runs, const struct run *new)
{
	struct step path[MOST_LEVELS];

	path_to(runs, new->start, path);
	struct runs_node *leaf = path[0].node;
	if (new->end > path[0].end)
		return false;
	struct splice s = plan(&path[0], new);
	unsigned slots = slots_after(leaf, &s);
	if (slots > LEAF_RUNS || (slots < least(0) && runs->height))
		return false;
	if (runs->height)
		apply_and_settle(runs, path, new, &s);
	else
		apply(runs, leaf, new, &s);
	path[0].slot = s.body ? s.from : s.from - 1;
	near_set(runs, &path[0]);
	if (!s.from)
		join_before(runs, new);
	if (new->end == path[0].end)
		join_after(runs, new);
	return true;
}
