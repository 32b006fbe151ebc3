/* SPDX-License-Identifier: MIT
 *
 * What the verbs need to make a machine: its layout by name, and the machine itself.
 */
#ifndef TOOL_MACHINES_H
#define TOOL_MACHINES_H

#include <ntmm/machine.h>

#include "failure.h"
#include "paging_files.h"

#define DEFAULT_RAM "64M"
#define DEFAULT_PAGING_FILE "256M"

/* False: no layout has that name. */
bool layout_parse(const char *name, ntmm_layout *layout);

/* The names of all, with commas. */
struct layout_names {
	char text[256];
};
struct layout_names layout_names(void);

/* What a machine is made of; flags are NTMM_MACHINE_. */
struct machine_plan {
	uint64_t ram_bytes;
	const struct paging_files *paging_files;
	ntmm_layout layout; /* of its processes */
	uint32_t flags;     /* besides those that the layout asks for */
};
bool machine_open(struct machine_plan plan, ntmm_machine **machine, struct failure *failure);

#endif
