/* SPDX-License-Identifier: MIT
 *
 * Every call that takes a process, with arguments that are all good but for the handle.
 */
#ifndef TESTS_API_CALLS_H
#define TESTS_API_CALLS_H

#include <ntmm/windows.h>

#define CALL_COUNT 18

/* Two committed pages of the process meant, write-watched. */
extern char *call_target;

/* G-4: one of the two sets of rights is needed, if there is a second. */
struct call {
	const char *name;
	bool (*call)(HANDLE process);
	DWORD rights, or_rights;
	bool needs_space; /* fails once the process has ended (G-5) */
};
extern const struct call calls[CALL_COUNT];

bool call_is_enough(const struct call *call, DWORD rights);

#endif
