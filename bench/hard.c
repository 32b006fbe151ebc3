/* SPDX-License-Identifier: MIT
 *
 * Hard faults, the paging file being in the host's cache: against reads from such a file, as many
 * pages at once as a fault may read.
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
	uint64_t base, bytes;
	uint64_t pages;    /* touched by a repetition: the first of the region */
	uint64_t together; /* pages that a fault may read */
	int file;
	char *buffer;
};

static struct hard *begin_any(const struct bench *bench, uint64_t bytes, uint64_t together)
{
	struct hard *hard = bench_alloc(1, sizeof *hard);
	ntmm_machine_config config = {
		.size = sizeof config, .ram_bytes = RAM, .paging_file_bytes = PAGING_FILE};
	config.flags = together > 1 ? 0 : NTMM_MACHINE_NO_CLUSTERS;
	hard->bytes = bytes;
	hard->pages = bench_times(bench, REGION / PAGE);
	hard->together = together;
	guest_begin_as(&hard->guest, &config);
	hard->base = guest_commit(&hard->guest, hard->bytes);
	guest_store_pages(&hard->guest, hard->base, hard->bytes);
	hard->file = host_cached_file(REGION);
	hard->buffer = host_map(REGION);
	return hard;
}

static double theirs(void *state)
{
	const struct hard *hard = state;
	uint64_t bytes = hard->together * PAGE, end = hard->pages * PAGE;
	double start = now();
	for (uint64_t at = 0; at < end; at += bytes)
		must(pread(hard->file, hard->buffer + at, bytes, (off_t)at) == (ssize_t)bytes,
		     "pread");
	return (now() - start) / (double)hard->pages;
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
	ntmm_machine_counters before = guest_counters(&hard->guest);
	double time = guest_load_pages(&hard->guest, hard->base, hard->pages * PAGE);
	ntmm_machine_counters after = guest_counters(&hard->guest);
	must(after.page_ins - before.page_ins >= hard->pages, "every page was read");
	must((after.hard - before.hard) * hard->together >= hard->pages, "in hard faults");
	return time / (double)hard->pages;
}

/* ---- frames are free ------------------------------------------------------------------------- */

static void *begin_free(const struct row *row, const struct bench *bench, const char **why)
{
	(void)why;
	return begin_any(bench, REGION, row->size);
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

/* ---- RAM is full: for each page that comes one must go --------------------------------------- */

static void *begin_full(const struct row *row, const struct bench *bench, const char **why)
{
	(void)why;
	return begin_any(bench, 2 * RAM, row->size);
}

/* What was not touched for longest goes first: the first pages, once the last were touched. */
static double full_ours(void *state)
{
	const struct hard *hard = state;
	guest_load_pages(&hard->guest, hard->base + RAM, RAM);
	return load(hard);
}

const struct row rows_hard[] = {
	{
		.name = "hard-fault",
		.operation = "hard fault, frames free",
		.against = "pread of 4 KB, cached",
		.target = {TARGET_RATIO, 2},
		.size = 1,
		.begin = begin_free,
		.theirs = theirs,
		.ours = free_ours,
		.end = end,
	},
	{
		.name = "hard-fault-full",
		.operation = "hard fault, RAM full",
		.against = "pread of 4 KB, cached",
		.target = {TARGET_RATIO, 2},
		.size = 1,
		.begin = begin_full,
		.theirs = theirs,
		.ours = full_ours,
		.end = end,
	},
	{
		.name = "hard-clustered",
		.operation = "page back in order, clusters",
		.against = "pread of 64 KB / 16",
		.target = {TARGET_RATE, 0.5},
		.size = 16,
		.begin = begin_free,
		.theirs = theirs,
		.ours = free_ours,
		.end = end,
	},
	{0},
};
