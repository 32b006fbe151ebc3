/* SPDX-License-Identifier: MIT
 *
 * A process cloned, with much of its memory present: beside fork() of the host, of a process that has as
 * much. Per present page; the child ends at once, outside the time.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

struct clone {
	struct guest guest;
	uint64_t base, bytes;
	bool again; /* the process has been cloned before */
	char *host;
};

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	uint64_t bytes = bench->quick ? row->size / 16 : row->size;
	if (host_available() < 5 * bytes + GB) {
		*why = "the host has too little memory";
		return NULL;
	}
	struct clone *clone = bench_alloc(1, sizeof *clone);
	clone->bytes = bytes;
	clone->again = row->size != GB;
	guest_begin(&clone->guest, 4 * bytes + 64 * MB, 0);
	clone->base = guest_commit(&clone->guest, bytes);
	clone->host = host_map(bytes);
	return clone;
}

static void end(void *state)
{
	struct clone *clone = state;
	host_unmap(clone->host, clone->bytes);
	guest_end(&clone->guest);
	free(clone);
}

/* Small pages, as the guest's are. */
static double theirs(void *state)
{
	const struct clone *clone = state;
	for (uint64_t at = 0; at < clone->bytes; at += PAGE)
		clone->host[at] = 1;
	double start = wall_now();
	pid_t child = fork();
	double took = wall_now() - start;
	if (!child)
		_exit(0);
	must(child > 0 && waitpid(child, NULL, 0) == child, "fork");
	return took / (double)(clone->bytes / PAGE);
}

/* A process that has not been cloned before. */
static void renew(struct clone *clone)
{
	struct guest *guest = &clone->guest;
	ntmm_thread_destroy(guest->thread);
	must(CloseHandle(guest->process), "CloseHandle");
	guest->process = ntmm_process_create(guest->machine, NTMM_LAYOUT_NT64_128TB);
	must(guest->process != NULL, "ntmm_process_create");
	guest->thread = ntmm_thread_create(guest->process, NULL);
	must(guest->thread != NULL, "ntmm_thread_create");
	clone->base = guest_commit(guest, clone->bytes);
}

/* Every page is the process's own; of one that has been cloned before, copied since. */
static double ours(void *state)
{
	struct clone *clone = state;
	if (!clone->again)
		renew(clone);
	guest_store_pages(&clone->guest, clone->base, clone->bytes);
	double start = wall_now();
	HANDLE child = ntmm_process_clone(clone->guest.process);
	double took = wall_now() - start;
	must(child != NULL && CloseHandle(child), "ntmm_process_clone");
	return took / (double)(clone->bytes / PAGE);
}

const struct row rows_clone[] = {
	{
		.name = "clone-1g",
		.operation = "clone of a process, 1 GB present, per page",
		.against = "fork",
		.target = {TARGET_TIME, 40},
		.size = GB,
		.large = true,
		.begin = begin,
		.theirs = theirs,
		.ours = ours,
		.end = end,
	},
	{
		.name = "clone-again",
		.operation = "the same, all of it written since the last clone",
		.against = "fork",
		.target = {TARGET_NONE, 0},
		.size = GB / 2,
		.large = true,
		.begin = begin,
		.theirs = theirs,
		.ours = ours,
		.end = end,
	},
	{0},
};
