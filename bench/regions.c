/* SPDX-License-Identifier: MIT
 *
 * Calls in a process that has many regions, at random ones: against a search in a binary tree of as
 * many nodes. Each region is a reservation of one page.
 */
#include <stdlib.h>

#include "guest.h"
#include "scattered.h"

#define TURNS 20000
#define RAM (64 * GB) /* of address space: what is committed must be promised */

struct regions {
	struct guest guest;
	struct scattered tree;
	DWORD type;
	uint64_t turns;
	uint64_t *chosen; /* bases of regions, one a turn */
};

static uint64_t reserve(const struct regions *regions)
{
	return (uintptr_t)VirtualAllocEx(regions->guest.process, NULL, PAGE, regions->type,
	                                 PAGE_READWRITE);
}

static void choose(struct regions *regions, const uint64_t *bases, uint64_t count)
{
	uint64_t seed = count;
	regions->chosen = bench_alloc(regions->turns, sizeof *regions->chosen);
	for (uint64_t i = 0; i < regions->turns; i++)
		regions->chosen[i] = bases[random_next(&seed) % count];
}

static void *begin_with(const struct row *row, const struct bench *bench, DWORD type)
{
	struct regions *regions = bench_alloc(1, sizeof *regions);
	uint64_t *bases = bench_alloc(row->size, sizeof *bases);
	guest_begin(&regions->guest, RAM, 0);
	regions->type = type;
	for (uint64_t i = 0; i < row->size; i++) {
		bases[i] = reserve(regions);
		must(bases[i] > (i ? bases[i - 1] : 0), "reservations rise");
	}
	regions->turns = bench_times(bench, TURNS);
	choose(regions, bases, row->size);
	scattered_begin(&regions->tree, bases, row->size);
	free(bases);
	return regions;
}

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	(void)why;
	return begin_with(row, bench, MEM_RESERVE);
}

static void *begin_committed(const struct row *row, const struct bench *bench, const char **why)
{
	(void)why;
	return begin_with(row, bench, MEM_RESERVE | MEM_COMMIT);
}

static void end(void *state)
{
	struct regions *regions = state;
	scattered_end(&regions->tree);
	guest_end(&regions->guest);
	free(regions->chosen);
	free(regions);
}

static double search(void *state)
{
	const struct regions *regions = state;
	double start = now();
	for (uint64_t i = 0; i < regions->turns; i++)
		must(scattered_find(&regions->tree, regions->chosen[i]) != NULL,
		     "the node is there");
	return (now() - start) / (double)regions->turns;
}

/* A region goes, and comes back where it was: there is no other place below. */
static double exchange(void *state)
{
	const struct regions *regions = state;
	double start = now();
	for (uint64_t i = 0; i < regions->turns; i++) {
		uint64_t base = regions->chosen[i];
		guest_release(&regions->guest, base);
		must(reserve(regions) == base, "the lowest place is taken");
	}
	return (now() - start) / (double)(2 * regions->turns);
}

static double query(void *state)
{
	const struct regions *regions = state;
	MEMORY_BASIC_INFORMATION info;
	double start = now();
	for (uint64_t i = 0; i < regions->turns; i++) {
		LPVOID base = address_pointer(regions->chosen[i]);
		must(VirtualQueryEx(regions->guest.process, base, &info, sizeof info) ==
		             sizeof info,
		     "VirtualQueryEx");
		must(info.AllocationBase == base && info.RegionSize == PAGE, "the answer is right");
	}
	return (now() - start) / (double)regions->turns;
}

#define REGIONS_ROW(row_name, what, regions, is_large, begin_with_type, measured) \
	{ \
		.name = row_name, \
		.operation = what, \
		.against = "search in a binary tree", \
		.target = {TARGET_TIME, 1000}, \
		.size = regions, \
		.large = is_large, \
		.begin = begin_with_type, \
		.theirs = search, \
		.ours = measured, \
		.end = end, \
	}

#define ALLOC "VirtualAllocEx or FreeEx, "
#define QUERY "VirtualQueryEx, "
#define COMMIT "the same, also committed"

const struct row rows_regions[] = {
	REGIONS_ROW("query-10k", QUERY "10^4 regions", 10000, false, begin, query),
	REGIONS_ROW("alloc-10k", ALLOC "10^4 regions", 10000, false, begin, exchange),
	REGIONS_ROW("commit-10k", COMMIT, 10000, false, begin_committed, exchange),
	REGIONS_ROW("query-1m", QUERY "10^6 regions", 1000000, true, begin, query),
	REGIONS_ROW("alloc-1m", ALLOC "10^6 regions", 1000000, true, begin, exchange),
	REGIONS_ROW("commit-1m", COMMIT, 1000000, true, begin_committed, exchange),
	{0},
};
