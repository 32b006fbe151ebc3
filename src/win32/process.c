/* SPDX-License-Identifier: MIT
 *
 * Handles and processes.
 */
#include "nt/nt.h"
#include "win32/error.h"

HANDLE GetCurrentProcess(void)
{
	return NtCurrentProcess();
}

DWORD GetCurrentProcessId(void)
{
	return GetProcessId(GetCurrentProcess());
}

DWORD GetProcessId(HANDLE process)
{
	struct process *p;
	if (!win32_ok(process_reference(process, PROCESS_QUERY_LIMITED_INFORMATION, &p)))
		return 0;
	DWORD pid = p->pid;
	process_release(p);
	return pid;
}

HANDLE OpenProcess(DWORD access, BOOL inherit, DWORD pid)
{
	HANDLE process;
	(void)inherit; /* processes of a machine have no children */
	return win32_ok(NtOpenProcess(&process, access, pid)) ? process : NULL;
}

BOOL TerminateProcess(HANDLE process, UINT exit_code)
{
	return win32_ok(NtTerminateProcess(process, (NTSTATUS)exit_code));
}

BOOL CloseHandle(HANDLE object)
{
	return win32_ok(NtClose(object));
}
