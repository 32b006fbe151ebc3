/* SPDX-License-Identifier: MIT */
#include "replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "machines.h"
#include "replay_process.h"

struct replay {
	const struct replay_plan *plan;
	struct replay_run *run;
	struct reference_string *touches; /* NULL: not kept */
	struct failure *failure;
	ntmm_machine *machine;
	struct replay_process *processes;
	size_t opened;
};

/* ---- beginning and end ----------------------------------------------------------------------- */

static bool open_process(struct replay *replay, const struct trace_file *file)
{
	struct trace *trace = trace_file_open(file);
	if (!trace)
		return fail_with(replay->failure, EXIT_WRONG, "%s: %s", file->name, strerror(errno));
	size_t number = replay->opened++;
	struct replay_process *process = &replay->processes[number];
	if (!replay_process_open(process, replay->machine, replay->plan->layout, trace, replay->plan->verify,
	                         replay->failure))
		return false;
	process->number = number;
	process->touches = replay->touches;
	return true;
}

static bool open_all(struct replay *replay)
{
	replay->processes = calloc(replay->plan->traces_count, sizeof *replay->processes);
	if (!replay->processes)
		return fail_no_memory(replay->failure);
	struct machine_plan machine = {replay->run->plan.ram_bytes, &replay->plan->paging_files,
	                               replay->plan->layout,
	                               replay->run->plan.clusters ? 0 : NTMM_MACHINE_NO_CLUSTERS};
	if (!machine_open(machine, &replay->machine, replay->failure))
		return false;
	for (size_t i = 0; i < replay->plan->traces_count; i++)
		if (!open_process(replay, &replay->plan->traces[i]))
			return false;
	return true;
}

static void close_all(struct replay *replay)
{
	for (size_t i = 0; i < replay->opened; i++)
		replay_process_close(&replay->processes[i]);
	free(replay->processes);
	ntmm_machine_destroy(replay->machine);
}

/* ---- turns ----------------------------------------------------------------------------------- */

uint64_t replay_count_references(const struct replay_counts *counts)
{
	uint64_t sum = 0;
	for (int kind = 0; kind < REF_KINDS; kind++)
		sum += counts->references[kind];
	return sum;
}

static ntmm_machine_counters counters_of(ntmm_machine *machine)
{
	ntmm_machine_counters counters = {.size = sizeof counters};
	ntmm_machine_get_counters(machine, &counters);
	return counters;
}

static void note_peak(struct replay *replay)
{
	uint64_t active = counters_of(replay->machine).active;
	if (active > replay->run->machine.working_set_peak)
		replay->run->machine.working_set_peak = active;
}

static void show(const struct replay *replay, struct progress *progress)
{
	if (!progress->shown)
		return;
	uint64_t taken = 0, whole = 0, references = 0;
	bool known = true;
	for (size_t i = 0; i < replay->opened; i++) {
		const struct replay_process *process = &replay->processes[i];
		taken += trace_taken(process->trace);
		whole += trace_size(process->trace);
		known &= trace_size(process->trace) > 0;
		for (int kind = 0; kind < REF_KINDS; kind++)
			references += process->references[kind];
	}
	progress_show(progress, taken, known ? whole : 0, references);
}

/* One turn for each process whose trace is not over; *more tells whether there is any left. */
static bool take_turns(struct replay *replay, bool *more)
{
	*more = false;
	for (size_t i = 0; i < replay->opened; i++) {
		struct replay_process *process = &replay->processes[i];
		if (process->over)
			continue;
		if (!replay_process_turn(process, replay->failure))
			return false;
		*more |= !process->over;
	}
	return true;
}

static bool take_all_turns(struct replay *replay, struct progress *progress)
{
	struct timespec begin, end;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (bool more = true; more;) {
		if (!take_turns(replay, &more))
			return false;
		note_peak(replay);
		show(replay, progress);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	replay->run->seconds =
		(double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	return true;
}

/* ---- results --------------------------------------------------------------------------------- */

static void count_machine(struct replay *replay)
{
	struct replay_run *run = replay->run;
	ntmm_machine_counters counters = counters_of(replay->machine);
	run->machine.demand_zero = counters.demand_zero;
	run->machine.soft = counters.soft;
	run->machine.hard = counters.hard;
	run->machine.page_ins = counters.page_ins;
	run->machine.page_outs = counters.page_outs;
	run->machine.commit = counters.commit_total;
	run->commit_peak = counters.commit_peak;
	run->commit_limit = counters.commit_limit;
	run->slots = counters.slots;
	run->slots_used = counters.slots_used;
	run->data_frames = counters.ram - counters.fixed - counters.tables;
	run->data_frames += !run->data_frames;
}

static bool count_all(struct replay *replay)
{
	struct replay_counts *machine = &replay->run->machine;
	count_machine(replay);
	for (size_t i = 0; i < replay->opened; i++) {
		struct replay_counts *counts = &replay->run->processes[i];
		if (!replay_process_count(&replay->processes[i], counts, replay->failure))
			return false;
		machine->pages += counts->pages;
		for (int kind = 0; kind < REF_KINDS; kind++)
			machine->references[kind] += counts->references[kind];
	}
	return true;
}

static bool verify_all(struct replay *replay)
{
	for (size_t i = 0; i < replay->opened; i++)
		if (!replay_process_verify(&replay->processes[i], replay->failure))
			return false;
	if (!ntmm_machine_check(replay->machine))
		return fail_with(replay->failure, EXIT_FAILED, "the machine's counts disagree: %s",
		                 ntmm_error_message());
	return true;
}

bool replay_machine(const struct replay_plan *plan, struct replay_run *run,
                    struct reference_string *touches, struct progress *progress, struct failure *failure)
{
	struct replay replay = {.plan = plan, .run = run, .touches = touches, .failure = failure};
	bool done = open_all(&replay) && take_all_turns(&replay, progress) && count_all(&replay) &&
	            (!plan->verify || verify_all(&replay));
	close_all(&replay);
	return done;
}
