/* SPDX-License-Identifier: MIT
 *
 * The script and the picture are gnuplot's standard input and output, so that no name of a file is in
 * the script and nothing is left behind in a pipe.
 */
#include "gnuplot.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define PROGRAM "gnuplot"
#define SIZE "960,600"

static bool ends_in(const char *path, const char *ending)
{
	size_t length = strlen(path), least = strlen(ending);
	return length > least && strcmp(path + length - least, ending) == 0;
}

bool gnuplot_can_draw(const char *path)
{
	return ends_in(path, ".svg") || ends_in(path, ".png");
}

static const char *terminal_of(const char *path)
{
	return ends_in(path, ".png")
	               ? "set terminal pngcairo noenhanced background '#ffffff' font 'sans,11' size " SIZE
	               : "set terminal svg noenhanced background '#ffffff' font 'sans,14' size " SIZE;
}

/* Runs it to its end. An errno value, or 0 and what waitpid() says. */
static int run(char *const *arguments, int input, int output, int *status)
{
	posix_spawn_file_actions_t actions;
	pid_t child;
	int error = posix_spawn_file_actions_init(&actions);
	if (error)
		return error;
	error = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (!error)
		error = posix_spawnp(&child, PROGRAM, &actions, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error)
		return error;
	while (waitpid(child, status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

static bool judge(int error, int status, struct failure *failure)
{
	if (error == ENOENT)
		return fail_with(failure, EXIT_FAILED,
		                 "--plot needs the program gnuplot, which is not installed (on Debian: "
		                 "apt-get install gnuplot-nox)");
	if (error)
		return fail_with(failure, EXIT_FAILED, PROGRAM ": %s", strerror(error));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return fail_with(failure, EXIT_FAILED, PROGRAM " has failed");
	return true;
}

bool gnuplot_find(struct failure *failure)
{
	char *const arguments[] = {PROGRAM, "--version", NULL};
	int status = 0, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return fail_with(failure, EXIT_FAILED, "/dev/null: %s", strerror(errno));
	int error = run(arguments, null, null, &status);
	close(null);
	return judge(error, status, failure);
}

bool gnuplot_draw(FILE *script, const char *path, struct failure *failure)
{
	char *const arguments[] = {PROGRAM, "-d", "-e", (char *)terminal_of(path), "-", NULL};
	int status = 0, output = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (output < 0)
		return fail_with(failure, EXIT_FAILED, "%s: %s", path, strerror(errno));
	bool written = fflush(script) == 0 && lseek(fileno(script), 0, SEEK_SET) == 0;
	int error = written ? run(arguments, fileno(script), output, &status) : errno;
	bool closed = close(output) == 0;
	if (!judge(error, status, failure))
		return false;
	return closed || fail_with(failure, EXIT_FAILED, "%s: %s", path, strerror(errno));
}

void gnuplot_quote(FILE *script, const char *text)
{
	fputc('\'', script);
	for (; *text; text++) {
		if (*text == '\'')
			fputc('\'', script);
		fputc(iscntrl((unsigned char)*text) ? ' ' : *text, script);
	}
	fputc('\'', script);
}
