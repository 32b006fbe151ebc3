/* SPDX-License-Identifier: MIT
 *
 * Hard faults, the paging file being in the host's cache: against reads of a page from such a file.
 */
#include <stdlib.h>
#include <unistd.h>

#include "guest.h"
#include "host.h"

#define REGION (32 * MB)
#define RAM (48 * MB)
#define PAGING_FILE (128 * MB)

struct hard {
	struct guest guest;
	uint64_t base, bytes, faults;
	int file;
	char *buffer;
};

static struct hard *begin_any(const struct bench *bench, uint64_t bytes)
{
	struct hard *hard = bench_alloc(1, sizeof *hard);
	hard->bytes = bytes;
	hard->faults = bench_times(bench, REGION / PAGE);
	guest_begin(&hard->guest, RAM, PAGING_FILE);
	hard->base = guest_commit(&hard->guest, hard->bytes);
	guest_store_pages(&hard->guest, hard->base, hard->bytes);
	hard->file = host_cached_file(REGION);
	hard->buffer = host_map(REGION);
	return hard;
}

static double theirs(void *state)
{
	const struct hard *hard = state;
	double start = now();
	for (uint64_t i = 0; i < hard->faults; i++)
		must(pread(hard->file, hard->buffer + i * PAGE, PAGE, (off_t)(i * PAGE)) == (ssize_t)PAGE, "pread");
	return (now() - start) / (double)hard->faults;
}

static void end(void *state)
{
	struct hard *hard = state;
	guest_end(&hard->guest);
	host_unmap(hard->buffer, REGION);
	close(hard->file);
	free(hard);
}

/* Loads pages of the region that all are in the paging file alone. */
static double load(const struct hard *hard)
{
	uint64_t before = guest_counters(&hard->guest).hard;
	double time = guest_load_pages(&hard->guest, hard->base, hard->faults * PAGE);
	must(guest_counters(&hard->guest).hard - before == hard->faults, "one hard fault a page");
	return time / (double)hard->faults;
}

/* ---- frames are free -------------------------------------------------------------------------- */

static void *begin_free(const struct row *row, const struct bench *bench, const char **why)
{
	(void)row;
	(void)why;
	return begin_any(bench, REGION);
}

/* Another region takes all frames, and gives them back. */
static double free_ours(void *state)
{
	const struct hard *hard = state;
	uint64_t filler = guest_commit(&hard->guest, RAM);
	guest_store_pages(&hard->guest, filler, RAM);
	guest_release(&hard->guest, filler);
	return load(hard);
}

/* ---- RAM is full: for each page that comes one must go ---------------------------------------- */

static void *begin_full(const struct row *row, const struct bench *bench, const char **why)
{
	(void)row;
	(void)why;
	return begin_any(bench, 2 * RAM);
}

/* What was not touched for longest goes first: the first pages, once the last were touched. */
static double full_ours(void *state)
{
	const struct hard *hard = state;
	guest_load_pages(&hard->guest, hard->base + RAM, RAM);
	return load(hard);
}

const struct row rows_hard[] = {
	{"hard-fault", "hard fault, frames free", "pread of 4 KB, cached", {TARGET_RATIO, 2}, 0, false,
	 begin_free, theirs, free_ours, end},
	{"hard-fault-full", "hard fault, RAM full", "pread of 4 KB, cached", {TARGET_RATIO, 2}, 0, false,
	 begin_full, theirs, full_ours, end},
	{0},
};
