/* SPDX-License-Identifier: MIT
 *
 * Loads that miss the translation buffer, while the page map has the page: against the least that
 * can be done (prototype.c), which translates the same addresses to the same memory. Of each page
 * one word is loaded, so that most of the time goes into finding it.
 */
#include <stdlib.h>

#include "guest.h"
#include "prototype.h"

#define HALF (NTMM_TLB_LINES / 2)
#define PAGES_SMALL NTMM_TLB_LINES
#define SMALL (PAGES_SMALL * PAGE)

struct walk {
	struct guest guest;
	struct prototype prototype;
	uint64_t base, count;
	uint64_t *addresses;
};

/* The word of a page lies at a place of its own, so that all of them do not compete for a few lines
 * of the host's caches. */
static uint64_t word_of(const struct walk *walk, uint64_t page)
{
	return walk->base + page * PAGE + page % 64 * 64;
}

/* Pages that fit into the TLB still miss, every time, when two of them share each line, and take
 * turns: page n of the first 2 MB, and of the 2 MB that begin 4 MB further on. */
static void choose_small(struct walk *walk)
{
	bool second[HALF] = {false};
	uint64_t seed = 1;
	for (uint64_t i = 0; i < walk->count; i++) {
		uint64_t line = random_next(&seed) % HALF;
		walk->addresses[i] = word_of(walk, second[line] ? PAGES_SMALL + line : line);
		second[line] = !second[line];
	}
}

static void choose_large(struct walk *walk, uint64_t bytes)
{
	uint64_t seed = 1;
	for (uint64_t i = 0; i < walk->count; i++)
		walk->addresses[i] = word_of(walk, random_next(&seed) % (bytes / PAGE));
}

static void map_range(struct walk *walk, uint64_t from, uint64_t bytes)
{
	guest_store_pages(&walk->guest, from, bytes);
	for (uint64_t at = from; at < from + bytes; at += PAGE)
		prototype_map(&walk->prototype, at, guest_page(&walk->guest, at));
}

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	uint64_t bytes = row->size, reserved = bytes > SMALL ? bytes : 2 * SMALL;
	if (host_available() < bytes + bytes / 4 + GB) {
		*why = "the host has too little memory";
		return NULL;
	}
	struct walk *walk = bench_alloc(1, sizeof *walk);
	guest_begin(&walk->guest, reserved + reserved / 64 + 16 * MB, 0);
	prototype_begin(&walk->prototype, reserved / (2 * MB) + reserved / GB + 8);
	walk->base = guest_commit(&walk->guest, reserved);
	walk->count = bench_times(bench, MB / 4);
	walk->addresses = bench_alloc(walk->count, sizeof *walk->addresses);
	if (bytes > SMALL) {
		choose_large(walk, bytes);
		map_range(walk, walk->base, bytes);
	} else {
		choose_small(walk);
		map_range(walk, walk->base, SMALL / 2);
		map_range(walk, walk->base + SMALL, SMALL / 2);
	}
	return walk;
}

static double theirs(void *state)
{
	struct walk *walk = state;
	const uint64_t *addresses = walk->addresses;
	uint64_t sum = 0, count = walk->count;
	double start = now();
	for (uint64_t i = 0; i < count; i++)
		sum += prototype_load(&walk->prototype, addresses[i]);
	use(sum);
	return (now() - start) / (double)count;
}

static double ours(void *state)
{
	const struct walk *walk = state;
	const uint64_t *addresses = walk->addresses;
	ntmm_thread *thread = walk->guest.thread;
	uint64_t sum = 0, count = walk->count, value = 0;
	double start = now();
	for (uint64_t i = 0; i < count; i++) {
		must(ntmm_load64(thread, addresses[i], &value), "ntmm_load64");
		sum += value;
	}
	use(sum);
	return (now() - start) / (double)count;
}

static void end(void *state)
{
	struct walk *walk = state;
	prototype_end(&walk->prototype);
	guest_end(&walk->guest);
	free(walk->addresses);
	free(walk);
}

const struct row rows_walk[] = {
	{
		.name = "walk-4m",
		.operation = "load, TLB miss, random in 4 MB",
		.against = "walk without locks",
		.target = {TARGET_RATIO, 1.3},
		.size = 4 * MB,
		.begin = begin,
		.theirs = theirs,
		.ours = ours,
		.end = end,
	},
	{
		.name = "walk-256m",
		.operation = "load, TLB miss, random in 256 MB",
		.against = "walk without locks",
		.target = {TARGET_RATIO, 1.3},
		.size = 256 * MB,
		.begin = begin,
		.theirs = theirs,
		.ours = ours,
		.end = end,
	},
	{
		.name = "walk-4g",
		.operation = "load, TLB miss, random in 4 GB",
		.against = "walk without locks",
		.target = {TARGET_RATIO, 1.3},
		.size = 4 * GB,
		.large = true,
		.begin = begin,
		.theirs = theirs,
		.ours = ours,
		.end = end,
	},
	{0},
};
