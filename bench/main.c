/* SPDX-License-Identifier: MIT
 *
 * ntmm-bench: which rows, and how often.
 */
#include <argp.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "report.h"

#define REPETITIONS 11
#define QUICK_REPETITIONS 3
#ifndef BENCH_TOOL
#define BENCH_TOOL NULL
#endif

const char *argp_program_version = "ntmm-bench " BENCH_VERSION;

static const struct row *const groups[] = {
	rows_hit,
	rows_walk,
	rows_fault,
	rows_share,
	rows_hard,
	rows_hard_disk,
	rows_regions,
	rows_large,
	rows_copy,
	rows_protect,
	rows_threads,
	rows_watch,
	rows_awe,
	rows_clone,
	rows_replay,
	rows_lru,
	rows_native_many, /* first of these: it measures what there is no trace of yet */
	rows_native_calls,
	rows_native_fault,
	rows_native_watch,
	rows_native_threads,
	rows_run, /* last: from here on the library handles the host's signals */
};
#define GROUPS (sizeof groups / sizeof groups[0])

struct options {
	struct bench bench;
	const char *json;
	bool list;
	char **patterns; /* all rows when there is none */
	int patterns_count;
};

static const struct argp_option options[] = {
	{"json", 'j', "FILE", 0, "also write everything that was measured to FILE", 0},
	{"quick", 'q', NULL, 0, "few repetitions of little work: whether it runs, not how fast", 0},
	{"repetitions", 'r', "NUMBER", 0, "of each side of a row (11); the first is left out", 0},
	{"list", 'l', NULL, 0, "name the rows, and measure nothing", 0},
	{"tool", 't', "FILE", 0, "the ntmm command, for the rows 'replay' and 'lru-*'", 0},
	{"traces", 'd', "DIRECTORY", 0, "where traces are, for the same", 0},
	{0},
};

static unsigned parse_repetitions(const char *text, struct argp_state *state)
{
	char *rest;
	unsigned long number = strtoul(text, &rest, 10);
	if (*rest || number < 2 || number > MOST_REPETITIONS)
		argp_error(state, "--repetitions: '%s' is not a number from 2 to %d", text,
		           MOST_REPETITIONS);
	return (unsigned)number;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *chosen = state->input;
	switch (key) {
	case 'j':
		chosen->json = argument;
		return 0;
	case 'q':
		chosen->bench.quick = true;
		return 0;
	case 'r':
		chosen->bench.repetitions = parse_repetitions(argument, state);
		return 0;
	case 'l':
		chosen->list = true;
		return 0;
	case 't':
		chosen->bench.tool = argument;
		return 0;
	case 'd':
		chosen->bench.traces = argument;
		return 0;
	case ARGP_KEY_ARGS:
		chosen->patterns = state->argv + state->next;
		chosen->patterns_count = state->argc - state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp arguments = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[ROW...]",
	.doc = "Measure ntmm against references that run in the same process, in turn with it. A "
	       "ROW is a name, or a pattern like 'walk-*'; without any all rows are measured.\v"
	       "Times and ratios are medians. Times do not carry over to another machine; ratios "
	       "nearly do.\n\n"
	       "Exit status: 0 when the rows could be measured, whatever the result.",
};

static bool is_chosen(const struct options *chosen, const struct row *row)
{
	for (int i = 0; i < chosen->patterns_count; i++)
		if (!fnmatch(chosen->patterns[i], row->name, 0))
			return true;
	return !chosen->patterns_count;
}

/* The rows that are to be measured; their number, at most `most`. */
static size_t choose(const struct options *chosen, const struct row **rows, size_t most)
{
	size_t count = 0;
	for (size_t i = 0; i < GROUPS; i++)
		for (const struct row *row = groups[i]; row->name; row++)
			if (is_chosen(chosen, row) && count < most)
				rows[count++] = row;
	return count;
}

static void run(const struct options *chosen, const struct row **rows, size_t count)
{
	struct result *results = bench_alloc(count, sizeof *results);
	bool shown = isatty(STDERR_FILENO);
	for (size_t i = 0; i < count; i++) {
		if (shown)
			fprintf(stderr, "\r\033[K%zu of %zu: %s", i + 1, count, rows[i]->name);
		results[i] = measure(rows[i], &chosen->bench);
	}
	if (shown)
		fputs("\r\033[K", stderr);
	report_table(results, count);
	if (chosen->json)
		report_json(&chosen->bench, results, count, chosen->json);
	for (size_t i = 0; i < count; i++)
		result_free(&results[i]);
	free(results);
}

int main(int argc, char **argv)
{
	struct options chosen = {.bench = {.tool = BENCH_TOOL, .traces = BENCH_TRACES}};
	const struct row *rows[100];
	if (argp_parse(&arguments, argc, argv, 0, NULL, &chosen))
		return 1;
	if (!chosen.bench.repetitions)
		chosen.bench.repetitions = chosen.bench.quick ? QUICK_REPETITIONS : REPETITIONS;
	size_t count = choose(&chosen, rows, sizeof rows / sizeof rows[0]);
	if (!count)
		die("no row has that name; see --list");
	if (chosen.list)
		for (size_t i = 0; i < count; i++)
			printf("%-18s %s\n", rows[i]->name, rows[i]->operation);
	else
		run(&chosen, rows, count);
	return 0;
}
