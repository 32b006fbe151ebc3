/* SPDX-License-Identifier: MIT
 *
 * Commands that answer in JSON.
 */
#ifndef BENCH_COMMAND_H
#define BENCH_COMMAND_H

#include <jansson.h>

/* Runs a program, arguments[0], to its end: what it prints, and the seconds of processor time it
 * takes. The benchmark ends when it fails. */
json_t *command_run(char *const *arguments, double *seconds);

#endif
