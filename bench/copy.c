/* SPDX-License-Identifier: MIT
 *
 * Copies between processes, against memcpy of as much.
 */
#include <stdlib.h>
#include <string.h>

#include "guest.h"

#define TURNS 50

struct copy {
	struct guest guest;
	uint64_t bytes, turns, base;
	char *buffer, *other;
};

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	struct copy *copy = bench_alloc(1, sizeof *copy);
	(void)why;
	guest_begin(&copy->guest, 16 * MB, 0);
	copy->bytes = row->size;
	copy->turns = bench_times(bench, TURNS);
	copy->base = guest_commit(&copy->guest, copy->bytes);
	guest_store_pages(&copy->guest, copy->base, copy->bytes);
	copy->buffer = host_map(copy->bytes);
	copy->other = host_map(copy->bytes);
	memset(copy->buffer, 1, copy->bytes);
	memset(copy->other, 2, copy->bytes);
	return copy;
}

static void end(void *state)
{
	struct copy *copy = state;
	guest_end(&copy->guest);
	host_unmap(copy->buffer, copy->bytes);
	host_unmap(copy->other, copy->bytes);
	free(copy);
}

static double theirs(void *state)
{
	const struct copy *copy = state;
	double start = now();
	for (uint64_t i = 0; i < copy->turns; i++) {
		memcpy(copy->other, copy->buffer, copy->bytes);
		use((uintptr_t)copy->other);
	}
	return (now() - start) / (double)copy->turns;
}

static double read_ours(void *state)
{
	const struct copy *copy = state;
	double start = now();
	for (uint64_t i = 0; i < copy->turns; i++)
		must(ReadProcessMemory(copy->guest.process, address_pointer(copy->base),
		                       copy->buffer, copy->bytes, NULL),
		     "ReadProcessMemory");
	return (now() - start) / (double)copy->turns;
}

static double write_ours(void *state)
{
	const struct copy *copy = state;
	double start = now();
	for (uint64_t i = 0; i < copy->turns; i++)
		must(WriteProcessMemory(copy->guest.process, address_pointer(copy->base),
		                        copy->buffer, copy->bytes, NULL),
		     "WriteProcessMemory");
	return (now() - start) / (double)copy->turns;
}

const struct row rows_copy[] = {
	{
		.name = "read-1m",
		.operation = "ReadProcessMemory of 1 MB",
		.against = "memcpy",
		.target = {TARGET_RATE, 0.6},
		.size = MB,
		.begin = begin,
		.theirs = theirs,
		.ours = read_ours,
		.end = end,
	},
	{
		.name = "write-1m",
		.operation = "WriteProcessMemory of 1 MB",
		.against = "memcpy",
		.target = {TARGET_RATE, 0.6},
		.size = MB,
		.begin = begin,
		.theirs = theirs,
		.ours = write_ours,
		.end = end,
	},
	{0},
};
