/* SPDX-License-Identifier: MIT
 *
 * A generational garbage collector whose write barrier is the system's write watch.
 *
 * What survived a collection is old, and is not looked at again until something is stored in its page
 * (its card). So a young collection scans the dirty cards alone: an old object that points to a young
 * one was written to, and young ones are new and were written to as well. GetWriteWatch names the
 * dirty cards and makes them clean. The program stores plain pointers; nothing is added to a store.
 *
 * What the collector itself notes is kept outside the heap, so that it never makes a card dirty.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define CARD_BYTES 4096u
#define CARDS 1024u
#define CELLS_PER_CARD (CARD_BYTES / sizeof(struct cell))
#define CELLS (CARDS * CELLS_PER_CARD)
#define TREE_DEPTH 15u /* 65 535 cells: half the heap */

struct cell {
	struct cell *left, *right;
	DWORD64 value, unused;
};

enum state {
	FREE,
	YOUNG,   /* since the last collection */
	REACHED, /* was young, and becomes old */
	OLD,
};

static struct {
	struct cell *cells;
	unsigned char state[CELLS];
	unsigned next; /* where to look for a free cell */
	struct cell *root;
	BOOL written[CARDS]; /* for the proof alone: cards that the program stored to */
} heap;

struct collection {
	unsigned cards, kept, freed;
};

static void must(BOOL holds, const char *what)
{
	if (holds)
		return;
	printf("wrong: %s (last error %u)\n", what, (unsigned)GetLastError());
	exit(1);
}

/* ---- the program's side ------------------------------------------------------------------------ */

static void note_written(const struct cell *cell)
{
	heap.written[(size_t)(cell - heap.cells) / CELLS_PER_CARD] = TRUE;
}

static struct cell *new_cell(struct cell *left, struct cell *right, DWORD64 value)
{
	while (heap.next < CELLS && heap.state[heap.next] != FREE)
		heap.next++;
	must(heap.next < CELLS, "room in the heap");
	struct cell *cell = &heap.cells[heap.next];
	heap.state[heap.next] = YOUNG;
	*cell = (struct cell){left, right, value, 0};
	note_written(cell);
	return cell;
}

static struct cell *new_tree(unsigned depth, DWORD64 value)
{
	if (depth == 0)
		return new_cell(NULL, NULL, value);
	struct cell *left = new_tree(depth - 1, 2 * value);
	return new_cell(left, new_tree(depth - 1, 2 * value + 1), value);
}

static DWORD64 sum(const struct cell *cell)
{
	return cell ? cell->value + sum(cell->left) + sum(cell->right) : 0;
}

/* ---- the collector ------------------------------------------------------------------------------ */

/* Stops at old cells: what they point to is old, unless their card is dirty. */
static void reach(const struct cell *cell)
{
	if (!cell || heap.state[cell - heap.cells] != YOUNG)
		return;
	heap.state[cell - heap.cells] = REACHED;
	reach(cell->left);
	reach(cell->right);
}

static void scan_old_cells(const struct cell *card)
{
	for (const struct cell *cell = card; cell < card + CELLS_PER_CARD; cell++)
		if (heap.state[cell - heap.cells] == OLD) {
			reach(cell->left);
			reach(cell->right);
		}
}

static void sweep(const struct cell *card, struct collection *done)
{
	size_t first = (size_t)(card - heap.cells);
	for (size_t i = first; i < first + CELLS_PER_CARD; i++)
		if (heap.state[i] == REACHED) {
			heap.state[i] = OLD;
			done->kept++;
		} else if (heap.state[i] == YOUNG) {
			heap.state[i] = FREE;
			done->freed++;
		}
	if (heap.next > first)
		heap.next = (unsigned)first;
}

/* Keeps the young cells that are reached from the root or from old cells of these cards. */
static struct collection collect(PVOID *cards, ULONG_PTR count)
{
	struct collection done = {.cards = (unsigned)count};
	reach(heap.root);
	for (ULONG_PTR i = 0; i < count; i++)
		scan_old_cells(cards[i]);
	for (ULONG_PTR i = 0; i < count; i++)
		sweep(cards[i], &done);
	return done;
}

static struct collection collect_young(void)
{
	static PVOID dirty[CARDS];
	ULONG_PTR count = CARDS;
	DWORD granularity;
	must(!GetWriteWatch(WRITE_WATCH_FLAG_RESET, heap.cells, CARDS * CARD_BYTES, dirty, &count,
	                    &granularity),
	     "GetWriteWatch");
	must(granularity == CARD_BYTES, "a card is a page");
	return collect(dirty, count);
}

/* Everything counts as young again, and every card as dirty. */
static struct collection collect_all(void)
{
	static PVOID all[CARDS];
	for (unsigned i = 0; i < CARDS; i++)
		all[i] = heap.cells + i * CELLS_PER_CARD;
	for (unsigned i = 0; i < CELLS; i++)
		heap.state[i] = heap.state[i] == OLD ? YOUNG : heap.state[i];
	must(!ResetWriteWatch(heap.cells, CARDS * CARD_BYTES), "ResetWriteWatch");
	return collect(all, CARDS);
}

/* ---- the proof ---------------------------------------------------------------------------------- */

static struct collection report(const char *what, struct collection done)
{
	unsigned written = 0;
	for (unsigned i = 0; i < CARDS; i++)
		written += heap.written[i] != 0;
	memset(heap.written, 0, sizeof heap.written);
	printf("%-40s %4u cards written, %4u scanned; %5u cells kept, %5u freed\n", what, written,
	       done.cards, done.kept, done.freed);
	must(done.cards == CARDS || done.cards == written, "the dirty cards alone were scanned");
	return done;
}

int main(void)
{
	heap.cells = VirtualAlloc(NULL, CARDS * CARD_BYTES,
	                          MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE);
	must(heap.cells != NULL, "a heap that is watched");

	struct cell *tree = heap.root = new_tree(TREE_DEPTH, 1);
	DWORD64 total = sum(tree);
	struct collection done = report("a tree of 65 535 cells:", collect_young());
	must(done.kept == (2u << TREE_DEPTH) - 1 && done.freed == 0, "all of it is in use");

	done = report("nothing happened:", collect_young());
	must(done.cards == 0, "there is nothing to scan");

	new_tree(9, 1);
	tree->left->left->left = new_tree(4, 7);
	note_written(tree->left->left);
	DWORD64 changed = sum(tree);
	done = report("garbage, and a branch replaced:", collect_young());
	must(done.kept == 31 && done.freed == 1023, "the new branch is found through an old cell");
	must(sum(tree) == changed && changed != total, "and is whole");

	done = report("everything:", collect_all());
	must(done.freed == (1u << (TREE_DEPTH - 2)) - 1, "the old branch was garbage, too");
	must(sum(tree) == changed, "the tree is whole");

	must(VirtualFree(heap.cells, 0, MEM_RELEASE), "VirtualFree");
	return 0;
}
