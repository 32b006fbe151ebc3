/* SPDX-License-Identifier: MIT
 *
 * A machine, and the engine that its processes' spaces are run by.
 */
#ifndef NTMM_MACHINE_MACHINE_H
#define NTMM_MACHINE_MACHINE_H

#include "machine/pager/touch.h"

struct ntmm_machine {
	struct pager pager;
	bool nx;
	enum windows windows; /* that runs on it */
	struct machine_process *arena; /* of a Windows 9x: what all processes share (arena.h); NULL */
};

/* A valid configuration: whole frames, checked. STATUS_NO_MEMORY, STATUS_DISK_FULL,
 * STATUS_ACCESS_DENIED, STATUS_INSUFFICIENT_RESOURCES; complains. */
NTSTATUS machine_create(const ntmm_machine_config *config, struct ntmm_machine **machine);
/* As ntmm_machine_add_paging_file. Complains. */
NTSTATUS machine_add_paging_file(struct ntmm_machine *machine, const ntmm_paging_file *file);
/* Those of a configuration that has been checked. */
NTSTATUS machine_add_paging_files(struct ntmm_machine *machine, const ntmm_machine_config *config);
/* STATUS_INVALID_PARAMETER, STATUS_TOO_MANY_PAGING_FILES; complains. */
NTSTATUS machine_check_paging_files(const ntmm_machine_config *config);
/* Its processes have ended. */
void machine_destroy(struct ntmm_machine *machine);

/* A space with a page map. As ntmm_process_create; complains when the layout is none of this machine. */
NTSTATUS machine_process_create(struct ntmm_machine *machine, const struct layout *layout,
                                struct space **space);

/* The engine table of machines: how one recognises their spaces. */
extern const struct engine machine_engine;

#endif
