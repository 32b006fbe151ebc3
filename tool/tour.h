/* SPDX-License-Identifier: MIT
 *
 * The tour: one process, followed from reserve to release; then a second one, with which it shares a DLL.
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
#define TOUR_DLL_BASE 0x10000000 /* where the tour's DLL wants to lie */

/* The second process. */
struct tour_other {
	HANDLE process; /* NULL: not begun yet */
	ntmm_thread *thread;
	char *base;
	uint64_t page[TOUR_PAGES];
};

struct tour {
	ntmm_machine *machine;
	HANDLE process;
	ntmm_thread *thread;
	char *base; /* of the one allocation; all these are addresses of the process */
	uint64_t page[TOUR_PAGES];
	struct tour_other other;
};

/* Make a call; print how it reads here, and what it answered. */
#define SHOW_POINTER(call) tour_answer_pointer(#call, call)
#define SHOW_BOOL(call) tour_answer_bool(#call, call)
#define SHOW_NUMBER(call) tour_answer_number(#call, call)
#define SHOW_LOAD(thread, call) \
	do { \
		uint64_t value; \
		bool answer = call; \
		tour_answer_access(#call, thread, answer, &value); \
	} while (0)
#define SHOW_STORE(thread, call) tour_answer_access(#call, thread, call, NULL)

/* Each prints what a call that has just been made answered. */
void tour_answer_pointer(const char *call, const void *answer);
void tour_answer_bool(const char *call, BOOL answer);
void tour_answer_number(const char *call, uint64_t answer);
/* `value` is what a load found, NULL for a store. An access that failed has raised an exception. */
void tour_answer_access(const char *call, const ntmm_thread *thread, bool answer, const uint64_t *value);

/* Prints regions, pages, frames, slots and faults. */
void tour_show(const struct tour *tour);

/* The DLL: a file without a name. NULL when the host refuses. */
HANDLE tour_dll(void);

/* Steps: the DLL in both processes; both load from it; the first writes; the second does. */
void tour_map_image(struct tour *tour);
void tour_share_image(struct tour *tour);
void tour_write_image(struct tour *tour);
void tour_write_again(struct tour *tour);

#endif
