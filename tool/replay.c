/* SPDX-License-Identifier: MIT
 *
 * ntmm replay: the command line, and one machine after another.
 */
#include "replay.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gnuplot.h"
#include "machines.h"
#include "ram_list.h"
#include "sizes.h"

struct options {
	struct replay_plan plan;
	struct ram_list ram;
	bool no_clusters, json;
	const char *csv, *plot; /* NULL: not written */
	struct failure failure;
};

/* ---- arguments ------------------------------------------------------------------------------- */

enum { OPTION_JSON = 0x100, OPTION_VERIFY, OPTION_COMPARE, OPTION_CSV, OPTION_PLOT, OPTION_NO_CLUSTERS };

static const struct argp_option options[] = {
	{"ram", 'r', "SIZES", 0,
	 "RAM of the machine (" DEFAULT_RAM "); with several sizes, as 2M,3M or 1M-8M (each twice the one "
	 "before) or 1M-8M+512K (in steps), the traces are replayed on one machine after another", 0},
	{"paging-file", 'p', "SIZE[:MAXIMUM][@PLACE]", 0,
	 "a paging file (" DEFAULT_PAGING_FILE "), that may grow to MAXIMUM, in a directory or at a "
	 "path; there can be 16; 0 means none", 0},
	{"layout", 'l', "LAYOUT", 0, "address space of the processes (nt64-128tb)", 0},
	{"json", OPTION_JSON, NULL, 0, "print one JSON object instead of tables", 0},
	{"verify", OPTION_VERIFY, NULL, 0,
	 "keep a copy of everything that is stored, and compare each load and, at the end, all memory "
	 "with it", 0},
	{"compare", OPTION_COMPARE, NULL, 0,
	 "replay on machines with and without clusters, and count what exact LRU and the optimum would have "
	 "read from the paging file", 0},
	{"no-clusters", OPTION_NO_CLUSTERS, NULL, 0,
	 "read each page from the paging file alone, without those behind it", 0},
	{"csv", OPTION_CSV, "FILE", 0,
	 "compare, and write RAM and page-ins of each machine, of LRU and of the optimum to FILE", 0},
	{"plot", OPTION_PLOT, "FILE", 0,
	 "compare, and draw these as curves over RAM into FILE, which ends in .svg or .png (needs gnuplot)", 0},
	{0},
};

static void parse_ram(struct options *chosen, const char *text, struct argp_state *state)
{
	if (!ram_list_parse(text, &chosen->ram))
		argp_error(state, "--ram: '%s' is not a size, or several with commas, or a range", text);
}

static void parse_plot(struct options *chosen, const char *path, struct argp_state *state)
{
	if (!gnuplot_can_draw(path))
		argp_error(state, "--plot: '%s' ends in neither .svg nor .png", path);
	chosen->plot = path;
	chosen->plan.compare = true;
}

/* One machine for each size of RAM; to compare, one without clusters besides. */
static void plan_machines(struct options *chosen, struct argp_state *state)
{
	struct replay_plan *plan = &chosen->plan;
	bool both = plan->compare && !chosen->no_clusters;
	plan->plans = calloc(2 * chosen->ram.count, sizeof *plan->plans);
	if (!plan->plans)
		argp_failure(state, EXIT_FAILED, ENOMEM, "--ram");
	for (size_t i = 0; i < chosen->ram.count; i++) {
		uint64_t ram_bytes = chosen->ram.bytes[i];
		plan->plans[plan->machines++] = (struct replay_machine_plan){ram_bytes, !chosen->no_clusters};
		if (both)
			plan->plans[plan->machines++] = (struct replay_machine_plan){ram_bytes, false};
	}
}

static void parse_layout(struct replay_plan *plan, const char *text, struct argp_state *state)
{
	if (!layout_parse(text, &plan->layout))
		argp_error(state, "--layout: '%s' is none of %s", text, layout_names().text);
}

static void add_trace(struct replay_plan *plan, const char *path, struct argp_state *state)
{
	for (size_t i = 0; i < plan->traces_count; i++)
		if (strcmp(path, "-") == 0 && strcmp(plan->traces[i].path, "-") == 0)
			argp_error(state, "standard input can be only one of the traces");
	struct trace_file *traces = reallocarray(plan->traces, plan->traces_count + 1, sizeof *traces);
	if (!traces)
		argp_failure(state, EXIT_FAILED, ENOMEM, "%s", path);
	plan->traces = traces;
	traces[plan->traces_count++] = (struct trace_file){.path = path, .file = -1};
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *chosen = state->input;
	switch (key) {
	case 'r':
		parse_ram(chosen, argument, state);
		return 0;
	case 'p':
		if (!paging_files_add(&chosen->plan.paging_files, argument))
			argp_error(state, "--paging-file: '%s' is not a size, or one too many", argument);
		return 0;
	case 'l':
		parse_layout(&chosen->plan, argument, state);
		return 0;
	case OPTION_JSON:
		chosen->json = true;
		return 0;
	case OPTION_VERIFY:
		chosen->plan.verify = true;
		return 0;
	case OPTION_COMPARE:
		chosen->plan.compare = true;
		return 0;
	case OPTION_NO_CLUSTERS:
		chosen->no_clusters = true;
		return 0;
	case OPTION_CSV:
		chosen->csv = argument;
		chosen->plan.compare = true;
		return 0;
	case OPTION_PLOT:
		parse_plot(chosen, argument, state);
		return 0;
	case ARGP_KEY_ARG:
		add_trace(&chosen->plan, argument, state);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "a trace is missing");
		return 0;
	case ARGP_KEY_END:
		if (!chosen->ram.count)
			parse_ram(chosen, DEFAULT_RAM, state);
		plan_machines(chosen, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp arguments = {
	.options = options,
	.parser = parse_option,
	.args_doc = "TRACE...",
	.doc = "Replay recorded memory references: each trace is a process of one machine, and they take "
	       "turns of 1000 references. Memory is committed in granules of 64 KB where a trace touches "
	       "it first.\v"
	       "A TRACE is what 'valgrind --tool=lackey --trace-mem=yes' writes, or lines 'hexaddress R' "
	       "and 'hexaddress W'; plain, gzip or zstd; '-' is standard input.\n"
	       "A SIZE is in bytes, or with K, M, G or T in powers of 1024.\n"
	       "Layouts: nt32-2gb, nt32-3gb, wow64-4gb, nt64-8tb, nt64-128tb, win9x.\n\n"
	       "Exit status: 0 when all went well, 1 when the replay failed, 2 for wrong usage, malformed "
	       "input and traces that do not fit the layout.",
};

/* ---- running --------------------------------------------------------------------------------- */

static bool begin_traces(const struct replay_plan *plan, struct failure *failure)
{
	for (size_t i = 0; i < plan->traces_count; i++) {
		struct trace_file *file = &plan->traces[i];
		if (!trace_file_begin(file, file->path, plan->machines > 1))
			return fail_with(failure, EXIT_FAILED, "%s: %s", file->name, strerror(errno));
	}
	return true;
}

static bool run_machine(const struct replay_plan *plan, struct replay_run *run,
                        struct reference_string *touches, struct failure *failure)
{
	run->processes = calloc(plan->traces_count, sizeof *run->processes);
	if (!run->processes)
		return fail_no_memory(failure);
	struct progress progress;
	struct size_text title = size_text(run->plan.ram_bytes);
	progress_begin(&progress, title.text);
	bool done = replay_machine(plan, run, touches, &progress, failure);
	progress_end(&progress);
	return done;
}

/* The first machine tells what is touched. */
static bool run_machines(const struct replay_plan *plan, struct replay_run *runs,
                         struct reference_string *touches, struct failure *failure)
{
	for (size_t i = 0; i < plan->machines; i++) {
		runs[i].plan = plan->plans[i];
		if (!run_machine(plan, &runs[i], plan->compare && i == 0 ? touches : NULL, failure))
			return false;
		if (plan->compare && !replay_compare(touches, &runs[i], failure))
			return false;
	}
	return true;
}

static bool run_plan(const struct replay_plan *plan, struct replay_run *runs, struct failure *failure)
{
	struct reference_string touches;
	if (!begin_traces(plan, failure))
		return false;
	bool done = reference_string_begin(&touches, plan->traces_count)
	                    ? run_machines(plan, runs, &touches, failure)
	                    : fail_no_memory(failure);
	reference_string_end(&touches);
	return done;
}

static void write_results(struct options *chosen, const struct replay_run *runs)
{
	const struct replay_plan *plan = &chosen->plan;
	bool printed = chosen->json ? replay_print_json(plan, runs, stdout) : replay_print_text(plan, runs, stdout);
	if (!printed)
		fail_no_memory(&chosen->failure);
	if (chosen->csv)
		replay_write_csv(plan, runs, chosen->csv, &chosen->failure);
	if (chosen->plot)
		replay_plot(plan, runs, chosen->plot, &chosen->failure);
}

static void replay(struct options *chosen)
{
	const struct replay_plan *plan = &chosen->plan;
	if (chosen->plot && !gnuplot_find(&chosen->failure))
		return;
	struct replay_run *runs = calloc(plan->machines, sizeof *runs);
	if (!runs) {
		fail_no_memory(&chosen->failure);
		return;
	}
	if (run_plan(plan, runs, &chosen->failure))
		write_results(chosen, runs);
	for (size_t i = 0; i < plan->machines; i++)
		free(runs[i].processes);
	free(runs);
}

int replay_main(int argc, char **argv)
{
	struct options chosen = {.plan.layout = NTMM_LAYOUT_NT64_128TB,
	                         .plan.paging_files = paging_files_default()};
	if (argp_parse(&arguments, argc, argv, 0, NULL, &chosen))
		return EXIT_WRONG;
	replay(&chosen);
	for (size_t i = 0; i < chosen.plan.traces_count; i++)
		trace_file_end(&chosen.plan.traces[i]);
	free(chosen.plan.traces);
	free(chosen.plan.plans);
	return failure_say(&chosen.failure);
}
