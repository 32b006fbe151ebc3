/* SPDX-License-Identifier: MIT
 *
 * One section, and processes that show it, for tests with several host threads.
 */
#ifndef TESTS_RACE_RACE_SECTION_H
#define TESTS_RACE_RACE_SECTION_H

#include "race.h"

/* A process with one thread and, if it is not 0, a view. */
struct shower {
	HANDLE process;
	ntmm_thread *thread;
	uint64_t view;
};

static inline void shower_begin(struct shower *shower, ntmm_machine *machine, ntmm_layout layout)
{
	*shower = (struct shower){.process = ntmm_process_create(machine, layout)};
	MUST(shower->process);
	shower->thread = race_thread(shower->process);
}

static inline void shower_end(struct shower *shower)
{
	ntmm_thread_destroy(shower->thread);
	MUST(CloseHandle(shower->process));
}

/* Backed by the paging file. `by` must not be attached anywhere. */
static inline HANDLE race_section(ntmm_thread *by, uint64_t pages, DWORD protect)
{
	MUST(ntmm_thread_attach(by));
	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, protect, 0,
	                                    (DWORD)(pages * PAGE), NULL);
	MUST(section);
	ntmm_thread_detach();
	return section;
}

static inline uint64_t race_view(HANDLE section, HANDLE process, DWORD protect)
{
	void *base = MapViewOfFile2(section, process, 0, NULL, 0, 0, protect);
	MUST(base);
	return (uintptr_t)base;
}

static inline void race_unmap(HANDLE process, uint64_t view)
{
	MUST(UnmapViewOfFile2(process, pointer(view), 0));
}

static inline uint64_t must_load(ntmm_thread *thread, uint64_t address)
{
	uint64_t value = 0;
	MUST(ntmm_load64(thread, address, &value));
	return value;
}

static inline void must_store(ntmm_thread *thread, uint64_t address, uint64_t value)
{
	MUST(ntmm_store64(thread, address, value));
}

#endif
