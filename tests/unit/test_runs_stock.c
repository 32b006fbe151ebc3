/* SPDX-License-Identifier: MIT
 *
 * The tree of runs: where its memory comes from, and what happens when there is none.
 */
#include "runs_model.h"

#include "base/os.h"
#include "space/runs_node.h"

#define RESERVE 4 /* changes that are possible without runs_prepare */

static long allowed = -1; /* allocations until one fails; below zero: any number */
static unsigned long made;

void *__real_os_alloc(size_t bytes);
void *__wrap_os_alloc(size_t bytes);

void *__wrap_os_alloc(size_t bytes)
{
	if (!allowed)
		return NULL;
	allowed -= allowed > 0;
	made++;
	return __real_os_alloc(bytes);
}

void *__real_os_map(size_t bytes);
void *__wrap_os_map(size_t bytes);

void *__wrap_os_map(size_t bytes)
{
	if (!allowed)
		return NULL;
	allowed -= allowed > 0;
	made++;
	return __real_os_map(bytes);
}

/* As many changes as faults may make between two calls that prepare: none asks the host. */
static void the_reserve_serves_changes_that_cannot_prepare(void **unused)
{
	static const uint64_t most_pages[] = {1, 1, 1, 700};
	struct runs runs;

	(void)unused;
	REQUIRE(runs_init(&runs, model_whole));
	for (model_step = 0; model_step < 4000; model_step++) {
		REQUIRE(runs_prepare(&runs, 0));
		unsigned long before = made;
		for (unsigned i = 0; i < RESERVE; i++) {
			REQUIRE(runs_ready(&runs));
			model_set_drawn(&runs, model_draw_range(most_pages[model_step / 1000]));
		}
		REQUIRE(made == before);
		REQUIRE(runs_check(&runs));
	}
	model_compare(&runs);
	runs_destroy(&runs);
}

/* A leaf that can take one more run for at most one child more of the node; NULL when it and all
 * beneath it are full. */
static struct runs_node *leaf_to_fill(struct runs_node *node, unsigned level)
{
	if (!level)
		return node->count < LEAF_RUNS ? node : NULL;
	for (unsigned i = 0; i < node->count; i++) {
		struct runs_node *leaf = leaf_to_fill(node->inner.child[i], level - 1);
		if (leaf)
			return leaf;
	}
	if (node->count == INNER_CHILDREN)
		return NULL;
	for (; level; level--)
		node = node->inner.child[model_draw(node->count)];
	return node; /* full, as all here are: it will split */
}

/* The last run's end is in another leaf. */
static struct range longest_run(const struct runs_node *leaf)
{
	struct range longest = {0, 0};

	for (unsigned slot = 0; slot + 1 < leaf->count; slot++) {
		struct range r = {leaf->leaf.key[slot], leaf->leaf.key[slot + 1]};
		if (range_pages(r) > range_pages(longest))
			longest = r;
	}
	return longest;
}

/* The new run ends where the one that it halves did: one key is put and no more. */
static void add_run(struct runs *runs, const struct runs_node *leaf, uint64_t number)
{
	struct range r = longest_run(leaf);

	REQUIRE(range_pages(r) > 3);
	REQUIRE(runs_prepare(runs, 1));
	r.start += range_pages(r) / 2;
	runs_set(runs, r, model_vad(1 + number % 3), ATTR_COMMITTED | number % 32);
}

#define LONG (UINT64_C(1) << 40) /* to be halved again and again */

static void fill_all_nodes(struct runs *runs, unsigned height)
{
	struct runs_node *leaf;

	for (uint64_t at = 0; runs->height < height; at += 2 * LONG) {
		REQUIRE(runs_prepare(runs, 1));
		runs_set(runs, (struct range){at, at + LONG}, model_vad(1), ATTR_RESERVED);
	}
	while ((leaf = leaf_to_fill(runs->root, runs->height)))
		add_run(runs, leaf, model_step++);
	REQUIRE(runs->height == height && runs_check(runs));
}

/* From the last run of one of the root's children into the first of the next. */
static struct range across_children(const struct runs_node *root, unsigned child)
{
	uint64_t border = root->inner.key[child + 1];

	return (struct range){border - 1, border + 1};
}

/* The worst that can happen: all nodes are full, and each change splits two on every level. */
static void the_reserve_is_enough_in_a_full_tree(void **unused)
{
	struct range changes[RESERVE];
	struct runs runs;

	(void)unused;
	REQUIRE(runs_init(&runs, (struct range){0, UINT64_MAX / 4}));
	fill_all_nodes(&runs, 2);
	for (unsigned i = 0; i < RESERVE; i++)
		changes[i] = across_children(runs.root, 4 * i);
	REQUIRE(runs_prepare(&runs, 0));
	unsigned long before = made;
	uint64_t nodes = runs.nodes;
	for (unsigned i = 0; i < RESERVE; i++) {
		REQUIRE(runs_ready(&runs));
		runs_set(&runs, changes[i], model_vad(3), ATTR_RESERVED);
	}
	REQUIRE(runs.nodes >= nodes + RESERVE * 4);
	REQUIRE(made == before && runs.height == 3 && runs_check(&runs));
	runs_destroy(&runs);
}

static void the_reserve_says_when_it_is_used_up(void **unused)
{
	struct runs runs;
	unsigned changes = 0;

	(void)unused;
	REQUIRE(runs_init(&runs, model_whole));
	for (; runs_ready(&runs); changes++) {
		uint64_t page = MODEL_FIRST + 2 * changes;
		REQUIRE(page + 1 < MODEL_END);
		runs_set(&runs, (struct range){page, page + 1}, model_vad(1), ATTR_RESERVED);
	}
	REQUIRE(changes >= RESERVE);
	REQUIRE(runs_check(&runs));
	REQUIRE(runs_prepare(&runs, 0));
	REQUIRE(runs_ready(&runs));
	runs_destroy(&runs);
}

static void prepared_changes_take_nothing_from_the_host(void **unused)
{
	struct runs runs;

	(void)unused;
	REQUIRE(runs_init(&runs, model_whole));
	for (model_step = 0; model_step < 60; model_step++) {
		unsigned changes = 1 + model_draw(200);
		REQUIRE(runs_prepare(&runs, changes));
		unsigned long before = made;
		for (unsigned i = 0; i < changes; i++)
			model_set_drawn(&runs, model_draw_range(model_step % 7 ? 2 : 600));
		REQUIRE(made == before);
		REQUIRE(runs_ready(&runs)); /* the reserve is still there */
		model_compare(&runs);
	}
	runs_destroy(&runs);
}

static void nodes_serve_again(void **unused)
{
	struct runs runs;
	size_t total = 0;

	(void)unused;
	REQUIRE(runs_init(&runs, model_whole));
	for (model_step = 0; model_step < 20; model_step++) {
		model_fragment(&runs);
		REQUIRE(!total || runs.pool.total == total);
		total = runs.pool.total;
		model_set(&runs, model_whole, NULL, ATTR_RESERVED);
		REQUIRE(runs.nodes == 1 && runs_check(&runs));
	}
	runs_destroy(&runs);
}

/* With no memory a tree is not made, and leaves nothing behind. */
static void without_memory_there_is_no_tree(void **unused)
{
	struct runs runs;
	long enough = 0;

	(void)unused;
	for (allowed = 0; !runs_init(&runs, model_whole); allowed = enough)
		enough++;
	allowed = -1;
	REQUIRE(enough > 0);
	model_compare(&runs);
	runs_destroy(&runs);
}

static void without_memory_nothing_changes(void **unused)
{
	struct runs runs;

	(void)unused;
	REQUIRE(runs_init(&runs, model_whole));
	model_fragment(&runs);
	allowed = 0;
	REQUIRE(!runs_prepare(&runs, 1000));
	REQUIRE(runs_ready(&runs));
	model_compare(&runs);
	allowed = -1;
	REQUIRE(runs_prepare(&runs, 1000));
	runs_destroy(&runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_reserve_serves_changes_that_cannot_prepare, model_start),
		cmocka_unit_test_setup(the_reserve_is_enough_in_a_full_tree, model_start),
		cmocka_unit_test_setup(the_reserve_says_when_it_is_used_up, model_start),
		cmocka_unit_test_setup(prepared_changes_take_nothing_from_the_host, model_start),
		cmocka_unit_test_setup(nodes_serve_again, model_start),
		cmocka_unit_test_setup(without_memory_there_is_no_tree, model_start),
		cmocka_unit_test_setup(without_memory_nothing_changes, model_start),
	};

	return cmocka_run_group_tests_name("runs_stock", tests, NULL, NULL);
}
