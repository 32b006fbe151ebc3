/* SPDX-License-Identifier: MIT
 *
 * Code of this program run as a thread of a machine, by the host's processor: what it loads costs
 * nothing, what faults costs a signal and a mapping of the host's besides.
 */
#include <stdlib.h>
#include <string.h>

#include "guest.h"
#include "host.h"

#define REGION (4 * MB)
#define RAM (32 * MB)

struct run {
	struct guest guest;
	char *base;
	char *memory; /* the host's, as large */
	uint64_t count;
	double time;
};

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	struct run *run = bench_alloc(1, sizeof *run);
	(void)row;
	(void)why;
	guest_begin_to_run(&run->guest, RAM);
	guest_populate(&run->guest, RAM);
	run->base = address_pointer(guest_commit(&run->guest, REGION));
	run->memory = bench_alloc(REGION, 1);
	memset(run->memory, 1, REGION);
	run->count = bench_times(bench, MB);
	return run;
}

static void end(void *state)
{
	struct run *run = state;
	guest_end(&run->guest);
	free(run->memory);
	free(run);
}

static double run_body(struct run *run, void (*body)(void *context))
{
	if (!ntmm_thread_run(run->guest.thread, body, run))
		die("ntmm_thread_run: %s", ntmm_error_message());
	return run->time;
}

/* ---- pages that are there ------------------------------------------------------------------- */

static double load_from(const char *memory, uint64_t count)
{
	uint64_t sum = 0, seed = 1;
	double start = now();
	for (uint64_t i = 0; i < count; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		const void *at = memory + (seed >> 20 & (REGION - 8));
		sum += *(const volatile uint64_t *)at;
	}
	use(sum);
	return (now() - start) / (double)count;
}

static void load_random(void *context)
{
	struct run *run = context;
	for (uint64_t at = 0; at < REGION; at += PAGE)
		*(volatile char *)(run->base + at) = 1;
	run->time = load_from(run->base, run->count);
}

static double load_theirs(void *state)
{
	struct run *run = state;
	return load_from(run->memory, run->count);
}

static double load_ours(void *state)
{
	return run_body(state, load_random);
}

/* ---- pages that fault ----------------------------------------------------------------------- */

static void store_pages(void *context)
{
	struct run *run = context;
	double start = now();
	for (uint64_t at = 0; at < REGION; at += PAGE)
		*(volatile char *)(run->base + at) = 1;
	run->time = (now() - start) / (double)(REGION / PAGE);
}

static double touch_theirs(void *state)
{
	(void)state;
	return host_first_touch(REGION);
}

static double first_ours(void *state)
{
	struct run *run = state;
	guest_release(&run->guest, (uintptr_t)run->base);
	run->base = address_pointer(guest_commit(&run->guest, REGION));
	return run_body(run, store_pages);
}

static double soft_ours(void *state)
{
	struct run *run = state;
	run_body(run, store_pages);
	must(SetProcessWorkingSetSize(run->guest.process, (SIZE_T)-1, (SIZE_T)-1), "trim");
	return run_body(run, store_pages);
}

#define RUN_ROW(row_name, what, raw, reference, measured) \
	{ \
		.name = row_name, \
		.operation = what, \
		.against = raw, \
		.target = {.kind = TARGET_NONE}, \
		.begin = begin, \
		.theirs = reference, \
		.ours = measured, \
		.end = end, \
	}

const struct row rows_run[] = {
	RUN_ROW("run-load", "load by a thread that is run, random in 4 MB",
                "load through a pointer", load_theirs, load_ours),
	RUN_ROW("run-first", "first store to a page by one", "host's first touch", touch_theirs,
                first_ours),
	RUN_ROW("run-soft", "soft fault of one", "host's first touch", touch_theirs, soft_ours),
	{0},
};
