/* SPDX-License-Identifier: MIT
 *
 * The tool's verbs. Each gets its own arguments, the first of which is "ntmm VERB", and returns the
 * exit status; what went wrong has been said on standard error by then.
 */
#ifndef TOOL_VERBS_H
#define TOOL_VERBS_H

enum exit_status {
	EXIT_FINE = 0,
	EXIT_FAILED = 1, /* the arguments and the input are right, but it could not be done */
	EXIT_WRONG = 2,  /* wrong usage, or malformed input */
};

typedef int verb(int argc, char **argv);

verb replay_main, map_main, image_main, tour_main;

#endif
