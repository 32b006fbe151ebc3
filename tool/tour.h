/* SPDX-License-Identifier: MIT
 *
 * The tour: one process, followed from reserve to release.
 *
 * What it prints depends on nothing outside: docs/tour.md explains each step of it, and a test
 * compares the two.
 */
#ifndef TOOL_TOUR_H
#define TOOL_TOUR_H

#include <stdint.h>

#include <ntmm/machine.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#define TOUR_PAGES 4 /* of the allocation that are looked at */
#define PAGE 4096
#define KB 1024

struct tour {
	ntmm_machine *machine;
	HANDLE process;
	ntmm_thread *thread;
	char *base; /* of the one allocation; all these are addresses of the process */
	uint64_t page[TOUR_PAGES];
};

/* Each prints what a call that has just been made answered. */
void tour_answer_pointer(const char *call, const void *answer);
void tour_answer_bool(const char *call, BOOL answer);
void tour_answer_number(const char *call, uint64_t answer);
/* `value` is what a load found, NULL for a store. An access that failed has raised an exception. */
void tour_answer_access(const char *call, const ntmm_thread *thread, bool answer, const uint64_t *value);

/* Prints regions, pages, frames, slots and faults. */
void tour_show(const struct tour *tour);

#endif
