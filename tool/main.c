/* SPDX-License-Identifier: MIT */
#include <argp.h>
#include <errno.h>
#include <error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verbs.h"

const char *argp_program_version = "ntmm " NTMM_VERSION;

static int help_main(int argc, char **argv);

static const struct {
	const char *name;
	verb *run;
} verbs[] = {
	{"replay", replay_main},
	{"map", map_main},
	{"image", image_main},
	{"tour", tour_main},
	{"help", help_main},
};

/* argv[0] becomes "ntmm VERB", which argp shows in its messages. */
static int run_verb(const char *name, int argc, char **argv)
{
	static char full_name[32];
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(verbs[i].name, name) == 0) {
			snprintf(full_name, sizeof full_name, "ntmm %s", name);
			argv[0] = full_name;
			return verbs[i].run(argc, argv);
		}
	}
	error(0, 0, "there is no verb '%s'; try 'ntmm --help'", name);
	return EXIT_WRONG;
}

/* ---- ntmm VERB ... -------------------------------------------------------------------------- */

static error_t parse_verb(int key, char *argument, struct argp_state *state)
{
	int *status = state->input;
	if (key == ARGP_KEY_ARG) {
		int first = state->next - 1;
		*status = run_verb(argument, state->argc - first, state->argv + first);
		state->next = state->argc;
		return 0;
	}
	if (key == ARGP_KEY_NO_ARGS)
		argp_usage(state);
	return ARGP_ERR_UNKNOWN;
}

static const struct argp whole = {
	.parser = parse_verb,
	.args_doc = "VERB [ARGUMENT...]",
	.doc = "Windows virtual memory on an emulated machine with RAM, page tables, working sets and a "
	       "paging file.\n\n"
	       "Verbs:\n"
	       "  replay TRACE...   run recorded memory references as processes of a machine\n"
	       "  map --at N TRACE  show the address space of a process after N references\n"
	       "  image FILE...     map PE files into several processes, and show what they share\n"
	       "  tour              follow one process from reserve to release, step by step\n"
	       "  help [VERB]       explain a verb\n"
	       "\vExit status: 0 when all went well, 1 when it could not be done, 2 for wrong usage or "
	       "malformed input. 'man ntmm' says more.",
};

/* ---- ntmm help [VERB] ------------------------------------------------------------------------ */

static int help_main(int argc, char **argv)
{
	static char program[] = "ntmm", option[] = "--help";
	char *arguments[] = {program, option, NULL};
	if (argc > 2) {
		error(0, 0, "help takes one verb");
		return EXIT_WRONG;
	}
	if (argc == 2 && strcmp(argv[1], "help") != 0)
		return run_verb(argv[1], 2, arguments);
	argp_parse(&whole, 2, arguments, 0, NULL, NULL);
	return EXIT_FINE;
}

int main(int argc, char **argv)
{
	static char program[] = "ntmm";
	if (argc > 0)
		argv[0] = program;
	program_invocation_name = program_invocation_short_name = program;
	argp_err_exit_status = EXIT_WRONG;
	int status = EXIT_FINE;
	if (argp_parse(&whole, argc, argv, ARGP_IN_ORDER, NULL, &status))
		return EXIT_WRONG;
	if (fflush(stdout) || ferror(stdout)) {
		error(0, errno, "standard output");
		return status ? status : EXIT_FAILED;
	}
	return status;
}
