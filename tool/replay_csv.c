/* SPDX-License-Identifier: MIT
 *
 * Page-ins over RAM sizes, for plotting.
 */
#include "replay.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static void write_rows(const struct replay_plan *plan, const struct replay_run *runs, FILE *to)
{
	fputs("ram_bytes,page_ins,lru_page_ins,opt_page_ins\n", to);
	for (size_t i = 0; i < plan->machines; i++)
		fprintf(to, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", runs[i].ram_bytes,
		        runs[i].machine.page_ins, runs[i].lru_page_ins, runs[i].opt_page_ins);
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
