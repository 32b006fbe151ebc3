/* SPDX-License-Identifier: MIT
 *
 * Handles to processes and their tokens, and the end of a process (G-3 to G-5).
 */
#include "base/check.h"
#include "nt/target.h"
#include "object/token.h"

NTSTATUS NtOpenProcess(HANDLE *process, uint32_t access, uint64_t pid)
{
	const struct process *caller = process_current();
	struct process *found;
	NTSTATUS status = probe_word(process);
	if (status)
		return status;
	if (pid > UINT32_MAX)
		return STATUS_INVALID_CID;
	status = process_find((uint32_t)pid, caller ? caller->domain : NULL, &found);
	if (status)
		return status;
	status = handle_open(&found->object, access, process);
	process_release(found);
	return status;
}

NTSTATUS NtTerminateProcess(HANDLE process, NTSTATUS exit_status)
{
	struct target target;
	target_open(&target, process, PROCESS_TERMINATE);
	NTSTATUS status = target_alive(&target);
	if (!status && target.space->engine->exit)
		target.space->engine->exit((uint32_t)exit_status);
	if (!status)
		process_end(target.process, (uint32_t)exit_status);
	target_close(&target);
	return status;
}

NTSTATUS NtClose(HANDLE object)
{
	complain_nothing(); /* of pages that could not be written */
	if (object == NtCurrentProcess())
		return STATUS_SUCCESS; /* it is none, and need not be closed */
	return handle_close(object);
}

NTSTATUS NtOpenProcessToken(HANDLE process, uint32_t access, HANDLE *token)
{
	struct target target;
	NTSTATUS status = probe_word(token);
	if (status)
		return status;
	target_open(&target, process, PROCESS_QUERY_LIMITED_INFORMATION);
	status = target_alive(&target);
	if (!status)
		status = token_open(target.process, access, token);
	target_close(&target);
	return status;
}
