/* SPDX-License-Identifier: MIT
 *
 * Two threads of one process against one: faults, and calls. And how long a soft fault takes at worst
 * while another thread writes pages out, against how long it usually takes.
 *
 * Time is the clock on the wall.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define THREADS 2
#define REGION (16 * MB) /* of a thread */
#define CALLS 20000

struct team {
	struct guest guest;
	uint64_t count; /* operations of a thread */
	void (*work)(struct team *team, ntmm_thread *thread, uint64_t base);
	struct member {
		struct team *team;
		ntmm_thread *thread;
		pthread_t host;
		uint64_t base;
	} members[THREADS];
	pthread_barrier_t start;
};

static void touch_pages(struct team *team, ntmm_thread *thread, uint64_t base)
{
	for (uint64_t page = 0; page < team->count; page++)
		must(ntmm_store64(thread, base + page * PAGE, page), "ntmm_store64");
}

static void allocate_and_free(struct team *team, ntmm_thread *thread, uint64_t base)
{
	(void)thread;
	(void)base;
	for (uint64_t i = 0; i < team->count; i++)
		guest_release(&team->guest, guest_reserve(&team->guest, 64 * KB));
}

static void *run_member(void *context)
{
	struct member *member = context;
	pthread_barrier_wait(&member->team->start);
	member->team->work(member->team, member->thread, member->base);
	return NULL;
}

static double run_team(struct team *team, unsigned threads)
{
	for (unsigned i = 0; i < threads; i++)
		team->members[i].base = guest_commit(&team->guest, REGION);
	must(!pthread_barrier_init(&team->start, NULL, threads + 1), "pthread_barrier_init");
	for (unsigned i = 0; i < threads; i++)
		must(!pthread_create(&team->members[i].host, NULL, run_member, &team->members[i]),
		     "pthread_create");
	double start = wall_now();
	pthread_barrier_wait(&team->start);
	for (unsigned i = 0; i < threads; i++)
		must(!pthread_join(team->members[i].host, NULL), "pthread_join");
	double time = wall_now() - start;
	pthread_barrier_destroy(&team->start);
	for (unsigned i = 0; i < threads; i++)
		guest_release(&team->guest, team->members[i].base);
	return time / (double)(threads * team->count);
}

static void *begin_team(const struct row *row, const struct bench *bench, const char **why)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < THREADS) {
		*why = "the host has one processor";
		return NULL;
	}
	struct team *team = bench_alloc(1, sizeof *team);
	guest_begin(&team->guest, 4 * REGION, 0);
	guest_populate(&team->guest, 4 * REGION);
	team->work = row->size ? touch_pages : allocate_and_free;
	team->count = bench_times(bench, row->size ? REGION / PAGE : CALLS);
	for (unsigned i = 0; i < THREADS; i++) {
		team->members[i].team = team;
		team->members[i].thread = ntmm_thread_create(team->guest.process, NULL);
		must(team->members[i].thread != NULL, "ntmm_thread_create");
	}
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

static void end_team(void *state)
{
	struct team *team = state;
	for (unsigned i = 0; i < THREADS; i++)
		ntmm_thread_destroy(team->members[i].thread);
	guest_end(&team->guest);
	free(team);
}

/* ---- soft faults while pages are written ------------------------------------------------------- */

#define WRITTEN 2048 /* pages */

struct writing {
	struct guest guest;
	uint64_t base;
	pthread_t writer;
	_Atomic bool over;
	double times[WRITTEN];
};

static void *write_all_the_time(void *context)
{
	struct writing *writing = context;
	while (!atomic_load(&writing->over))
		ntmm_machine_write_modified(writing->guest.machine, WRITTEN);
	return NULL;
}

static void *begin_writing(const struct row *row, const struct bench *bench, const char **why)
{
	(void)row;
	(void)bench;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		*why = "the host has one processor";
		return NULL;
	}
	struct writing *writing = bench_alloc(1, sizeof *writing);
	guest_begin(&writing->guest, 2 * WRITTEN * PAGE, 4 * WRITTEN * PAGE);
	writing->base = guest_commit(&writing->guest, WRITTEN * PAGE);
	guest_store_pages(&writing->guest, writing->base, WRITTEN * PAGE);
	must(!pthread_create(&writing->writer, NULL, write_all_the_time, writing), "pthread_create");
	return writing;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Each page leaves the working set, dirty, and comes back: on modified, being written or on standby. */
static void fault_all(struct writing *writing)
{
	must(EmptyWorkingSet(writing->guest.process), "EmptyWorkingSet");
	for (uint64_t page = 0; page < WRITTEN; page++) {
		double start = wall_now();
		must(ntmm_store64(writing->guest.thread, writing->base + page * PAGE, page),
		     "ntmm_store64");
		writing->times[page] = wall_now() - start;
	}
	qsort(writing->times, WRITTEN, sizeof writing->times[0], compare);
}

static double usual(void *state)
{
	struct writing *writing = state;
	fault_all(writing);
	return writing->times[WRITTEN / 2];
}

static double one_in_a_hundred(void *state)
{
	struct writing *writing = state;
	fault_all(writing);
	return writing->times[WRITTEN * 99 / 100];
}

static void end_writing(void *state)
{
	struct writing *writing = state;
	atomic_store(&writing->over, true);
	must(!pthread_join(writing->writer, NULL), "pthread_join");
	guest_end(&writing->guest);
	free(writing);
}

const struct row rows_threads[] = {
	{
		.name = "two-faults",
		.operation = "first store to a page, two threads",
		.against = "one thread",
		.target = {TARGET_RATE, 1.5},
		.size = 1,
		.begin = begin_team,
		.theirs = one_thread,
		.ours = two_threads,
		.end = end_team,
	},
	{
		.name = "two-calls",
		.operation = "reserve 64 KB + release, two threads",
		.against = "one thread",
		.target = {TARGET_RATE, 1.5},
		.begin = begin_team,
		.theirs = one_thread,
		.ours = two_threads,
		.end = end_team,
	},
	{
		.name = "soft-writing",
		.operation = "soft fault beside a writer, p99",
		.against = "its median",
		.target = {TARGET_RATIO, 10},
		.begin = begin_writing,
		.theirs = usual,
		.ours = one_in_a_hundred,
		.end = end_writing,
	},
	{0},
};
