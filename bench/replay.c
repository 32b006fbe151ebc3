/* SPDX-License-Identifier: MIT
 *
 * The ntmm command's replay of traces that fit in RAM: reading and decoding them, and making their
 * references. It runs as a process of its own, and what counts is all the time that it takes.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "command.h"

#define FIXED 5 /* arguments before the traces */

struct replay {
	char **arguments;
	glob_t traces;
};

static char **arguments_of(const char *tool, const glob_t *traces)
{
	static const char *const fixed[FIXED] = {NULL, "replay", "--json", "--ram=512M",
	                                         "--paging-file=0"};
	const char **arguments = bench_alloc(FIXED + traces->gl_pathc + 1, sizeof *arguments);
	memcpy(arguments, fixed, sizeof fixed);
	arguments[0] = tool;
	for (size_t i = 0; i < traces->gl_pathc; i++)
		arguments[FIXED + i] = traces->gl_pathv[i];
	return (char **)arguments;
}

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	char pattern[4096];
	(void)row;
	*why = "the ntmm command is not there: see --tool";
	if (!bench->tool || access(bench->tool, X_OK))
		return NULL;
	struct replay *replay = bench_alloc(1, sizeof *replay);
	snprintf(pattern, sizeof pattern, "%s/*.zst", bench->traces);
	if (!glob(pattern, 0, NULL, &replay->traces)) {
		replay->arguments = arguments_of(bench->tool, &replay->traces);
		return replay;
	}
	*why = "no traces are there: see --traces";
	free(replay);
	return NULL;
}

static void end(void *state)
{
	struct replay *replay = state;
	globfree(&replay->traces);
	free(replay->arguments);
	free(replay);
}

static double ours(void *state)
{
	const struct replay *replay = state;
	json_int_t references;
	double seconds;
	json_t *answer = command_run(replay->arguments, &seconds);
	if (json_unpack(answer, "{s:[{s:{s:I}}]}", "machines", "machine", "references",
	                &references))
		die("%s: the answer is not understood", replay->arguments[0]);
	json_decref(answer);
	return seconds * 1e9 / (double)references;
}

const struct row rows_replay[] = {
	{
		.name = "replay",
		.operation = "replay, a reference, traces fit in RAM",
		.target = {TARGET_TIME, 20},
		.begin = begin,
		.ours = ours,
		.end = end,
	},
	{0},
};
