/* SPDX-License-Identifier: MIT
 *
 * What a row of the benchmark is, and what all rows use.
 *
 * A row compares an operation of ntmm with a reference that does the same work, or the part of it
 * that cannot be avoided, without ntmm. Both are repeated in turn in the same process, so that they
 * see the same machine; the first repetition of each only warms memory up. What counts is the
 * ratio.
 *
 * Time is what the thread had a processor for, so that other processes of the host count little;
 * where threads wait for one another it is the clock on the wall, a call at a time.
 *
 * Units: nanoseconds for one operation, but where a row says so; bytes. Errors: nothing here returns one; what a benchmark
 * needs and does not get ends the program with a message. Threads: one, but where a row says so.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define KB (UINT64_C(1) << 10)
#define MB (UINT64_C(1) << 20)
#define GB (UINT64_C(1) << 30)
#define TB (UINT64_C(1) << 40)
#define PAGE UINT64_C(4096)

struct bench {
	bool quick;           /* few repetitions of little work: do all rows run? */
	unsigned repetitions; /* with the first, which does not count */
	const char *tool;     /* path of the ntmm command; NULL: not known */
	const char *traces;   /* directory */
};

enum target_kind {
	TARGET_RATIO, /* at most `value` times the reference's time */
	TARGET_RATE,  /* at least `value` times the reference's rate */
	TARGET_TIME,  /* at most `value` ns; the reference is there to be looked at */
	TARGET_NONE,  /* there to be looked at */
};

struct target {
	enum target_kind kind;
	double value;
};

struct row {
	const char *name;
	const char *operation;
	const char *against; /* the reference; NULL: there is none */
	struct target target;
	const char *unit; /* of what is measured; NULL: ns for one operation */
	uint64_t size;    /* what the functions take it for */
	bool large;    /* takes seconds or gigabytes: not when quick */
	/* NULL: the row cannot be measured here, *why says what is missing. */
	void *(*begin)(const struct row *row, const struct bench *bench, const char **why);
	/* One repetition each: ns for one operation, or in the row's unit. */
	double (*theirs)(void *state);
	double (*ours)(void *state);
	void (*end)(void *state);
};

/* Each ends with a row without a name. */
extern const struct row rows_hit[], rows_walk[], rows_fault[], rows_hard[], rows_regions[],
	rows_large[], rows_copy[], rows_protect[], rows_threads[], rows_watch[], rows_replay[],
	rows_lru[], rows_hard_disk[];

extern const struct row rows_awe[], rows_clone[], rows_run[];
extern const struct row rows_native_many[], rows_native_calls[], rows_native_fault[],
	rows_native_watch[], rows_native_threads[];

static inline double read_clock(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ns that the calling thread has run. */
static inline double now(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

static inline double wall_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* The middle one, or the mean of the two in the middle. */
double median(const double *samples, uint64_t count);

/* How often to do something that is usually done `times` times. */
static inline uint64_t bench_times(const struct bench *bench, uint64_t times)
{
	return bench->quick && times > 16 ? times / 16 : times;
}

/* A reproducible stream of numbers: splitmix64. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

/* Keeps the compiler from leaving out what leads to `value`. */
static inline void use(uint64_t value)
{
	__asm__ volatile("" ::"r"(value));
}

extern const struct row rows_share[]; /* as the other rows */

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the program unless `condition` holds; `what` was to be done, or to be so. */
static inline void must(bool condition, const char *what)
{
	if (__builtin_expect(!condition, 0))
		die("failed: %s", what);
}

/* calloc and a private mapping of zeros that never return NULL. */
void *bench_alloc(size_t count, size_t bytes);
void *host_map(uint64_t bytes);
void host_unmap(void *memory, uint64_t bytes);
uint64_t host_available(void); /* bytes that processes could still get */

/* A stream of `count` random numbers below `below`. */
uint32_t *random_stream(uint64_t count, uint32_t below);

#endif
