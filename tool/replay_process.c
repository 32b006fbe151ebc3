/* SPDX-License-Identifier: MIT */
#include "replay_process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <ntmm/status.h>

/* Which addresses programs may use is asked as a program would. */
static bool learn_range(struct replay_process *process, struct failure *failure)
{
	SYSTEM_INFO info;
	if (!ntmm_thread_attach(process->thread))
		return fail_with(failure, EXIT_FAILED, "cannot attach to a thread: error %u", GetLastError());
	GetSystemInfo(&info);
	ntmm_thread_detach();
	process->lowest = (uintptr_t)info.lpMinimumApplicationAddress;
	process->highest = (uintptr_t)info.lpMaximumApplicationAddress;
	return true;
}

bool replay_process_open(struct replay_process *process, ntmm_machine *machine, ntmm_layout layout,
                         struct trace *trace, bool verify, struct failure *failure)
{
	*process = (struct replay_process){.trace = trace};
	if (verify && !(process->shadow = shadow_create()))
		return fail_no_memory(failure);
	process->handle = ntmm_process_create(machine, layout);
	if (process->handle)
		process->thread = ntmm_thread_create(process->handle, NULL);
	if (!process->thread) {
		const char *name = ntmm_error_name(GetLastError());
		return fail_with(failure, EXIT_FAILED, "%s: the machine has no room for the process (%s %s)",
		                 trace_name(trace), name ? name : "", ntmm_error_message());
	}
	return learn_range(process, failure);
}

void replay_process_close(struct replay_process *process)
{
	ntmm_thread_destroy(process->thread);
	if (process->handle)
		CloseHandle(process->handle);
	if (process->trace)
		trace_close(process->trace);
	shadow_destroy(process->shadow);
	touched_end(&process->touched);
}

bool replay_process_step(struct replay_process *process, size_t most, struct failure *failure)
{
	struct ref refs[REPLAY_TURN];
	size_t wanted = most < REPLAY_TURN ? most : REPLAY_TURN;
	ssize_t count = trace_read(process->trace, refs, wanted);
	if (count < 0)
		return fail_with(failure, EXIT_WRONG, "%s", trace_error(process->trace));
	process->over = (size_t)count < wanted;
	return replay_process_refer(process, refs, (size_t)count, failure);
}

bool replay_process_turn(struct replay_process *process, struct failure *failure)
{
	return replay_process_step(process, REPLAY_TURN, failure);
}

bool replay_process_count(const struct replay_process *process, struct replay_counts *counts,
                          struct failure *failure)
{
	ntmm_process_counters counters = {.size = sizeof counters};
	NTSTATUS status = ntmm_process_get_counters(process->handle, &counters);
	if (status != STATUS_SUCCESS)
		return fail_with(failure, EXIT_FAILED, "%s: no counters: 0x%08x", trace_name(process->trace),
		                 status);
	*counts = (struct replay_counts){
		.demand_zero = counters.demand_zero,
		.soft = counters.soft,
		.hard = counters.hard,
		.page_ins = counters.page_ins,
		.page_outs = counters.page_outs,
		.working_set_peak = counters.working_set_peak,
		.commit = counters.commit,
		.pages = touched_count(&process->touched),
	};
	memcpy(counts->references, process->references, sizeof counts->references);
	return true;
}

bool replay_process_verify(const struct replay_process *process, struct failure *failure)
{
	unsigned char found[SHADOW_PAGE_BYTES];
	const unsigned char *expected;
	uint64_t address;
	size_t cursor = 0;
	while ((expected = shadow_next_page(process->shadow, &cursor, &address))) {
		if (!ReadProcessMemory(process->handle, (void *)(uintptr_t)address, found, sizeof found, NULL))
			return fail_with(failure, EXIT_FAILED, "%s: 0x%" PRIx64 " cannot be read: error %u",
			                 trace_name(process->trace), address, GetLastError());
		if (memcmp(expected, found, sizeof found) != 0)
			return replay_process_differs(process, address, expected, found, failure);
	}
	return true;
}
