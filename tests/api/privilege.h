/* SPDX-License-Identifier: MIT
 *
 * The privilege to lock pages in memory, which AWE and large pages need (AW-2, LP-5).
 */
#ifndef TESTS_API_PRIVILEGE_H
#define TESTS_API_PRIVILEGE_H

#include "place.h"

/* SE_PRIVILEGE_ENABLED, or 0, for the process that the host thread is attached to. */
static inline bool with_privilege(DWORD attributes)
{
	HANDLE token;
	TOKEN_PRIVILEGES state = {.PrivilegeCount = 1};
	state.Privileges[0].Attributes = attributes;
	bool done = LookupPrivilegeValueA(NULL, SE_LOCK_MEMORY_NAME, &state.Privileges[0].Luid) &&
	            OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &token) &&
	            AdjustTokenPrivileges(token, FALSE, &state, 0, NULL, NULL);
	return done && CloseHandle(token);
}

#endif
