/* SPDX-License-Identifier: MIT
 *
 * VirtualProtect while another thread of the process runs: against membarrier(2) alone, which is
 * what it takes at least to make the other thread forget a translation.
 *
 * Threads: the other one loads from the page, or from its neighbours, all the time. Each call, of
 * either side, begins while it does.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "guest.h"
#include "host.h"

#define PAGES 64 /* that the other thread loads from */
#define TURNS 1000

struct protect {
	struct guest guest;
	ntmm_thread *other;
	pthread_t host_thread;
	uint64_t base, turns;
	uint64_t first;          /* page that the other thread loads from */
	double *times;           /* of the calls of one repetition */
	_Atomic uint64_t rounds; /* of the other thread, through its pages */
	_Atomic bool over;
};

static void *run_other(void *state)
{
	struct protect *protect = state;
	uint64_t value = 0;
	while (!atomic_load_explicit(&protect->over, memory_order_relaxed)) {
		for (uint64_t page = 0; page < PAGES; page++)
			must(ntmm_load64(protect->other,
			                 protect->base + (protect->first + page) * PAGE, &value),
			     "ntmm_load64");
		atomic_fetch_add_explicit(&protect->rounds, 1, memory_order_relaxed);
	}
	use(value);
	return NULL;
}

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		*why = "the host has one processor";
		return NULL;
	}
	struct protect *protect = bench_alloc(1, sizeof *protect);
	guest_begin(&protect->guest, 16 * MB, 0);
	protect->turns = bench_times(bench, TURNS);
	protect->times = bench_alloc(protect->turns, sizeof *protect->times);
	protect->first = row->size;
	protect->base = guest_commit(&protect->guest, 2 * PAGES * PAGE);
	guest_store_pages(&protect->guest, protect->base, 2 * PAGES * PAGE);
	protect->other = ntmm_thread_create(protect->guest.process, NULL);
	must(protect->other != NULL, "ntmm_thread_create");
	must(!pthread_create(&protect->host_thread, NULL, run_other, protect), "pthread_create");
	return protect;
}

static void end(void *state)
{
	struct protect *protect = state;
	atomic_store(&protect->over, true);
	must(!pthread_join(protect->host_thread, NULL), "pthread_join");
	ntmm_thread_destroy(protect->other);
	guest_end(&protect->guest);
	free(protect->times);
	free(protect);
}

/* It has been through its pages, and so has all their translations, and most likely still runs. */
static void wait_for_other(struct protect *protect)
{
	uint64_t rounds = atomic_load(&protect->rounds);
	while (atomic_load(&protect->rounds) < rounds + 2)
		;
}

static double theirs(void *state)
{
	struct protect *protect = state;
	for (uint64_t i = 0; i < protect->turns; i++) {
		wait_for_other(protect);
		double start = wall_now();
		host_barrier();
		protect->times[i] = wall_now() - start;
	}
	return median(protect->times, protect->turns);
}

/* There and back: so every call changes something. */
static double ours(void *state)
{
	struct protect *protect = state;
	LPVOID base = address_pointer(protect->base);
	DWORD old;
	for (uint64_t i = 0; i < protect->turns; i++) {
		wait_for_other(protect);
		double start = wall_now();
		must(VirtualProtectEx(protect->guest.process, base, PAGE,
		                      i % 2 ? PAGE_READWRITE : PAGE_READONLY, &old),
		     "VirtualProtectEx");
		protect->times[i] = wall_now() - start;
	}
	return median(protect->times, protect->turns);
}

const struct row rows_protect[] = {
	{
		.name = "protect",
		.operation = "VirtualProtectEx, page in use by a thread",
		.against = "membarrier",
		.target = {TARGET_RATIO, 1.3},
		.begin = begin,
		.theirs = theirs,
		.ours = ours,
		.end = end,
	},
	{
		.name = "protect-apart",
		.operation = "the same, page not in use by the thread",
		.against = "membarrier",
		.target = {TARGET_RATIO, 1.3},
		.size = PAGES,
		.begin = begin,
		.theirs = theirs,
		.ours = ours,
		.end = end,
	},
	{0},
};
