/* SPDX-License-Identifier: MIT
 *
 * Write watch of this process: the first store to a page, and GetWriteWatch with
 * WRITE_WATCH_FLAG_RESET, against the host's own for as much memory.
 */
#include <stdlib.h>

#include "host_watch.h"
#include "native.h"

#define REGION (256 * MB)

struct watch {
	struct host_watch host;
	uint64_t bytes;
	char *base;
	uint64_t every; /* every so many pages one is written */
	PVOID *addresses;
	uint64_t seed;
};

static uint64_t pages_written(const struct watch *watch)
{
	return watch->bytes / PAGE / watch->every;
}

static uint64_t collect(struct watch *watch)
{
	ULONG_PTR count = watch->bytes / PAGE;
	DWORD granularity;
	must(!GetWriteWatch(WRITE_WATCH_FLAG_RESET, watch->base, watch->bytes, watch->addresses,
	                    &count, &granularity),
	     "GetWriteWatch");
	return count;
}

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	if (!bench_native_begin(why))
		return NULL;
	struct watch *watch = bench_alloc(1, sizeof *watch);
	watch->bytes = bench_times(bench, REGION);
	watch->every = row->size;
	if (!host_watch_begin(&watch->host, watch->bytes, why)) {
		free(watch);
		return NULL;
	}
	watch->addresses = bench_alloc(watch->bytes / PAGE, sizeof *watch->addresses);
	watch->base = native_reserve(watch->bytes, MEM_COMMIT | MEM_WRITE_WATCH);
	touch(watch->base, watch->bytes);
	must(collect(watch) == watch->bytes / PAGE, "all are written");
	return watch;
}

static void end(void *state)
{
	struct watch *watch = state;
	native_release(watch->base);
	host_watch_end(&watch->host);
	free(watch->addresses);
	free(watch);
}

/* Stores to one of every `every` pages, anywhere among them; ns a page. */
static double write_pages(struct watch *watch, char *base)
{
	uint64_t count = pages_written(watch);
	double start = now();
	for (uint64_t n = 0; n < count; n++) {
		uint64_t page = n * watch->every + random_next(&watch->seed) % watch->every;
		*(volatile uint64_t *)(void *)(base + page * PAGE) = n;
	}
	return (now() - start) / (double)count;
}

static double collect_theirs(void *state)
{
	struct watch *watch = state;
	write_pages(watch, watch->host.memory);
	double start = now();
	uint64_t count = host_watch_collect(&watch->host);
	double time = now() - start;
	must(count == pages_written(watch), "the host tells of each page");
	return time;
}

static double collect_ours(void *state)
{
	struct watch *watch = state;
	write_pages(watch, watch->base);
	double start = now();
	uint64_t count = collect(watch);
	double time = now() - start;
	must(count == pages_written(watch), "each page is told of");
	return time;
}

static double write_theirs(void *state)
{
	struct watch *watch = state;
	double time = write_pages(watch, watch->host.memory);
	host_watch_collect(&watch->host);
	return time;
}

static double write_ours(void *state)
{
	struct watch *watch = state;
	double time = write_pages(watch, watch->base);
	collect(watch);
	return time;
}

#define WATCH_ROW(row_name, what, most, one_of, measured) \
	{ \
		.name = row_name, \
		.operation = what, \
		.against = "userfaultfd, PAGEMAP_SCAN", \
		.target = {TARGET_RATIO, most}, \
		.size = one_of, \
		.begin = begin, \
		.theirs = measured##_theirs, \
		.ours = measured##_ours, \
		.end = end, \
	}
#define COLLECT "GetWriteWatch, reset: 256 MB, "

const struct row rows_native_watch[] = {
	WATCH_ROW("native-write", "first store to a watched page", 1.05, 1, write),
	WATCH_ROW("native-watch-1", COLLECT "1 % written", 1.1, 100, collect),
	WATCH_ROW("native-watch-10", COLLECT "10 % written", 1.1, 10, collect),
	WATCH_ROW("native-watch-100", COLLECT "100 % written", 1.1, 1, collect),
	{0},
};
