/* SPDX-License-Identifier: MIT
 *
 * Faults that need no I/O: the first touch of a page, and the return of one that was trimmed. The
 * reference is a page fault of the host's.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "guest.h"
#include "host.h"

#define REGION (64 * MB)
#define RAM (REGION + 32 * MB)

struct fault {
	struct guest guest;
	uint64_t bytes, base;
	void (*after_trim)(const struct guest *guest);
};

static double theirs(void *state)
{
	const struct fault *fault = state;
	return host_first_touch(fault->bytes);
}

static double a_page(const struct fault *fault, double time)
{
	return time / (double)(fault->bytes / PAGE);
}

static struct fault *begin_region(const struct bench *bench)
{
	struct fault *fault = bench_alloc(1, sizeof *fault);
	fault->bytes = bench_times(bench, REGION);
	return fault;
}

/* ---- demand zero: frames that were in use before --------------------------------------------- */

static void *begin_used(const struct row *row, const struct bench *bench, const char **why)
{
	struct fault *fault = begin_region(bench);
	(void)row;
	(void)why;
	guest_begin(&fault->guest, RAM, 0);
	guest_populate(&fault->guest, RAM);
	return fault;
}

static double touch_new_region(const struct fault *fault)
{
	uint64_t before = guest_counters(&fault->guest).demand_zero;
	uint64_t base = guest_commit(&fault->guest, fault->bytes);
	double time = guest_store_pages(&fault->guest, base, fault->bytes);
	must(guest_counters(&fault->guest).demand_zero - before == fault->bytes / PAGE,
	     "one fault a page");
	guest_release(&fault->guest, base);
	return a_page(fault, time);
}

static double used_ours(void *state)
{
	return touch_new_region(state);
}

static void end_guest(void *state)
{
	struct fault *fault = state;
	guest_end(&fault->guest);
	free(fault);
}

/* ---- demand zero: frames that are known to be zero, on memory that the host has given -------- */

static void *begin_zeroed(const struct row *row, const struct bench *bench, const char **why)
{
#ifndef MADV_POPULATE_WRITE
	(void)row;
	(void)bench;
	*why = "the host's headers have no MADV_POPULATE_WRITE";
	return NULL;
#else
	(void)row;
	(void)why;
	return begin_region(bench);
#endif
}

static void populate(const struct guest *guest)
{
#ifdef MADV_POPULATE_WRITE
	uint64_t bytes;
	const void *ram = ntmm_machine_ram(guest->machine, &bytes);
	must(!madvise((void *)(uintptr_t)ram, bytes, MADV_POPULATE_WRITE),
	     "madvise of the machine's RAM");
#endif
}

static double zeroed_ours(void *state)
{
	struct fault *fault = state;
	guest_begin(&fault->guest, RAM, 0);
	populate(&fault->guest);
	double time = touch_new_region(fault);
	guest_end(&fault->guest);
	return time;
}

/* ---- soft: pages that were trimmed ----------------------------------------------------------- */

static void leave_modified(const struct guest *guest)
{
	ntmm_machine_counters counters = guest_counters(guest);
	must(counters.modified > counters.standby, "trimmed pages are modified");
}

static void make_standby(const struct guest *guest)
{
	ntmm_machine_write_modified(guest->machine, REGION / PAGE);
	ntmm_machine_counters counters = guest_counters(guest);
	must(counters.standby > counters.modified, "pages that are written are standby");
}

static void *begin_soft(const struct row *row, const struct bench *bench, const char **why)
{
	struct fault *fault = begin_region(bench);
	(void)why;
	fault->after_trim = row->size ? make_standby : leave_modified;
	guest_begin(&fault->guest, RAM, row->size);
	fault->base = guest_commit(&fault->guest, fault->bytes);
	guest_store_pages(&fault->guest, fault->base, fault->bytes);
	return fault;
}

static double soft_ours(void *state)
{
	const struct fault *fault = state;
	must(EmptyWorkingSet(fault->guest.process), "EmptyWorkingSet");
	fault->after_trim(&fault->guest);
	uint64_t before = guest_counters(&fault->guest).soft;
	double time = guest_load_pages(&fault->guest, fault->base, fault->bytes);
	must(guest_counters(&fault->guest).soft - before == fault->bytes / PAGE,
	     "one soft fault a page");
	return a_page(fault, time);
}

static void end_zeroed(void *state)
{
	free(state);
}

const struct row rows_fault[] = {
	{
		.name = "demand-zero",
		.operation = "first store to a page",
		.against = "host's first touch",
		.target = {TARGET_RATIO, 0.25},
		.begin = begin_used,
		.theirs = theirs,
		.ours = used_ours,
		.end = end_guest,
	},
	{
		.name = "demand-zero-ready",
		.operation = "the same, with zeroed frames ready",
		.against = "host's first touch",
		.target = {TARGET_RATIO, 0.15},
		.begin = begin_zeroed,
		.theirs = theirs,
		.ours = zeroed_ours,
		.end = end_zeroed,
	},
	{
		.name = "soft-modified",
		.operation = "soft fault, page on modified",
		.against = "host's first touch",
		.target = {TARGET_RATIO, 0.1},
		.begin = begin_soft,
		.theirs = theirs,
		.ours = soft_ours,
		.end = end_guest,
	},
	{
		.name = "soft-standby",
		.operation = "soft fault, page on standby",
		.against = "host's first touch",
		.target = {TARGET_RATIO, 0.1},
		.size = 2 * REGION,
		.begin = begin_soft,
		.theirs = theirs,
		.ours = soft_ours,
		.end = end_guest,
	},
	{0},
};
