/* SPDX-License-Identifier: MIT
 *
 * ntmm replay: the command line, and one machine after another.
 */
#include "replay.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machines.h"
#include "sizes.h"

struct options {
	struct replay_plan plan;
	bool json;
	const char *csv; /* NULL: not written */
	struct failure failure;
};

/* ---- arguments ------------------------------------------------------------------------------- */

enum { OPTION_JSON = 0x100, OPTION_VERIFY, OPTION_COMPARE, OPTION_CSV, OPTION_NO_CLUSTERS };

static const struct argp_option options[] = {
	{"ram", 'r', "SIZE[,SIZE...]", 0,
	 "RAM of the machine (" DEFAULT_RAM "); with several sizes the traces are replayed on one machine "
	 "after another", 0},
	{"paging-file", 'p', "SIZE", 0,
	 "size of the paging file (" DEFAULT_PAGING_FILE "); 0 means none", 0},
	{"layout", 'l', "LAYOUT", 0, "address space of the processes (nt64-128tb)", 0},
	{"json", OPTION_JSON, NULL, 0, "print one JSON object instead of tables", 0},
	{"verify", OPTION_VERIFY, NULL, 0,
	 "keep a copy of everything that is stored, and compare each load and, at the end, all memory "
	 "with it", 0},
	{"compare", OPTION_COMPARE, NULL, 0,
	 "count what exact LRU and the optimum would have read from the paging file", 0},
	{"no-clusters", OPTION_NO_CLUSTERS, NULL, 0,
	 "read each page from the paging file alone, without those behind it", 0},
	{"csv", OPTION_CSV, "FILE", 0,
	 "compare, and write RAM and page-ins of each machine, of LRU and of the optimum to FILE", 0},
	{0},
};

static void parse_ram(struct replay_plan *plan, const char *text, struct argp_state *state)
{
	const char *rest = text;
	plan->machines = 0;
	for (;;) {
		uint64_t bytes;
		if (!size_read(rest, &bytes, &rest) || !bytes || (*rest && *rest != ','))
			argp_error(state, "--ram: '%s' is not a size, or several with commas", text);
		uint64_t *all = reallocarray(plan->ram_bytes, plan->machines + 1, sizeof *all);
		if (!all)
			argp_failure(state, EXIT_FAILED, ENOMEM, "--ram");
		plan->ram_bytes = all;
		all[plan->machines++] = bytes;
		if (!*rest)
			return;
		rest++;
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
		parse_ram(&chosen->plan, argument, state);
		return 0;
	case 'p':
		if (!size_parse(argument, &chosen->plan.paging_file_bytes))
			argp_error(state, "--paging-file: '%s' is not a size", argument);
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
		chosen->plan.machine_flags |= NTMM_MACHINE_NO_CLUSTERS;
		return 0;
	case OPTION_CSV:
		chosen->csv = argument;
		chosen->plan.compare = true;
		return 0;
	case ARGP_KEY_ARG:
		add_trace(&chosen->plan, argument, state);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "a trace is missing");
		return 0;
	case ARGP_KEY_END:
		if (!chosen->plan.machines)
			parse_ram(&chosen->plan, DEFAULT_RAM, state);
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
	       "Layouts: nt32-2gb, nt32-3gb, wow64-4gb, nt64-8tb, nt64-128tb.\n\n"
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
	struct size_text title = size_text(run->ram_bytes);
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
		runs[i].ram_bytes = plan->ram_bytes[i];
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

static void replay(struct options *chosen)
{
	const struct replay_plan *plan = &chosen->plan;
	struct replay_run *runs = calloc(plan->machines, sizeof *runs);
	if (!runs) {
		fail_no_memory(&chosen->failure);
		return;
	}
	if (run_plan(plan, runs, &chosen->failure)) {
		bool printed = chosen->json ? replay_print_json(plan, runs, stdout)
		                            : replay_print_text(plan, runs, stdout);
		if (!printed)
			fail_no_memory(&chosen->failure);
		if (chosen->csv)
			replay_write_csv(plan, runs, chosen->csv, &chosen->failure);
	}
	for (size_t i = 0; i < plan->machines; i++)
		free(runs[i].processes);
	free(runs);
}

int replay_main(int argc, char **argv)
{
	struct options chosen = {.plan.layout = NTMM_LAYOUT_NT64_128TB};
	size_parse(DEFAULT_PAGING_FILE, &chosen.plan.paging_file_bytes);
	if (argp_parse(&arguments, argc, argv, 0, NULL, &chosen))
		return EXIT_WRONG;
	replay(&chosen);
	for (size_t i = 0; i < chosen.plan.traces_count; i++)
		trace_file_end(&chosen.plan.traces[i]);
	free(chosen.plan.traces);
	free(chosen.plan.ram_bytes);
	return failure_say(&chosen.failure);
}
