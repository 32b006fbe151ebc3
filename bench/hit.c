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
	uint32_t *offsets; /* NULL: one word after another */
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
	hit->count = bench_times(bench, 4 * MB);
	if (row->size)
		hit->offsets = random_stream(hit->count, (uint32_t)(REGION / row->size));
	for (uint64_t i = 0; hit->offsets && i < hit->count; i++)
		hit->offsets[i] *= (uint32_t)row->size;
	return hit;
}

static void end(void *state)
{
	struct hit *hit = state;
	guest_end(&hit->guest);
	free(hit->offsets);
	free(hit);
}

/* ---- random ---------------------------------------------------------------------------------- */

static uint64_t load_raw(const char *at)
{
	return __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_RELAXED);
}

static double random_theirs(void *state)
{
	const struct hit *hit = state;
	uint64_t sum = 0;
	double start = now();
	for (uint64_t i = 0; i < hit->count; i++)
		sum += load_raw(hit->raw + hit->offsets[i]);
	use(sum);
	return (now() - start) / (double)hit->count;
}

static double random_ours(void *state)
{
	const struct hit *hit = state;
	ntmm_thread *thread = hit->guest.thread;
	uint64_t sum = 0, value = 0;
	double start = now();
	for (uint64_t i = 0; i < hit->count; i++) {
		must(ntmm_load64(thread, hit->base + hit->offsets[i], &value), "ntmm_load64");
		sum += value;
	}
	use(sum);
	return (now() - start) / (double)hit->count;
}

/* ---- sequential ------------------------------------------------------------------------------ */

static double sequential_theirs(void *state)
{
	const struct hit *hit = state;
	uint64_t sum = 0;
	double start = now();
	for (uint64_t done = 0; done < hit->count; done += REGION / 8)
		for (uint64_t at = 0; at < REGION; at += 8)
			sum += load_raw(hit->raw + at);
	use(sum);
	return (now() - start) / (double)hit->count;
}

static double sequential_ours(void *state)
{
	const struct hit *hit = state;
	ntmm_thread *thread = hit->guest.thread;
	uint64_t sum = 0, value = 0;
	double start = now();
	for (uint64_t done = 0; done < hit->count; done += REGION / 8)
		for (uint64_t at = 0; at < REGION; at += 8) {
			must(ntmm_load64(thread, hit->base + at, &value), "ntmm_load64");
			sum += value;
		}
	use(sum);
	return (now() - start) / (double)hit->count;
}

const struct row rows_hit[] = {
	{"load-random", "load, TLB hit, random in 4 MB", "load through a pointer", {TARGET_RATIO, 1.5}, 8, false,
	 begin, random_theirs, random_ours, end},
	{"load-sequential", "load, TLB hit, sequential", "load through a pointer", {TARGET_RATIO, 3.5}, 0, false,
	 begin, sequential_theirs, sequential_ours, end},
	{0},
};
