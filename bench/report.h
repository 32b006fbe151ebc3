/* SPDX-License-Identifier: MIT
 *
 * Results as a table for people and as JSON for programs.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "measure.h"

void report_table(const struct result *results, size_t count);
void report_json(const struct bench *bench, const struct result *results, size_t count,
                 const char *path);

#endif
