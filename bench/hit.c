/* SPDX-License-Identifier: MIT
 *
 * Loads that hit the translation buffer, against loads through a pointer from the same memory.
 */
#include <stdlib.h>

#include "guest.h"

#define REGION (4 * MB) /* as many pages as the TLB has lines */

struct hit {
	struct guest guest;
	uint64_t base;
	const char *raw; /* the machine's RAM where the region's pages are */
	uint64_t count;
	uint32_t *offsets; /* NULL: not needed */
};

/* The frames of a new machine's first pages lie side by side, in whatever order. */
static const char *lowest_page(const struct hit *hit)
{
	const char *lowest = guest_page(&hit->guest, hit->base), *highest = lowest;
	for (uint64_t at = PAGE; at < REGION; at += PAGE) {
		const char *page = guest_page(&hit->guest, hit->base + at);
		lowest = page < lowest ? page : lowest;
		highest = page > highest ? page : highest;
	}
	must((uint64_t)(highest - lowest) == REGION - PAGE, "the region's frames lie side by side");
	return lowest;
}

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	struct hit *hit = bench_alloc(1, sizeof *hit);
	(void)why;
	guest_begin(&hit->guest, 16 * MB, 0);
	hit->base = guest_commit(&hit->guest, REGION);
	guest_store_pages(&hit->guest, hit->base, REGION);
	hit->raw = lowest_page(hit);
	hit->count = bench_times(bench, MB);
	if (row->size)
		hit->offsets = random_stream(hit->count, REGION / 8);
	return hit;
}

static void end(void *state)
{
	struct hit *hit = state;
	guest_end(&hit->guest);
	free(hit->offsets);
	free(hit);
}

static uint64_t load_raw(const char *at)
{
	return __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_RELAXED);
}

static inline __attribute__((always_inline)) uint64_t load(ntmm_thread *thread, uint64_t address)
{
	uint64_t value;
	must(ntmm_load64(thread, address, &value), "ntmm_load64");
	return value;
}

/* ---- random, as computed on the way: xorshift ------------------------------------------------ */

static uint64_t next_offset(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 20 & (REGION - 8);
}

static double random_theirs(void *state)
{
	const struct hit *hit = state;
	const char *raw = hit->raw;
	uint64_t sum = 0, seed = 1, count = hit->count;
	double start = now();
	for (uint64_t i = 0; i < count; i++)
		sum += load_raw(raw + next_offset(&seed));
	use(sum);
	return (now() - start) / (double)count;
}

static double random_ours(void *state)
{
	const struct hit *hit = state;
	ntmm_thread *thread = hit->guest.thread;
	uint64_t sum = 0, seed = 1, base = hit->base, count = hit->count;
	double start = now();
	for (uint64_t i = 0; i < count; i++)
		sum += load(thread, base + next_offset(&seed));
	use(sum);
	return (now() - start) / (double)count;
}

/* ---- random, from an array: nothing else to do ----------------------------------------------- */

static double array_theirs(void *state)
{
	const struct hit *hit = state;
	const char *raw = hit->raw;
	const uint32_t *offsets = hit->offsets;
	uint64_t sum = 0, count = hit->count;
	double start = now();
	for (uint64_t i = 0; i < count; i++)
		sum += load_raw(raw + 8ul * offsets[i]);
	use(sum);
	return (now() - start) / (double)count;
}

static double array_ours(void *state)
{
	const struct hit *hit = state;
	ntmm_thread *thread = hit->guest.thread;
	const uint32_t *offsets = hit->offsets;
	uint64_t sum = 0, base = hit->base, count = hit->count;
	double start = now();
	for (uint64_t i = 0; i < count; i++)
		sum += load(thread, base + 8ul * offsets[i]);
	use(sum);
	return (now() - start) / (double)count;
}

/* ---- sequential ------------------------------------------------------------------------------ */

static double sequential_theirs(void *state)
{
	const struct hit *hit = state;
	const char *raw = hit->raw;
	uint64_t sum = 0, count = hit->count;
	double start = now();
	for (uint64_t i = 0; i < count; i++)
		sum += load_raw(raw + i * 8 % REGION);
	use(sum);
	return (now() - start) / (double)count;
}

static double sequential_ours(void *state)
{
	const struct hit *hit = state;
	ntmm_thread *thread = hit->guest.thread;
	uint64_t sum = 0, base = hit->base, count = hit->count;
	double start = now();
	for (uint64_t i = 0; i < count; i++)
		sum += load(thread, base + i * 8 % REGION);
	use(sum);
	return (now() - start) / (double)count;
}

const struct row rows_hit[] = {
	{
		.name = "load-random",
		.operation = "load, TLB hit, random in 4 MB",
		.against = "load through a pointer",
		.target = {TARGET_RATIO, 1.5},
		.begin = begin,
		.theirs = random_theirs,
		.ours = random_ours,
		.end = end,
	},
	{
		.name = "load-array",
		.operation = "the same, addresses from an array",
		.against = "load through a pointer",
		.target = {.kind = TARGET_NONE},
		.size = 1,
		.begin = begin,
		.theirs = array_theirs,
		.ours = array_ours,
		.end = end,
	},
	{
		.name = "load-sequential",
		.operation = "load, TLB hit, sequential",
		.against = "load through a pointer",
		.target = {TARGET_RATIO, 3.5},
		.begin = begin,
		.theirs = sequential_theirs,
		.ours = sequential_ours,
		.end = end,
	},
	{0},
};
