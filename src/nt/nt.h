/* SPDX-License-Identifier: MIT
 *
 * What the native calls share with win32/: calls that have no Nt name of their own.
 *
 * Every call checks everything (order: rule G-6), then applies without failing. A failing call
 * leaves no trace, but where its rule says so (G-2).
 * Threads: any. No lock may be held.
 */
#ifndef NTMM_NT_NT_H
#define NTMM_NT_NT_H

#include <ntmm/ntapi.h>
#include <ntmm/windows.h>

#include "object/process.h"

/* Whether the host pointer can be one at all: not NULL, not below 64 KB, canonical. */
bool host_pointer_ok(const void *pointer);
/* The same of all of `bytes` bytes. */
bool host_range_ok(const void *pointer, uint64_t bytes);
/* The same; and, where the library sees the faults of this host process, whether the memory can be read,
 * or written, as a system service does: a guard that is met goes (GP-6). STATUS_ACCESS_VIOLATION,
 * STATUS_GUARD_PAGE_VIOLATION, STATUS_IN_PAGE_ERROR. */
NTSTATUS probe_memory(const void *pointer, uint64_t bytes, bool store);

/* What lies a little above the stack pointer is the caller's own: nothing has to be asked. So little that it
 * is not beyond the first frame of a thread, above which the host keeps things of its own. */
static inline bool is_on_stack(const void *pointer, uint64_t bytes)
{
	const uint64_t near = 1024;
	uint64_t above = (uintptr_t)pointer - (uintptr_t)__builtin_frame_address(0);
	return above < near && bytes < near - above;
}

static inline NTSTATUS probe_in(const void *pointer, uint64_t bytes)
{
	return is_on_stack(pointer, bytes) ? STATUS_SUCCESS : probe_memory(pointer, bytes, false);
}

static inline NTSTATUS probe_out(void *pointer, uint64_t bytes)
{
	return is_on_stack(pointer, bytes) ? STATUS_SUCCESS : probe_memory(pointer, bytes, true);
}

/* The same of several things that are written. */
#define probe_word(pointer) probe_out((pointer), sizeof *(pointer))
static inline NTSTATUS probe_words(uint64_t *first, uint64_t *second)
{
	NTSTATUS status = probe_word(first);
	return status ? status : probe_word(second);
}

/* Memory of the caller's, which may be inaccessible: touched as a system service does. The status is that
 * of the access which failed; what lies before may have been copied. */
NTSTATUS host_get(void *to, const void *from, uint64_t bytes);
NTSTATUS host_put(void *to, const void *from, uint64_t bytes);

/* Each takes the handle, checks the right, refuses an ended process. Units: bytes. */
NTSTATUS nt_offer(HANDLE process, uint64_t address, uint64_t size, unsigned priority);
NTSTATUS nt_reclaim(HANDLE process, uint64_t address, uint64_t size, bool *intact);
NTSTATUS nt_discard(HANDLE process, uint64_t address, uint64_t size);
NTSTATUS nt_empty_working_set(HANDLE process);
/* Bytes; flags as SetProcessWorkingSetSizeEx takes and returns them. */
NTSTATUS nt_set_working_set_limits(HANDLE process, uint64_t minimum, uint64_t maximum,
                                   uint32_t flags);
NTSTATUS nt_get_working_set_limits(HANDLE process, uint64_t *minimum, uint64_t *maximum,
                                   uint32_t *flags);

#endif
