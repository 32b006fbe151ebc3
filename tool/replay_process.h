/* SPDX-License-Identifier: MIT
 *
 * One process of a replay: a trace, and the thread that makes its references.
 *
 * A load or a fetch reads the aligned words that hold the bytes of the reference; a store writes just
 * these bytes, in pieces that are aligned to their size.
 */
#ifndef TOOL_REPLAY_PROCESS_H
#define TOOL_REPLAY_PROCESS_H

#include <ntmm/thread.h>
#include <ntmm/windows.h>

#include "replay.h"
#include "shadow.h"
#include "touched.h"

#define REPLAY_GRANULE UINT64_C(0x10000) /* bytes committed at once */

struct replay_process {
	HANDLE handle;
	ntmm_thread *thread;
	struct trace *trace;
	uint64_t lowest, highest; /* addresses that the layout gives to programs */
	uint64_t stored;          /* pieces stored so far: their values come from it */
	struct shadow *shadow;    /* NULL: nothing is verified */
	struct touched touched;
	struct reference_string *touches; /* NULL: not kept */
	size_t number;                    /* among the processes of the touches */
	uint64_t references[REF_KINDS];
	bool over; /* the trace has been replayed */
};

/* The trace is the process's from then on, also on failure. Whatever happens, the process is to be
 * closed. */
bool replay_process_open(struct replay_process *process, ntmm_machine *machine, ntmm_layout layout,
                         struct trace *trace, bool verify, struct failure *failure);
void replay_process_close(struct replay_process *process);

/* Makes the next references: `most`, or REPLAY_TURN if that is less. */
bool replay_process_step(struct replay_process *process, size_t most, struct failure *failure);

/* Makes the next REPLAY_TURN references. */
bool replay_process_turn(struct replay_process *process, struct failure *failure);

/* Makes these references. */
bool replay_process_refer(struct replay_process *process, const struct ref *refs, size_t count,
                          struct failure *failure);

bool replay_process_count(const struct replay_process *process, struct replay_counts *counts,
                          struct failure *failure);

/* Says which of the bytes at an address is the first that is not as expected; one is not. */
bool replay_process_differs(const struct replay_process *process, uint64_t address,
                            const unsigned char *expected, const unsigned char *found,
                            struct failure *failure);

/* Compares all its memory with the shadow. */
bool replay_process_verify(const struct replay_process *process, struct failure *failure);

#endif
