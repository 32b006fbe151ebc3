/* SPDX-License-Identifier: MIT
 *
 * Frames with memory errors: taken out of use for good (PG-39).
 *
 * (0) no lock is held. May block on I/O.
 */
#ifndef NTMM_MACHINE_PAGER_RETIRE_H
#define NTMM_MACHINE_PAGER_RETIRE_H

#include "machine/pager/pager.h"

/* (0) As ntmm_machine_mark_bad. */
NTSTATUS pager_retire(struct pager *pager, frame_t frame);

#endif
