/* SPDX-License-Identifier: MIT
 *
 * Replaying traces: each is a process of one machine, and takes turns with the others.
 *
 * Units: pages where the name says nothing else. Errors: a struct failure says what went wrong and
 * which exit status that means. Threads: one.
 */
#ifndef TOOL_REPLAY_H
#define TOOL_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <ntmm/machine.h>

#include "failure.h"
#include "paging_files.h"
#include "progress.h"
#include "reference_string.h"
#include "trace.h"
#include "trace_file.h"

#define REPLAY_TURN 1000 /* references that a process makes before the next has its turn */

/* What tells one machine of a replay from another. */
struct replay_machine_plan {
	uint64_t ram_bytes;
	bool clusters; /* a hard fault reads other pages with its own */
};

struct replay_plan {
	struct trace_file *traces;
	size_t traces_count;
	struct replay_machine_plan *plans; /* of one machine after another */
	size_t machines;
	struct paging_files paging_files;
	ntmm_layout layout;
	bool verify, compare;
};

/* What is counted for a process, and for the machine. */
struct replay_counts {
	uint64_t references[REF_KINDS];
	uint64_t pages; /* touched */
	uint64_t demand_zero, soft, hard, page_ins, page_outs;
	uint64_t working_set_peak; /* of the machine: of all processes together, seen between turns */
	uint64_t commit;           /* at the end */
};

/* One machine's replay. */
struct replay_run {
	struct replay_machine_plan plan;
	double seconds;
	struct replay_counts machine;
	uint64_t commit_peak, commit_limit, slots, slots_used;
	uint64_t data_frames; /* at the end: neither fixed nor page tables; at least one */
	uint64_t lru_page_ins, opt_page_ins; /* if they are compared */
	struct replay_counts *processes; /* as many as there are traces */
};

uint64_t replay_count_references(const struct replay_counts *counts);

/* Replays all traces on a machine made by run->plan. run->processes has room for them. What they
 * touch, which is the same on every machine, is added to `touches` unless that is NULL. */
bool replay_machine(const struct replay_plan *plan, struct replay_run *run,
                    struct reference_string *touches, struct progress *progress, struct failure *failure);

/* Finds out the page-ins of other policies for a run that is over. */
bool replay_compare(const struct reference_string *touches, struct replay_run *run,
                    struct failure *failure);

/* Tables, or one JSON object, of the runs of all machines. False: no memory. */
bool replay_print_text(const struct replay_plan *plan, const struct replay_run *runs, FILE *to);
bool replay_print_json(const struct replay_plan *plan, const struct replay_run *runs, FILE *to);

/* A file with a row for each machine: what it read, and what LRU and the optimum would have. */
bool replay_write_csv(const struct replay_plan *plan, const struct replay_run *runs, const char *path,
                      struct failure *failure);

/* The same as curves over RAM, drawn by gnuplot into a file that gnuplot_can_draw(). */
bool replay_plot(const struct replay_plan *plan, const struct replay_run *runs, const char *path,
                 struct failure *failure);

#endif
