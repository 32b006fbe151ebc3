/* SPDX-License-Identifier: MIT */
#include "machines.h"

#include <stdio.h>
#include <string.h>

#include <ntmm/status.h>
#include "sizes.h"

bool layout_parse(const char *name, ntmm_layout *layout)
{
	for (int each = 0; each < NTMM_LAYOUTS; each++) {
		if (strcmp(ntmm_layout_name((ntmm_layout)each), name) == 0) {
			*layout = (ntmm_layout)each;
			return true;
		}
	}
	return false;
}

struct layout_names layout_names(void)
{
	struct layout_names names = {""};
	for (int each = 0; each < NTMM_LAYOUTS; each++) {
		size_t used = strlen(names.text);
		snprintf(names.text + used, sizeof names.text - used, "%s%s", used ? ", " : "",
		         ntmm_layout_name((ntmm_layout)each));
	}
	return names;
}

bool machine_open(struct machine_plan plan, ntmm_machine **machine, struct failure *failure)
{
	ntmm_machine_config config = {
		.size = sizeof config,
		.flags = plan.flags | (plan.layout == NTMM_LAYOUT_WIN9X ? NTMM_MACHINE_WIN9X : 0),
		.ram_bytes = plan.ram_bytes,
		.paging_files = plan.paging_files->each,
		.paging_file_count = plan.paging_files->count,
	};
	NTSTATUS status = ntmm_machine_create(&config, machine);
	if (status == STATUS_SUCCESS)
		return true;
	const char *name = ntmm_status_name(status);
	return fail_with(failure, status == STATUS_INVALID_PARAMETER ? EXIT_WRONG : EXIT_FAILED,
	                 "no machine with %s of RAM and a paging file of %s: %s (%s)",
	                 size_text(plan.ram_bytes).text, paging_files_text(plan.paging_files).text,
	                 ntmm_error_message(), name ? name : "");
}
