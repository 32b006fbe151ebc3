/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH 30
#define SECOND 1000000000L
#define EVERY (SECOND / 10)

static const char clear_line[] = "\r\033[K";

static struct timespec now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time;
}

static double seconds_between(struct timespec from, struct timespec to)
{
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / SECOND;
}

static struct timespec after(struct timespec time)
{
	long nanoseconds = time.tv_nsec + EVERY;
	return (struct timespec){time.tv_sec + nanoseconds / SECOND, nanoseconds % SECOND};
}

void progress_begin(struct progress *progress, const char *title)
{
	*progress = (struct progress){.shown = isatty(STDERR_FILENO), .title = title};
	if (!progress->shown)
		return;
	progress->began = now();
	progress->due = after(progress->began);
}

static void draw_bar(double part)
{
	char bar[BAR_WIDTH + 1] = "";
	part = part < 1 ? part : 1;
	memset(bar, ' ', BAR_WIDTH);
	memset(bar, '=', (size_t)(part * BAR_WIDTH));
	fprintf(stderr, "[%s] %3.0f %%, ", bar, part * 100);
}

void progress_show(struct progress *progress, uint64_t done, uint64_t whole, uint64_t references)
{
	if (!progress->shown)
		return;
	struct timespec time = now();
	if (seconds_between(progress->due, time) < 0)
		return;
	double million = (double)references / 1e6, seconds = seconds_between(progress->began, time);
	fprintf(stderr, "%s%s ", clear_line, progress->title);
	if (whole)
		draw_bar((double)done / (double)whole);
	fprintf(stderr, "%.1f million references, %.1f million a second", million,
	        seconds > 0 ? million / seconds : 0);
	fflush(stderr);
	progress->drawn = true;
	progress->due = after(time);
}

void progress_end(struct progress *progress)
{
	if (progress->drawn)
		fputs(clear_line, stderr);
	progress->drawn = false;
}
