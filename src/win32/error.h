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

#endif
