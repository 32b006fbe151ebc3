/* SPDX-License-Identifier: MIT
 *
 * Very many allocations in this process: memory that is kept for each, host mappings that they need,
 * and what VirtualQuery costs among them.
 */
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>

#include "host_maps.h"
#include "native.h"

#define MILLION 1000000
#define LIVE 200000
#define REGION GB
#define TURNS 20000
#define HOST_MAPPINGS 10000

struct many {
	char **bases;
	uint64_t count;
	double bytes_each; /* kept for a reservation when there were none before */
	/* queries */
	int maps;
	char *host;
	uint64_t host_bytes;
	char *region; /* touched; NULL: the many are asked about */
	uint64_t turns;
};

static void reserve_all(struct many *many, DWORD more)
{
	for (uint64_t i = 0; i < many->count; i++)
		many->bases[i] = native_reserve(PAGE, more);
}

static void release_all(struct many *many)
{
	for (uint64_t i = 0; i < many->count; i++)
		native_release(many->bases[i]);
}

static struct many *begin_many(uint64_t count, const char **why)
{
	if (!bench_native_begin(why))
		return NULL;
	struct many *many = bench_alloc(1, sizeof *many);
	many->count = count;
	many->bases = bench_alloc(count, sizeof *many->bases);
	for (uint64_t i = 0; i < count; i++)
		many->bases[i] = (char *)1; /* the array is in memory */
	return many;
}

static void end_many(void *state)
{
	struct many *many = state;
	free(many->bases);
	free(many);
}

/* ---- memory kept -------------------------------------------------------------------------------- */

/* Only the first time is there nothing left of an earlier one: the row stands before all others that
 * make many allocations in this process. */
static void *begin_memory(const struct row *row, const struct bench *bench, const char **why)
{
	(void)bench;
	struct many *many = begin_many(row->size, why);
	if (!many)
		return NULL;
	uint64_t before = host_private_bytes();
	reserve_all(many, 0);
	many->bytes_each = (double)(host_private_bytes() - before) / (double)many->count;
	release_all(many);
	return many;
}

static double bytes_ours(void *state)
{
	const struct many *many = state;
	return many->bytes_each;
}

/* ---- mappings ----------------------------------------------------------------------------------- */

static void *begin_live(const struct row *row, const struct bench *bench, const char **why)
{
	return begin_many(bench_times(bench, row->size), why);
}

/* All mappings of the process, when a page in 64 KB each is the host's, as many as it lets there be. */
static double mappings_theirs(void *state)
{
	const struct many *many = state;
	uint64_t bytes = many->count * 64 * KB;
	char *memory =
		mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(memory != MAP_FAILED, "mmap");
	for (uint64_t i = 0; i < many->count; i++)
		if (mprotect(memory + i * 64 * KB, PAGE, PROT_READ | PROT_WRITE))
			break;
	double mappings = (double)host_mappings();
	host_unmap(memory, bytes);
	return mappings;
}

static double mappings_ours(void *state)
{
	struct many *many = state;
	reserve_all(many, MEM_COMMIT);
	for (uint64_t i = 0; i < many->count; i += 16)
		touch(many->bases[i], PAGE);
	double mappings = (double)host_mappings();
	release_all(many);
	return mappings;
}

/* ---- queries ------------------------------------------------------------------------------------ */

static struct many *begin_queries(uint64_t count, const struct bench *bench, const char **why)
{
	int maps = host_maps_open();
	if (maps < 0) {
		*why = "the host has no PROCMAP_QUERY";
		return NULL;
	}
	struct many *many = begin_many(count, why);
	if (!many) {
		close(maps);
		return NULL;
	}
	many->maps = maps;
	many->turns = bench_times(bench, TURNS);
	return many;
}

static void *begin_query(const struct row *row, const struct bench *bench, const char **why)
{
	struct many *many = begin_queries(row->size, bench, why);
	if (!many)
		return NULL;
	reserve_all(many, 0);
	many->host_bytes = HOST_MAPPINGS * PAGE;
	many->host = host_scatter(HOST_MAPPINGS);
	return many;
}

static void *begin_region(const struct row *row, const struct bench *bench, const char **why)
{
	struct many *many = begin_queries(0, bench, why);
	if (!many)
		return NULL;
	many->host_bytes = row->size;
	many->host = host_map(row->size);
	many->region = native_reserve(row->size, MEM_COMMIT);
	touch(many->host, row->size);
	touch(many->region, row->size);
	return many;
}

static void end_queries(void *state)
{
	struct many *many = state;
	close(many->maps);
	host_unmap(many->host, many->host_bytes);
	if (many->region)
		native_release(many->region);
	else
		release_all(many);
	end_many(many);
}

static double query_theirs(void *state)
{
	const struct many *many = state;
	uint64_t seed = 1, base = (uintptr_t)many->host;
	double start = now();
	for (uint64_t i = 0; i < many->turns; i++) {
		uint64_t page = random_next(&seed) % (many->host_bytes / PAGE);
		must(host_maps_query(many->maps, base + page * PAGE), "the host knows it");
	}
	return (now() - start) / (double)many->turns;
}

static double query_ours(void *state)
{
	const struct many *many = state;
	MEMORY_BASIC_INFORMATION info;
	uint64_t seed = 1;
	double start = now();
	for (uint64_t i = 0; i < many->turns; i++) {
		char *base = many->bases[random_next(&seed) % many->count];
		must(VirtualQuery(base, &info, sizeof info) == sizeof info, "VirtualQuery");
		must(info.AllocationBase == base && info.RegionSize == PAGE, "the answer is right");
	}
	return (now() - start) / (double)many->turns;
}

static double query_region(void *state)
{
	const struct many *many = state;
	MEMORY_BASIC_INFORMATION info;
	uint64_t seed = 1, pages = many->host_bytes / PAGE;
	double start = now();
	for (uint64_t i = 0; i < many->turns; i++) {
		uint64_t page = random_next(&seed) % pages;
		must(VirtualQuery(many->region + page * PAGE, &info, sizeof info) == sizeof info,
		     "VirtualQuery");
		must(info.RegionSize == (pages - page) * PAGE, "the answer is right");
	}
	return (now() - start) / (double)many->turns;
}

#define QUERY_ROW(row_name, what, most, number, is_large, begin_with, measured) \
	{ \
		.name = row_name, \
		.operation = "VirtualQuery, " what, \
		.against = "PROCMAP_QUERY", \
		.target = {TARGET_TIME, most}, \
		.size = number, \
		.large = is_large, \
		.begin = begin_with, \
		.theirs = query_theirs, \
		.ours = measured, \
		.end = end_queries, \
	}

const struct row rows_native_many[] = {
	{
		.name = "native-memory",
		.operation = "memory kept for each of 10^6 reservations",
		.target = {TARGET_TIME, 128},
		.unit = "bytes",
		.size = MILLION,
		.large = true,
		.begin = begin_memory,
		.ours = bytes_ours,
		.end = end_many,
	},
	{
		.name = "native-live",
		.operation = "the process's mappings with 200 000 allocations of 4 KB",
		.against = "as many as the host lets",
		.target = {TARGET_TIME, 100},
		.unit = "mappings",
		.size = LIVE,
		.begin = begin_live,
		.theirs = mappings_theirs,
		.ours = mappings_ours,
		.end = end_many,
	},
	QUERY_ROW("native-query-10k", "10^4 reservations", 100, 10000, false, begin_query, query_ours),
	QUERY_ROW("native-query-1m", "10^6 reservations", 600, MILLION, true, begin_query, query_ours),
	QUERY_ROW("native-query-1g", "1 GB that was touched", 100, REGION, true, begin_region,
                  query_region),
	{0},
};
