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
#include "progress.h"
#include "reference_string.h"
#include "trace.h"
#include "trace_file.h"

#define REPLAY_TURN 1000 /* references that a process makes before the next has its turn */

struct replay_plan {
	struct trace_file *traces;
	size_t traces_count;
	uint64_t *ram_bytes; /* of one machine after another */
	size_t machines;
	uint64_t paging_file_bytes;
	ntmm_layout layout;
	uint32_t machine_flags; /* NTMM_MACHINE_ */
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
	uint64_t ram_bytes;
	double seconds;
	struct replay_counts machine;
	uint64_t commit_peak, commit_limit, slots, slots_used;
	uint64_t data_frames; /* at the end: neither fixed nor page tables; at least one */
	uint64_t lru_page_ins, opt_page_ins; /* if they are compared */
	struct replay_counts *processes; /* as many as there are traces */
};

uint64_t replay_count_references(const struct replay_counts *counts);

/* Replays all traces on a machine with run->ram_bytes. run->processes has room for them. What they
 * touch, which is the same on every machine, is added to `touches` unless that is NULL. */
bool replay_machine(const struct replay_plan *plan, struct replay_run *run,
                    struct reference_string *touches, struct progress *progress, struct failure *failure);

/* Finds out the page-ins of other policies for a run that is over. */
bool replay_compare(const struct reference_string *touches, struct replay_run *run,
                    struct failure *failure);

/* Tables, or one JSON object, of the runs of all machines. False: no memory. */
bool replay_print_text(const struct replay_plan *plan, const struct replay_run *runs, FILE *to);
bool replay_print_json(const struct replay_plan *plan, const struct replay_run *runs, FILE *to);

/* A file with a row for each machine: RAM, its page-ins, those of LRU and of the optimum. */
bool replay_write_csv(const struct replay_plan *plan, const struct replay_run *runs, const char *path,
                      struct failure *failure);

#endif
