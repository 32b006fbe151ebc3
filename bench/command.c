/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

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

json_t *command_run(char *const *arguments, double *seconds)
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
