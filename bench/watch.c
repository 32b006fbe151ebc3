/* SPDX-License-Identifier: MIT
 *
 * Write watch: GetWriteWatch with WRITE_WATCH_FLAG_RESET, and the first store to a page after it,
 * against the host's own for as much of its memory.
 */
#include <stdlib.h>

#include "guest.h"
#include "host_watch.h"

#define REGION (256 * MB)
#define RAM (REGION + 32 * MB)

struct watch {
	struct guest guest;
	struct host_watch host;
	uint64_t bytes, base;
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
	must(!GetWriteWatch(WRITE_WATCH_FLAG_RESET, address_pointer(watch->base), watch->bytes,
	                    watch->addresses, &count, &granularity),
	     "GetWriteWatch");
	return count;
}

static void begin_guest(struct watch *watch)
{
	guest_begin(&watch->guest, RAM, 0);
	must(ntmm_thread_attach(watch->guest.thread), "ntmm_thread_attach");
	watch->base = (uintptr_t)VirtualAlloc(NULL, watch->bytes,
	                                      MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH,
	                                      PAGE_READWRITE);
	must(watch->base, "VirtualAlloc");
	guest_store_pages(&watch->guest, watch->base, watch->bytes);
	must(collect(watch) == watch->bytes / PAGE, "all are written");
}

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	struct watch *watch = bench_alloc(1, sizeof *watch);
	watch->bytes = bench_times(bench, REGION);
	watch->every = row->size;
	if (!host_watch_begin(&watch->host, watch->bytes, why)) {
		free(watch);
		return NULL;
	}
	watch->addresses = bench_alloc(watch->bytes / PAGE, sizeof *watch->addresses);
	begin_guest(watch);
	return watch;
}

static void end(void *state)
{
	struct watch *watch = state;
	ntmm_thread_detach();
	guest_end(&watch->guest);
	host_watch_end(&watch->host);
	free(watch->addresses);
	free(watch);
}

/* One of every `every` pages, anywhere among them. */
static uint64_t place_of(struct watch *watch, uint64_t n)
{
	return (n * watch->every + random_next(&watch->seed) % watch->every) * PAGE;
}

/* ns a page. */
static double write_theirs(struct watch *watch)
{
	double start = now();
	for (uint64_t n = 0; n < pages_written(watch); n++)
		*(volatile uint64_t *)(void *)(watch->host.memory + place_of(watch, n)) = n;
	return (now() - start) / (double)pages_written(watch);
}

static double write_ours(struct watch *watch)
{
	double start = now();
	for (uint64_t n = 0; n < pages_written(watch); n++)
		must(ntmm_store64(watch->guest.thread, watch->base + place_of(watch, n), n),
		     "ntmm_store64");
	return (now() - start) / (double)pages_written(watch);
}

static double collect_theirs(void *state)
{
	struct watch *watch = state;
	write_theirs(watch);
	double start = now();
	uint64_t count = host_watch_collect(&watch->host);
	double time = now() - start;
	must(count == pages_written(watch), "the host tells of each page");
	return time;
}

static double collect_ours(void *state)
{
	struct watch *watch = state;
	write_ours(watch);
	double start = now();
	uint64_t count = collect(watch);
	double time = now() - start;
	must(count == pages_written(watch), "each page is told of");
	return time;
}

static double first_write_theirs(void *state)
{
	struct watch *watch = state;
	double time = write_theirs(watch);
	host_watch_collect(&watch->host);
	return time;
}

static double first_write_ours(void *state)
{
	struct watch *watch = state;
	double time = write_ours(watch);
	collect(watch);
	return time;
}

#define COLLECT(percent) \
	{ \
		.name = "watch-" #percent, \
		.operation = "GetWriteWatch, reset: 256 MB, " #percent " % written", \
		.against = "userfaultfd, PAGEMAP_SCAN", \
		.target = {TARGET_RATIO, 1.1}, \
		.size = 100 / (percent), \
		.begin = begin, \
		.theirs = collect_theirs, \
		.ours = collect_ours, \
		.end = end, \
	}

const struct row rows_watch[] = {
	{
		.name = "watch-write",
		.operation = "first store to a watched page",
		.against = "userfaultfd, protected",
		.target = {TARGET_RATIO, 0.25},
		.size = 1,
		.begin = begin,
		.theirs = first_write_theirs,
		.ours = first_write_ours,
		.end = end,
	},
	COLLECT(1),
	COLLECT(10),
	COLLECT(100),
	{0},
};
