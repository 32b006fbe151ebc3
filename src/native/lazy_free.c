/* SPDX-License-Identifier: MIT */
#include "native/lazy_free.h"

#include "base/os_lazy.h"
#include "base/os_pages.h"
#include "native/arena.h"

#define BATCH 64 /* pages that are looked at together: the bits of a word */

static struct vad some; /* runs that are recorded belong to this one */

bool lazy_free_init(struct lazy_free *lazy, struct range whole)
{
	return runs_init(&lazy->runs, whole);
}

/* ---- pages of a batch, as bits --------------------------------------------------------------- */

static uint64_t bits_of(uint64_t pages)
{
	return pages < BATCH ? (UINT64_C(1) << pages) - 1 : UINT64_MAX;
}

static uint64_t bits_in(struct range batch, struct range row)
{
	return bits_of(range_pages(row)) << (row.start - batch.start);
}

/* The first ones in a row, which leave the set. False: it is empty. */
static bool take_row(uint64_t *bits, struct range batch, struct range *row)
{
	if (!*bits)
		return false;
	unsigned first = (unsigned)__builtin_ctzll(*bits);
	uint64_t after = ~(*bits >> first);
	unsigned count = after ? (unsigned)__builtin_ctzll(after) : BATCH;
	*row = (struct range){batch.start + first, batch.start + first + count};
	*bits &= ~bits_in(batch, *row);
	return true;
}

static struct range next_batch(struct range rest)
{
	return (struct range){rest.start, min_u64(rest.start + BATCH, rest.end)};
}

/* ---- what the host has ----------------------------------------------------------------------- */

struct sight {
	uint64_t there; /* not absent */
	uint64_t own;   /* in memory, of this process alone */
	uint64_t out;   /* in swap, or on the move */
};

static bool see(struct range batch, struct sight *sight)
{
	uint64_t words[BATCH], count = range_pages(batch);
	if (os_pages_map(batch.start, words, count))
		return false;
	*sight = (struct sight){0};
	for (uint64_t i = 0; i < count; i++) {
		uint64_t bit = UINT64_C(1) << i;
		bool here = words[i] & OS_PAGE_PRESENT, file = words[i] & OS_PAGE_OF_FILE;
		if (here && !file && words[i] & OS_PAGE_ALONE)
			sight->own |= bit;
		if (words[i] & OS_PAGE_SWAPPED)
			sight->out |= bit;
		if (here || words[i] & OS_PAGE_SWAPPED)
			sight->there |= bit;
	}
	return true;
}

/* Those of `pages` that have contents; or `unknown`. */
static uint64_t look(struct range batch, uint64_t pages, uint64_t unknown)
{
	uint64_t full;
	return os_lazy_look(pointer_to_page(batch.start), pages, &full) ? unknown : full;
}

/* ---- giving up ------------------------------------------------------------------------------- */

static bool can_give(struct lazy_free *lazy)
{
	if (lazy->host == LAZY_UNTRIED)
		lazy->host = os_lazy_works() ? LAZY_WORKS : LAZY_REFUSED;
	return lazy->host == LAZY_WORKS;
}

/* Who writes to the pages at the same time may do so before or after: what is there only after we
 * have looked is not recorded, and so not given up. */
static bool note_batch(struct lazy_free *lazy, struct range batch)
{
	struct sight sight;
	uint64_t full;
	if (!see(batch, &sight))
		return false;
	if (os_lazy_look(pointer_to_page(batch.start), sight.own, &full))
		return false;
	full |= sight.out;
	bool done = true;
	for (struct range row; take_row(&full, batch, &row);) {
		if (runs_prepare(&lazy->runs, 1))
			runs_set(&lazy->runs, row, &some, ATTR_COMMITTED);
		else
			done = false;
	}
	return done;
}

bool lazy_free_note(struct lazy_free *lazy, struct range range)
{
	bool done = can_give(lazy);
	for (struct range rest = range; done && rest.start < rest.end;) {
		struct range batch = next_batch(rest);
		done = note_batch(lazy, batch);
		rest.start = batch.end;
	}
	return done;
}

/* The next recorded pages in a row. */
static bool next_recorded(const struct lazy_free *lazy, struct range range, struct range *row)
{
	if (range.start >= range.end || !runs_committed_from(&lazy->runs, range.start, row) ||
	    row->start >= range.end)
		return false;
	row->start = max_u64(row->start, range.start);
	row->end = min_u64(row->end, range.end);
	return true;
}

/* What the host refuses, because the program has locked it, stays as it is. */
void lazy_free_give(const struct lazy_free *lazy, struct range range)
{
	struct range rest = range, row;
	for (; next_recorded(lazy, rest, &row); rest.start = row.end)
		(void)os_lazy_give(pointer_to_page(row.start), bytes_of(row));
}

/* ---- taking back ----------------------------------------------------------------------------- */

struct keeping {
	bool were_kept;          /* those that cannot be written are safe */
	uint64_t intact, unsafe; /* pages of the batch; the others are safe, and lost */
	int error;               /* why the unsafe ones are */
};

static int keep_row(struct range row, const struct keeping *keeping)
{
	int error = os_lazy_keep(pointer_to_page(row.start), bytes_of(row));
	return error == OS_NOT_WRITABLE && keeping->were_kept ? 0 : error;
}

static void make_safe(struct range batch, uint64_t pages, struct keeping *keeping)
{
	for (struct range row; take_row(&pages, batch, &row);) {
		if (!keep_row(row, keeping))
			continue;
		for (; row.start < row.end; row.start++) {
			struct range page = {row.start, row.start + 1};
			int error = keep_row(page, keeping);
			if (!error)
				continue;
			keeping->error = error;
			keeping->unsafe |= bits_in(batch, page);
		}
	}
}

/* A page that was taken, and read, is not this process's own; and all of them have been read. */
static uint64_t own_of_empty(struct range batch, uint64_t empty)
{
	struct sight sight;
	return empty && see(batch, &sight) ? empty & (sight.own | sight.out) : 0;
}

/* Of what is empty nothing more can be lost. What is not may be, until it is safe, and has to be
 * looked at again. */
static struct keeping keep_batch(struct range batch, bool were_kept)
{
	struct sight sight = {.there = bits_of(range_pages(batch))};
	struct keeping keeping = {.were_kept = were_kept};
	(void)see(batch, &sight); /* if the host does not tell, all may be there */
	uint64_t full = look(batch, sight.there, sight.there);
	uint64_t own = own_of_empty(batch, sight.there & ~full);
	make_safe(batch, full, &keeping);
	keeping.intact = look(batch, full & ~keeping.unsafe, 0);
	if (own && !os_lazy_may_fill())
		keeping.intact |= own;
	return keeping;
}

static void keep_recorded(struct lazy_free *lazy, struct range range, bool forget,
                          struct keeping *all)
{
	struct range rest = range, row;
	for (; next_recorded(lazy, rest, &row); rest.start = row.end) {
		row = next_batch(row);
		uint64_t recorded = bits_of(range_pages(row));
		struct keeping keeping = keep_batch(row, all->were_kept);
		uint64_t gone = forget ? recorded & ~keeping.unsafe : keeping.intact;
		for (struct range leaving; take_row(&gone, row, &leaving);)
			lazy_free_forget(lazy, leaving);
		all->intact &= keeping.intact == recorded;
		if (keeping.error)
			all->error = keeping.error;
	}
}

int lazy_free_keep(struct lazy_free *lazy, struct range range)
{
	struct keeping all = {0};
	keep_recorded(lazy, range, false, &all);
	return all.error;
}

bool lazy_free_take_back(struct lazy_free *lazy, struct range range, bool were_kept)
{
	struct keeping all = {.were_kept = were_kept, .intact = true};
	keep_recorded(lazy, range, true, &all);
	return all.intact;
}

/* Pages that stay in the record, because its tree has no node left, do no harm: what has contents
 * is told to be intact all the same. */
void lazy_free_forget(struct lazy_free *lazy, struct range range)
{
	if (!lazy_free_has(lazy, range))
		return;
	(void)runs_prepare(&lazy->runs, 1);
	if (runs_ready(&lazy->runs))
		runs_set(&lazy->runs, range, NULL, ATTR_RESERVED);
}
