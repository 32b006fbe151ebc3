/* SPDX-License-Identifier: MIT
 *
 * ntmm map: the command line, and the replay up to the moment that is looked at.
 */
#include "map.h"

#include <argp.h>
#include <errno.h>
#include <string.h>

#include "machines.h"
#include "replay_process.h"
#include "sizes.h"

struct options {
	const char *path;
	uint64_t at, ram_bytes;
	struct paging_files paging_files;
	ntmm_layout layout;
	bool at_chosen, json;
};

/* ---- arguments ------------------------------------------------------------------------------- */

enum { OPTION_JSON = 0x100 };

static const struct argp_option options[] = {
	{"at", 'n', "N", 0, "look after the first N references; after all when there are fewer", 0},
	{"ram", 'r', "SIZE", 0, "RAM of the machine (" DEFAULT_RAM ")", 0},
	{"paging-file", 'p', "SIZE[:MAXIMUM][@PLACE]", 0,
	 "a paging file (" DEFAULT_PAGING_FILE "), that may grow to MAXIMUM, in a directory or at a "
	 "path; there can be 16; 0 means none", 0},
	{"layout", 'l', "LAYOUT", 0, "address space of the process (nt64-128tb)", 0},
	{"json", OPTION_JSON, NULL, 0, "print one JSON object instead of a table", 0},
	{0},
};

static void parse_number(uint64_t *number, const char *text, struct argp_state *state)
{
	const char *rest;
	if (!*text || text[strspn(text, "0123456789")] || !size_read(text, number, &rest))
		argp_error(state, "--at: '%s' is not a number of references", text);
}

static void parse_size(const char *option, uint64_t *bytes, const char *text, struct argp_state *state)
{
	if (!size_parse(text, bytes))
		argp_error(state, "%s: '%s' is not a size", option, text);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *chosen = state->input;
	switch (key) {
	case 'n':
		parse_number(&chosen->at, argument, state);
		chosen->at_chosen = true;
		return 0;
	case 'r':
		parse_size("--ram", &chosen->ram_bytes, argument, state);
		if (!chosen->ram_bytes)
			argp_error(state, "--ram: '%s' is not a size", argument);
		return 0;
	case 'p':
		if (!paging_files_add(&chosen->paging_files, argument))
			argp_error(state, "--paging-file: '%s' is not a size, or one too many", argument);
		return 0;
	case 'l':
		if (!layout_parse(argument, &chosen->layout))
			argp_error(state, "--layout: '%s' is none of %s", argument, layout_names().text);
		return 0;
	case OPTION_JSON:
		chosen->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (chosen->path)
			argp_error(state, "'%s': there can be only one trace", argument);
		chosen->path = argument;
		return 0;
	case ARGP_KEY_END:
		if (!chosen->path)
			argp_error(state, "a trace is missing");
		if (!chosen->at_chosen)
			argp_error(state, "--at is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp arguments = {
	.options = options,
	.parser = parse_option,
	.args_doc = "--at N TRACE",
	.doc = "Replay the first N references of a trace, and show the address space of the process then: "
	       "each region as VirtualQueryEx tells it, and how many of its pages are in the working set, "
	       "in transition, paged out, zero, or never touched.\v"
	       "A TRACE and a SIZE are what 'ntmm help replay' says.\n"
	       "Layouts: nt32-2gb, nt32-3gb, wow64-4gb, nt64-8tb, nt64-128tb, win9x.\n\n"
	       "Exit status: 0 when all went well, 1 when the replay failed, 2 for wrong usage, malformed "
	       "input and traces that do not fit the layout.",
};

/* ---- running --------------------------------------------------------------------------------- */

static bool make_references(struct replay_process *process, uint64_t count, struct failure *failure)
{
	while (count && !process->over) {
		size_t step = count < REPLAY_TURN ? (size_t)count : REPLAY_TURN;
		if (!replay_process_step(process, step, failure))
			return false;
		count -= step;
	}
	return true;
}

static bool print(struct map *map, const struct replay_process *process, bool json, struct failure *failure)
{
	for (int kind = 0; kind < REF_KINDS; kind++)
		map->references += process->references[kind];
	bool looked = map_look(map, process->handle, &process->touched, failure);
	if (looked && !(json ? map_print_json(map, stdout) : map_print_text(map, stdout)))
		looked = fail_no_memory(failure);
	map_end(map);
	return looked;
}

static bool replay_and_print(const struct options *chosen, struct trace *trace, const char *name,
                             struct failure *failure)
{
	struct map map = {
		.trace = name,
		.ram_bytes = chosen->ram_bytes,
		.paging_files = chosen->paging_files,
		.layout = chosen->layout,
	};
	struct replay_process process;
	ntmm_machine *machine;
	struct machine_plan plan = {chosen->ram_bytes, &chosen->paging_files, chosen->layout, 0};
	if (!machine_open(plan, &machine, failure)) {
		trace_close(trace);
		return false;
	}
	bool done = replay_process_open(&process, machine, chosen->layout, trace, false, failure) &&
	            make_references(&process, chosen->at, failure) &&
	            print(&map, &process, chosen->json, failure);
	replay_process_close(&process);
	ntmm_machine_destroy(machine);
	return done;
}

static bool run(const struct options *chosen, struct failure *failure)
{
	struct trace_file file = {.file = -1};
	struct trace *trace = NULL;
	if (trace_file_begin(&file, chosen->path, false))
		trace = trace_file_open(&file);
	bool done = trace ? replay_and_print(chosen, trace, file.name, failure)
	                  : fail_with(failure, EXIT_WRONG, "%s: %s", chosen->path, strerror(errno));
	trace_file_end(&file);
	return done;
}

int map_main(int argc, char **argv)
{
	struct options chosen = {.layout = NTMM_LAYOUT_NT64_128TB,
	                         .paging_files = paging_files_default()};
	struct failure failure = {0};
	size_parse(DEFAULT_RAM, &chosen.ram_bytes);
	if (argp_parse(&arguments, argc, argv, 0, NULL, &chosen))
		return EXIT_WRONG;
	run(&chosen, &failure);
	return failure_say(&failure);
}
