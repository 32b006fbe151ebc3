/* SPDX-License-Identifier: MIT */
#include "trace_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool copy_all(int from, int to)
{
	char block[1 << 16];
	ssize_t got;
	while ((got = read(from, block, sizeof block)) > 0) {
		for (ssize_t done = 0; done < got;) {
			ssize_t put = write(to, block + done, (size_t)(got - done));
			if (put < 0)
				return false;
			done += put;
		}
	}
	return got == 0;
}

/* A copy of what can be read once; -1 and errno. */
static int copy_to_temporary(int from)
{
	FILE *temporary = tmpfile();
	if (!temporary)
		return -1;
	int copy = dup(fileno(temporary));
	fclose(temporary);
	if (copy >= 0 && !copy_all(from, copy)) {
		int why = errno;
		close(copy);
		errno = why;
		return -1;
	}
	return copy;
}

bool trace_file_begin(struct trace_file *file, const char *path, bool several_times)
{
	*file = (struct trace_file){.path = path, .name = path, .file = -1, .start = -1};
	if (strcmp(path, "-") != 0)
		return true;
	file->name = "standard input";
	file->file = STDIN_FILENO;
	if (!several_times)
		return true;
	file->start = lseek(STDIN_FILENO, 0, SEEK_CUR);
	if (file->start >= 0)
		return true;
	file->start = 0;
	file->file = copy_to_temporary(STDIN_FILENO);
	return file->file >= 0;
}

void trace_file_end(struct trace_file *file)
{
	if (file->file > STDIN_FILENO)
		close(file->file);
}

static struct input *open_input(const struct trace_file *file)
{
	if (file->file < 0)
		return input_of_path(file->path);
	if (file->start >= 0 && lseek(file->file, file->start, SEEK_SET) < 0)
		return NULL;
	int copy = dup(file->file);
	return copy < 0 ? NULL : input_of_file(copy);
}

struct trace *trace_file_open(const struct trace_file *file)
{
	struct input *input = open_input(file);
	if (!input)
		return NULL;
	struct trace *trace = trace_open(input, file->name);
	if (!trace)
		errno = ENOMEM;
	return trace;
}
