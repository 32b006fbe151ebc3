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
};

/* A valid configuration: whole frames, checked. STATUS_NO_MEMORY, STATUS_DISK_FULL,
 * STATUS_ACCESS_DENIED, STATUS_INSUFFICIENT_RESOURCES; complains. */
NTSTATUS machine_create(const ntmm_machine_config *config, struct ntmm_machine **machine);
/* Its processes have ended. */
void machine_destroy(struct ntmm_machine *machine);

/* A space with a page map. As ntmm_process_create. */
NTSTATUS machine_process_create(struct ntmm_machine *machine, const struct layout *layout,
                                struct space **space);

/* The engine table of machines: how one recognises their spaces. */
extern const struct engine machine_engine;

#endif
