/* SPDX-License-Identifier: MIT
 *
 * Sizes that must not matter: reservations, commitments and machines of terabytes. The reference is
 * the host's mmap and munmap of as much.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "guest.h"

struct large {
	struct guest guest;
	uint64_t size, turns, base;
	int protection; /* of the host's mapping */
};

static struct large *begin_large(uint64_t size, uint64_t turns, uint64_t ram)
{
	struct large *large = bench_alloc(1, sizeof *large);
	large->size = size;
	large->turns = turns;
	large->protection = PROT_READ | PROT_WRITE;
	guest_begin(&large->guest, ram, 0);
	return large;
}

static void end(void *state)
{
	struct large *large = state;
	guest_end(&large->guest);
	free(large);
}

static double map_and_unmap(void *state)
{
	const struct large *large = state;
	double start = now();
	for (uint64_t i = 0; i < large->turns; i++) {
		void *memory = mmap(NULL, large->size, large->protection,
		                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		must(memory != MAP_FAILED, "mmap");
		host_unmap(memory, large->size);
	}
	return (now() - start) / (double)large->turns;
}

/* ---- reserve and release --------------------------------------------------------------------- */

static void *begin_reserve(const struct row *row, const struct bench *bench, const char **why)
{
	struct large *large = begin_large(row->size, bench_times(bench, 1000), 16 * MB);
	(void)why;
	large->protection = PROT_NONE;
	return large;
}

static double reserve(void *state)
{
	const struct large *large = state;
	double start = now();
	for (uint64_t i = 0; i < large->turns; i++)
		guest_release(&large->guest, guest_reserve(&large->guest, large->size));
	return (now() - start) / (double)large->turns;
}

/* ---- commit and decommit --------------------------------------------------------------------- */

static void *begin_commit(const struct row *row, const struct bench *bench, const char **why)
{
	struct large *large = begin_large(row->size, bench_times(bench, 1000), 2 * row->size);
	(void)why;
	large->base = guest_reserve(&large->guest, row->size);
	return large;
}

static double commit(void *state)
{
	const struct large *large = state;
	HANDLE process = large->guest.process;
	LPVOID base = address_pointer(large->base);
	double start = now();
	for (uint64_t i = 0; i < large->turns; i++) {
		must(VirtualAllocEx(process, base, large->size, MEM_COMMIT, PAGE_READWRITE) != NULL,
		     "MEM_COMMIT");
		must(VirtualFreeEx(process, base, large->size, MEM_DECOMMIT), "MEM_DECOMMIT");
	}
	return (now() - start) / (double)large->turns;
}

/* ---- machines and processes ------------------------------------------------------------------ */

static void *begin_machine(const struct row *row, const struct bench *bench, const char **why)
{
	(void)why;
	return begin_large(row->size, bench_times(bench, 50), row->size);
}

static double create_machine(void *state)
{
	const struct large *large = state;
	ntmm_machine_config config = {.size = sizeof config, .ram_bytes = large->size};
	double time = 0;
	for (uint64_t i = 0; i < large->turns; i++) {
		ntmm_machine *machine;
		double start = now();
		must(!ntmm_machine_create(&config, &machine), "ntmm_machine_create");
		time += now() - start;
		ntmm_machine_destroy(machine);
	}
	return time / (double)large->turns;
}

static double create_process(void *state)
{
	const struct large *large = state;
	double start = now();
	for (uint64_t i = 0; i < large->turns; i++) {
		HANDLE process = ntmm_process_create(large->guest.machine, NTMM_LAYOUT_NT64_128TB);
		must(process && CloseHandle(process), "ntmm_process_create");
	}
	return (now() - start) / (double)large->turns;
}

const struct row rows_large[] = {
	{
		.name = "reserve-8t",
		.operation = "reserve and release 8 TB",
		.against = "mmap and munmap of it",
		.target = {TARGET_TIME, 10e3},
		.size = 8 * TB,
		.begin = begin_reserve,
		.theirs = map_and_unmap,
		.ours = reserve,
		.end = end,
	},
	{
		.name = "commit-64g",
		.operation = "commit and decommit 64 GB",
		.against = "mmap and munmap of it",
		.target = {TARGET_TIME, 10e3},
		.size = 64 * GB,
		.begin = begin_commit,
		.theirs = map_and_unmap,
		.ours = commit,
		.end = end,
	},
	{
		.name = "machine-1t",
		.operation = "create a machine with 1 TB of RAM",
		.against = "mmap and munmap of it",
		.target = {TARGET_TIME, 1e6},
		.size = TB,
		.begin = begin_machine,
		.theirs = map_and_unmap,
		.ours = create_machine,
		.end = end,
	},
	{
		.name = "process",
		.operation = "create and end a process",
		.target = {TARGET_TIME, 20e3},
		.size = TB,
		.begin = begin_machine,
		.ours = create_process,
		.end = end,
	},
	{0},
};
