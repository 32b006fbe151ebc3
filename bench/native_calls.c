/* SPDX-License-Identifier: MIT
 *
 * Calls on this process: what they cost beside the host's that a program would make itself.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "native.h"

#define TURNS 4000
#define BYTES (64 * KB)

struct calls {
	uint64_t turns;
	char *theirs, *ours; /* reserved once, for what does not reserve itself */
};

static char *host_reserve(uint64_t bytes, int protection)
{
	char *memory = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
	                    -1, 0);
	must(memory != MAP_FAILED, "mmap");
	return memory;
}

static void *begin(const struct row *row, const struct bench *bench, const char **why)
{
	(void)row;
	if (!bench_native_begin(why))
		return NULL;
	struct calls *calls = bench_alloc(1, sizeof *calls);
	calls->turns = bench_times(bench, TURNS);
	calls->theirs = host_reserve(BYTES, PROT_NONE);
	calls->ours = native_reserve(BYTES, 0);
	return calls;
}

/* The memory is there, and was touched. */
static void *begin_touched(const struct row *row, const struct bench *bench, const char **why)
{
	struct calls *calls = begin(row, bench, why);
	if (!calls)
		return NULL;
	must(!mprotect(calls->theirs, BYTES, PROT_READ | PROT_WRITE), "mprotect");
	native_commit(calls->ours, BYTES);
	touch(calls->theirs, BYTES);
	touch(calls->ours, BYTES);
	return calls;
}

static void end(void *state)
{
	struct calls *calls = state;
	host_unmap(calls->theirs, BYTES);
	native_release(calls->ours);
	free(calls);
}

static double average(const struct calls *calls, void (*turn)(const struct calls *calls))
{
	double start = now();
	for (uint64_t i = 0; i < calls->turns; i++)
		turn(calls);
	return (now() - start) / (double)calls->turns;
}

/* ---- reserve, release -------------------------------------------------------------------------- */

static void reserve_theirs(const struct calls *calls)
{
	(void)calls;
	host_unmap(host_reserve(BYTES, PROT_NONE), BYTES);
}

static void reserve_ours(const struct calls *calls)
{
	(void)calls;
	native_release(native_reserve(BYTES, 0));
}

static void touch_theirs(const struct calls *calls)
{
	(void)calls;
	char *memory = host_reserve(BYTES, PROT_READ | PROT_WRITE);
	touch(memory, BYTES);
	host_unmap(memory, BYTES);
}

static void touch_ours(const struct calls *calls)
{
	(void)calls;
	char *memory = native_reserve(BYTES, MEM_COMMIT);
	touch(memory, BYTES);
	native_release(memory);
}

/* ---- commit, decommit --------------------------------------------------------------------------- */

static void commit_theirs(const struct calls *calls)
{
	must(!mprotect(calls->theirs, BYTES, PROT_READ | PROT_WRITE), "mprotect");
	must(mmap(calls->theirs, BYTES, PROT_NONE,
	          MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == calls->theirs,
	     "mmap");
}

static void commit_ours(const struct calls *calls)
{
	native_commit(calls->ours, BYTES);
	must(VirtualFree(calls->ours, BYTES, MEM_DECOMMIT), "VirtualFree");
}

/* ---- protect ------------------------------------------------------------------------------------ */

static void protect_theirs(const struct calls *calls)
{
	must(!mprotect(calls->theirs + BYTES / 2, PAGE, PROT_READ), "mprotect");
	must(!mprotect(calls->theirs + BYTES / 2, PAGE, PROT_READ | PROT_WRITE), "mprotect");
}

static void protect_ours(const struct calls *calls)
{
	native_protect(calls->ours + BYTES / 2, PAGE, PAGE_READONLY);
	native_protect(calls->ours + BYTES / 2, PAGE, PAGE_READWRITE);
}

static void same_theirs(const struct calls *calls)
{
	must(!mprotect(calls->theirs + BYTES / 2, PAGE, PROT_READ | PROT_WRITE), "mprotect");
}

static void same_ours(const struct calls *calls)
{
	native_protect(calls->ours + BYTES / 2, PAGE, PAGE_READWRITE);
}

/* ---- rows --------------------------------------------------------------------------------------- */

#define SIDES(name) \
	static double name##_theirs_all(void *state) \
	{ \
		return average(state, name##_theirs); \
	} \
	static double name##_ours_all(void *state) \
	{ \
		return average(state, name##_ours); \
	}
SIDES(reserve)
SIDES(touch)
SIDES(commit)
SIDES(protect)
SIDES(same)

#define CALLS_ROW(row_name, what, which, most, raw, begin_with) \
	{ \
		.name = row_name, \
		.operation = what, \
		.against = raw, \
		.target = {TARGET_RATIO, most}, \
		.begin = begin_with, \
		.theirs = which##_theirs_all, \
		.ours = which##_ours_all, \
		.end = end, \
	}

const struct row rows_native_calls[] = {
	CALLS_ROW("native-reserve", "VirtualAlloc, reserve 64 KB, VirtualFree", reserve, 0.05,
                  "mmap, munmap", begin),
	CALLS_ROW("native-touch", "the same, committed and touched", touch, 0.95,
                  "mmap, touch, munmap", begin),
	CALLS_ROW("native-commit", "commit, decommit 64 KB", commit, 1.05,
                  "mprotect, mmap", begin),
	CALLS_ROW("native-protect", "VirtualProtect of a page, there and back", protect, 1.05,
                  "mprotect, twice", begin_touched),
	CALLS_ROW("native-same", "VirtualProtect to what it is: no system call", same, 0.5,
                  "mprotect to what it is", begin_touched),
	{0},
};
