/* SPDX-License-Identifier: MIT
 *
 * Page-ins over RAM sizes as comma-separated values: one row for each machine.
 */
#include "replay.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static void write_rows(const struct replay_plan *plan, const struct replay_run *runs, FILE *to)
{
	fputs("ram_bytes,clusters,data_frames,hard_faults,page_ins,page_outs,lru_page_ins,opt_page_ins\n", to);
	for (size_t i = 0; i < plan->machines; i++) {
		const struct replay_run *run = &runs[i];
		fprintf(to, "%" PRIu64 ",%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
		        run->plan.ram_bytes, run->plan.clusters ? "on" : "off", run->data_frames,
		        run->machine.hard, run->machine.page_ins, run->machine.page_outs, run->lru_page_ins,
		        run->opt_page_ins);
	}
}

bool replay_write_csv(const struct replay_plan *plan, const struct replay_run *runs, const char *path,
                      struct failure *failure)
{
	FILE *file = fopen(path, "w");
	if (!file)
		return fail_with(failure, EXIT_FAILED, "%s: %s", path, strerror(errno));
	write_rows(plan, runs, file);
	bool failed = ferror(file);
	if (fclose(file) || failed)
		return fail_with(failure, EXIT_FAILED, "%s: %s", path, strerror(errno));
	return true;
}
