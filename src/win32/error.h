/* SPDX-License-Identifier: MIT
 *
 * How the Win32 calls end: from a status, or an error of their own, to the last error.
 *
 * Threads: the last error is the calling host thread's.
 */
#ifndef NTMM_WIN32_ERROR_H
#define NTMM_WIN32_ERROR_H

#include <ntmm/ntapi.h>
#include <ntmm/windows.h>

/* Whether `status` is one of success; if not, its Win32 error becomes the last error. */
bool win32_ok(NTSTATUS status);

/* Sets the last error and returns false. */
bool win32_fail(DWORD error);

/* era.c: which Windows a process runs on, by its handle; the caller's, or NT, when that is none. */
struct era;
const struct era *win32_era(HANDLE process);
/* Whether the call, which Windows 9x has not, is there; else ERROR_CALL_NOT_IMPLEMENTED (W9-9): neither
 * the caller nor `process` may run on one. */
bool win32_has_later_calls(HANDLE process);
/* There is a machine that runs a Windows 9x. */
void win32_meet_9x(void);

#endif
