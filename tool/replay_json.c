/* SPDX-License-Identifier: MIT
 *
 * The results of a replay as one JSON object.
 */
#include "replay.h"

#include <jansson.h>

static json_t *count(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* null when there is nothing to divide by. */
static json_t *ratio(uint64_t of, uint64_t by)
{
	return by ? json_real((double)of / (double)by) : json_null();
}

static json_t *counts_object(const struct replay_counts *counts)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
	                 "references", count(replay_count_references(counts)),
	                 "fetches", count(counts->references[REF_FETCH]),
	                 "loads", count(counts->references[REF_LOAD]),
	                 "stores", count(counts->references[REF_STORE]),
	                 "modifies", count(counts->references[REF_MODIFY]),
	                 "pages_touched", count(counts->pages),
	                 "demand_zero_faults", count(counts->demand_zero),
	                 "soft_faults", count(counts->soft),
	                 "hard_faults", count(counts->hard),
	                 "page_ins", count(counts->page_ins),
	                 "page_outs", count(counts->page_outs),
	                 "working_set_peak", count(counts->working_set_peak),
	                 "commit", count(counts->commit));
}

static json_t *process_object(const struct trace_file *file, const struct replay_counts *counts)
{
	json_t *process = counts_object(counts);
	json_t *name = json_string(file->name); /* NULL: the name is not UTF-8 */
	if (json_object_set_new(process, "trace", name ? name : json_null())) {
		json_decref(process);
		return NULL;
	}
	return process;
}

static json_t *processes_array(const struct replay_plan *plan, const struct replay_run *run)
{
	json_t *processes = json_array();
	for (size_t i = 0; i < plan->traces_count; i++) {
		if (json_array_append_new(processes, process_object(&plan->traces[i], &run->processes[i]))) {
			json_decref(processes);
			return NULL;
		}
	}
	return processes;
}

/* The members beside the counts. */
static json_t *more_object(const struct replay_plan *plan, const struct replay_run *run)
{
	json_t *more = json_pack("{s:o, s:o, s:o, s:o}",
	                         "commit_peak", count(run->commit_peak),
	                         "commit_limit", count(run->commit_limit),
	                         "slots", count(run->slots),
	                         "slots_used", count(run->slots_used));
	if (!plan->compare)
		return more;
	json_t *compared = json_pack("{s:o, s:o, s:o, s:o, s:o}",
	                             "data_frames", count(run->data_frames),
	                             "lru_page_ins", count(run->lru_page_ins),
	                             "opt_page_ins", count(run->opt_page_ins),
	                             "page_ins_to_lru", ratio(run->machine.page_ins, run->lru_page_ins),
	                             "hard_faults_to_lru", ratio(run->machine.hard, run->lru_page_ins));
	int failed = json_object_update(more, compared);
	json_decref(compared);
	if (!failed)
		return more;
	json_decref(more);
	return NULL;
}

static json_t *machine_object(const struct replay_plan *plan, const struct replay_run *run)
{
	json_t *machine = counts_object(&run->machine);
	json_t *more = more_object(plan, run);
	int failed = json_object_update(machine, more);
	json_decref(more);
	if (failed) {
		json_decref(machine);
		return NULL;
	}
	return machine;
}

static json_t *runs_array(const struct replay_plan *plan, const struct replay_run *runs)
{
	json_t *array = json_array();
	for (size_t i = 0; i < plan->machines; i++) {
		json_t *run = json_pack("{s:o, s:b, s:f, s:o, s:o}", "ram_bytes",
		                        count(runs[i].plan.ram_bytes), "clusters", runs[i].plan.clusters,
		                        "seconds", runs[i].seconds, "machine", machine_object(plan, &runs[i]),
		                        "processes", processes_array(plan, &runs[i]));
		if (json_array_append_new(array, run)) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

bool replay_print_json(const struct replay_plan *plan, const struct replay_run *runs, FILE *to)
{
	json_t *whole = json_pack("{s:s, s:s, s:o, s:o, s:b, s:o}", "ntmm", NTMM_VERSION, "layout",
	                          ntmm_layout_name(plan->layout), "paging_file_bytes",
	                          count(paging_files_initial(&plan->paging_files)),
	                          "paging_file_maximum_bytes",
	                          count(paging_files_maximum(&plan->paging_files)), "verified", plan->verify, "machines",
	                          runs_array(plan, runs));
	bool printed = whole && json_dumpf(whole, to, JSON_INDENT(2)) == 0 && fputc('\n', to) != EOF;
	json_decref(whole);
	return printed;
}
