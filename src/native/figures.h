/* SPDX-License-Identifier: MIT
 *
 * What the host tells of the process's pages, as engine.h has it. Threads: no lock is held.
 */
#ifndef NTMM_NATIVE_FIGURES_H
#define NTMM_NATIVE_FIGURES_H

#include "native/native.h"

void figures_residency(struct space *space, uint64_t page, struct residency *residency);
void figures_usage(struct space *space, struct usage *usage);
void figures_memory(struct space *space, struct memory_status *status);
void figures_get_limits(struct space *space, struct ws_limits *limits);
NTSTATUS figures_set_limits(struct space *space, const struct ws_limits *limits);
/* Hints to the host. */
void figures_prefetch(struct space *space, struct range range);
void figures_empty(struct space *space);

#endif
