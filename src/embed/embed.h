/* SPDX-License-Identifier: MIT
 *
 * The public face of machines and threads: turns handles into what machine/ works on.
 */
#ifndef NTMM_EMBED_EMBED_H
#define NTMM_EMBED_EMBED_H

#include "machine/machine.h"
#include "object/process.h"

/* The machine's side of a process behind a handle, with a reference to the object, which keeps it. As
 * process_reference; STATUS_PROCESS_IS_TERMINATING when it has ended. */
NTSTATUS embed_process(HANDLE handle, uint32_t access, struct process **process,
                       struct machine_process **inside);

/* A new process's number is known: its events and counters tell it from now on. */
void embed_give_number(struct process *process);

/* The same, with the right to look at it: either of the two query rights will do (G-4). */
NTSTATUS embed_query(HANDLE handle, struct process **process, struct machine_process **inside);

#endif
