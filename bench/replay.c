/* SPDX-License-Identifier: MIT
 *
 * The ntmm command's replay of traces that fit in RAM: reading and decoding them, and making their
 * references. It runs as a process of its own, and what counts is all the time that it takes.
 */
#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

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

/* A running command, and what it prints. */
static pid_t start(char *const *arguments, FILE **output)
{
	posix_spawn_file_actions_t actions;
	pid_t child;
	int ends[2];
	must(!pipe(ends), "pipe");
	must(!posix_spawn_file_actions_init(&actions), "posix_spawn_file_actions_init");
	must(!posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO),
	     "posix_spawn_file_actions_adddup2");
	must(!posix_spawn_file_actions_addclose(&actions, ends[0]),
	     "posix_spawn_file_actions_addclose");
	int error = posix_spawn(&child, arguments[0], &actions, NULL, arguments, environ);
	if (error)
		die("%s: %s", arguments[0], strerror(error));
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	*output = fdopen(ends[0], "r");
	must(*output != NULL, "fdopen");
	return child;
}

static double seconds_of(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* What the command prints, and the seconds of processor time it takes. */
static json_t *run(char *const *arguments, double *seconds)
{
	FILE *output;
	struct rusage usage;
	int status;
	pid_t child = start(arguments, &output);
	json_t *answer = json_loadf(output, 0, NULL);
	fclose(output);
	must(wait4(child, &status, 0, &usage) == child, "wait4");
	if (!answer || !WIFEXITED(status) || WEXITSTATUS(status))
		die("%s %s failed", arguments[0], arguments[1]);
	*seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
	return answer;
}

static double ours(void *state)
{
	const struct replay *replay = state;
	json_int_t references;
	double seconds;
	json_t *answer = run(replay->arguments, &seconds);
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
