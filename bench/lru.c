/* SPDX-License-Identifier: MIT
 *
 * How near to exact LRU a machine comes: page-ins of the recorded traces, with frames for 25, 50
 * and 75 % of the pages that each touches. The ntmm command counts both sides in one replay; no
 * time is measured.
 *
 * Counts are compared by their geometric means, for which 0 counts as 1.
 */
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "command.h"

#define FIXED_FRAMES 6
#define TABLE_FRAMES 20 /* about so many page tables there are */
#define ADJUSTMENTS 3   /* of the RAM, to have the frames that are wanted */

enum measure { MEAN, WORST, HARD };

/* What one machine and LRU have read. */
struct pair {
	double ours, lru;
};

struct sums {
	unsigned count;
	struct pair mean, hard; /* sums of logarithms */
	struct pair worst;
};

struct figures {
	struct pair of[HARD + 1];
};

struct lru {
	const struct bench *bench;
	glob_t traces;
};

/* ---- one replay ------------------------------------------------------------------------------ */

/* Machines with clusters and without, and the data frames that the latter has. */
struct answer {
	struct pair hard, ins;
	json_int_t frames;
};

static struct answer compare(const struct lru *lru, char *trace, uint64_t frames)
{
	char ram[32];
	char *const arguments[] = {(char *)lru->bench->tool, "replay", "--json", "--compare", "--ram",
	                           ram, trace, NULL};
	double seconds;
	json_int_t hard, hard_lru, ins, ins_lru;
	struct answer answer;
	snprintf(ram, sizeof ram, "%luK", (unsigned long)(frames * PAGE / KB));
	json_t *whole = command_run(arguments, &seconds);
	if (json_unpack(whole, "{s:[{s:{s:I, s:I}}, {s:{s:I, s:I, s:I}}]}", "machines", "machine",
	                "hard_faults", &hard, "lru_page_ins", &hard_lru, "machine", "page_ins", &ins,
	                "lru_page_ins", &ins_lru, "data_frames", &answer.frames))
		die("%s: the answer is not understood", arguments[0]);
	json_decref(whole);
	answer.hard = (struct pair){(double)hard, (double)hard_lru};
	answer.ins = (struct pair){(double)ins, (double)ins_lru};
	return answer;
}

static uint64_t pages_touched(const struct lru *lru, char *trace)
{
	char *const arguments[] = {(char *)lru->bench->tool, "replay", "--json", "--ram=512M",
	                           "--paging-file=0", trace, NULL};
	double seconds;
	json_int_t pages;
	json_t *whole = command_run(arguments, &seconds);
	if (json_unpack(whole, "{s:[{s:{s:I}}]}", "machines", "machine", "pages_touched", &pages))
		die("%s: the answer is not understood", arguments[0]);
	json_decref(whole);
	return (uint64_t)pages;
}

/* With `frames` for data, or as near to that as page tables allow. */
static struct answer compare_with(const struct lru *lru, char *trace, uint64_t frames)
{
	uint64_t ram = frames + FIXED_FRAMES + TABLE_FRAMES;
	struct answer answer = compare(lru, trace, ram);
	for (unsigned i = 0; i < ADJUSTMENTS && (uint64_t)answer.frames != frames; i++) {
		ram = ram + frames - (uint64_t)answer.frames;
		answer = compare(lru, trace, ram);
	}
	return answer;
}

/* ---- all replays ----------------------------------------------------------------------------- */

static double at_least_1(double count)
{
	return count < 1 ? 1 : count;
}

static void add(struct pair *sum, struct pair pair)
{
	sum->ours += log(at_least_1(pair.ours));
	sum->lru += log(at_least_1(pair.lru));
}

static double ratio(struct pair pair)
{
	return at_least_1(pair.ours) / at_least_1(pair.lru);
}

static void add_answer(struct sums *sums, struct answer answer)
{
	add(&sums->mean, answer.ins);
	add(&sums->hard, answer.hard);
	if (!sums->count++ || ratio(answer.ins) > ratio(sums->worst))
		sums->worst = answer.ins;
}

static struct pair mean_of(struct pair sum, unsigned count)
{
	return (struct pair){exp(sum.ours / count), exp(sum.lru / count)};
}

static struct figures replay_all(const struct lru *lru)
{
	struct sums sums = {0};
	size_t traces = lru->bench->quick ? 1 : lru->traces.gl_pathc;
	for (size_t i = 0; i < traces; i++) {
		char *trace = lru->traces.gl_pathv[i];
		uint64_t pages = pages_touched(lru, trace);
		for (unsigned percent = 25; percent <= 75; percent += 25)
			add_answer(&sums, compare_with(lru, trace, pages * percent / 100));
	}
	return (struct figures){{[MEAN] = mean_of(sums.mean, sums.count),
	                         [WORST] = {at_least_1(sums.worst.ours), at_least_1(sums.worst.lru)},
	                         [HARD] = mean_of(sums.hard, sums.count)}};
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Replays are always the same: one of each is enough for all rows and repetitions. */
static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	static struct figures figures;
	static bool known;
	char pattern[4096];
	struct lru lru = {.bench = bench};
	*why = "the ntmm command is not there: see --tool";
	if (!bench->tool || access(bench->tool, X_OK))
		return NULL;
	snprintf(pattern, sizeof pattern, "%s/*.zst", bench->traces);
	*why = "no traces are there: see --traces";
	if (glob(pattern, 0, NULL, &lru.traces))
		return NULL;
	if (!known)
		figures = replay_all(&lru);
	known = true;
	globfree(&lru.traces);
	return &figures.of[row->size];
}

static double theirs(void *state)
{
	return ((const struct pair *)state)->lru;
}

static double ours(void *state)
{
	return ((const struct pair *)state)->ours;
}

static void end(void *state)
{
	(void)state;
}

#define LRU_ROW(its_name, what, most, which, its_unit) \
	{ \
		.name = its_name, .operation = what, .against = "exact LRU", .unit = its_unit, \
		.target = {TARGET_RATIO, most}, .size = which, .begin = begin, .theirs = theirs, \
		.ours = ours, .end = end, \
	}

const struct row rows_lru[] = {
	LRU_ROW("lru-mean", "page-ins of traces, no clusters, mean", 1.05, MEAN, "pages"),
	LRU_ROW("lru-worst", "the same, of the worst trace and RAM", 1.10, WORST, "pages"),
	LRU_ROW("lru-hard", "hard faults of traces, clusters, mean", 1, HARD, "faults"),
	{0},
};
