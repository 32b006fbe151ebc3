/* SPDX-License-Identifier: MIT
 *
 * Two threads that reserve, ask and release in this process, against one. Time is the clock on the
 * wall.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "native.h"

#define THREADS 2
#define TURNS 20000
#define BYTES (64 * KB)

struct team {
	uint64_t turns; /* of a thread */
	pthread_barrier_t start;
};

static void *run_member(void *context)
{
	struct team *team = context;
	MEMORY_BASIC_INFORMATION info;
	pthread_barrier_wait(&team->start);
	for (uint64_t i = 0; i < team->turns; i++) {
		char *base = native_reserve(BYTES, 0);
		must(VirtualQuery(base, &info, sizeof info) == sizeof info, "VirtualQuery");
		must(info.AllocationBase == base && info.RegionSize == BYTES, "the answer is right");
		native_release(base);
	}
	return NULL;
}

/* ns a turn of the whole team. */
static double run_team(struct team *team, unsigned threads)
{
	pthread_t members[THREADS];
	must(!pthread_barrier_init(&team->start, NULL, threads + 1), "pthread_barrier_init");
	for (unsigned i = 0; i < threads; i++)
		must(!pthread_create(&members[i], NULL, run_member, team), "pthread_create");
	double start = wall_now();
	pthread_barrier_wait(&team->start);
	for (unsigned i = 0; i < threads; i++)
		must(!pthread_join(members[i], NULL), "pthread_join");
	double time = wall_now() - start;
	pthread_barrier_destroy(&team->start);
	return time / (double)(threads * team->turns);
}

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	(void)row;
	if (sysconf(_SC_NPROCESSORS_ONLN) < THREADS) {
		*why = "the host has one processor";
		return NULL;
	}
	if (!bench_native_begin(why))
		return NULL;
	struct team *team = bench_alloc(1, sizeof *team);
	team->turns = bench_times(bench, TURNS);
	return team;
}

static double one_thread(void *state)
{
	return run_team(state, 1);
}

static double two_threads(void *state)
{
	return run_team(state, THREADS);
}

const struct row rows_native_threads[] = {
	{
		.name = "native-two",
		.operation = "reserve 64 KB, query, release, two threads",
		.against = "one thread",
		.target = {TARGET_RATE, 1.5},
		.begin = begin,
		.theirs = one_thread,
		.ours = two_threads,
		.end = free,
	},
	{0},
};
