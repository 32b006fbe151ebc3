/* SPDX-License-Identifier: MIT
 *
 * The ntmm command's replay of a trace that fits in RAM: reading and decoding it, and making its
 * references. It runs as a process of its own, and says itself how long it took.
 */
#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

struct replay {
	const char *tool;
	glob_t traces;
};

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	char pattern[4096];
	(void)row;
	*why = "the ntmm command is not there: see --tool";
	if (!bench->tool || access(bench->tool, X_OK))
		return NULL;
	struct replay *replay = bench_alloc(1, sizeof *replay);
	replay->tool = bench->tool;
	snprintf(pattern, sizeof pattern, "%s/*.zst", bench->traces);
	if (!glob(pattern, 0, NULL, &replay->traces))
		return replay;
	*why = "no traces are there: see --traces";
	free(replay);
	return NULL;
}

static void end(void *state)
{
	struct replay *replay = state;
	globfree(&replay->traces);
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
	must(!posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO), "posix_spawn_file_actions_adddup2");
	must(!posix_spawn_file_actions_addclose(&actions, ends[0]), "posix_spawn_file_actions_addclose");
	int error = posix_spawn(&child, arguments[0], &actions, NULL, arguments, environ);
	if (error)
		die("%s: %s", arguments[0], strerror(error));
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	*output = fdopen(ends[0], "r");
	must(*output != NULL, "fdopen");
	return child;
}

static json_t *run(char *const *arguments)
{
	FILE *output;
	int status;
	pid_t child = start(arguments, &output);
	json_t *answer = json_loadf(output, 0, NULL);
	fclose(output);
	must(waitpid(child, &status, 0) == child, "waitpid");
	if (!answer || !WIFEXITED(status) || WEXITSTATUS(status))
		die("%s %s failed", arguments[0], arguments[1]);
	return answer;
}

static double ours(void *state)
{
	struct replay *replay = state;
	char verb[] = "replay", json[] = "--json", ram[] = "--ram=512M", file[] = "--paging-file=0";
	char *arguments[] = {(char *)(uintptr_t)replay->tool, verb, json, ram, file, replay->traces.gl_pathv[0], NULL};
	json_t *answer = run(arguments);
	double seconds;
	json_int_t references;
	if (json_unpack(answer, "{s:[{s:f, s:{s:I}}]}", "machines", "seconds", &seconds, "machine", "references",
	                &references))
		die("%s: the answer is not understood", replay->tool);
	json_decref(answer);
	return seconds * 1e9 / (double)references;
}

const struct row rows_replay[] = {
	{"replay", "replay, a reference, trace fits in RAM", NULL, {TARGET_TIME, 20}, 0, false,
	 begin, NULL, ours, end},
	{0},
};
