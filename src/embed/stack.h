/* SPDX-License-Identifier: MIT
 *
 * A thread's stack: an allocation like any other, made and released through the native calls.
 */
#ifndef NTMM_EMBED_STACK_H
#define NTMM_EMBED_STACK_H

#include "machine/thread/thread.h"
#include "object/process.h"

/* Rules ST-1, ST-2. What VirtualAlloc would answer. */
NTSTATUS stack_create(struct process *process, struct ntmm_thread *thread,
                      const ntmm_thread_options *options);
void stack_release(struct process *process, struct ntmm_thread *thread);

#endif
