/* SPDX-License-Identifier: MIT
 *
 * The process that a call works on, and the ranges it names: how every native call begins and ends.
 *
 * A call opens its target first, so that arguments can be judged by the layout of the process, and
 * complains about the handle in its place (G-6, 6): when target_read or target_write is called.
 *
 *      target_open    the handle; never fails, `status` keeps what is wrong with it
 *      target_at      of Windows 9x: the address may be one of those that all processes share
 *      ...            checks of the arguments
 *      target_write   what was wrong with the handle; the lock; a process that has ended (G-5)
 *      ...            checks of the space, changes
 *      target_unlock
 *      target_close
 *
 * Units: bytes and addresses outside, pages in ranges. Threads: a target is one thread's.
 */
#ifndef NTMM_NT_TARGET_H
#define NTMM_NT_TARGET_H

#include "nt/era.h"
#include "nt/nt.h"
#include "space/arena.h"

struct target {
	struct process *process;     /* with a reference; NULL when `status` is a failure */
	struct space *space;         /* its space, or the shared one */
	const struct layout *layout; /* of the space; the widest when there is no process */
	NTSTATUS status;
};

void target_open(struct target *target, HANDLE handle, uint32_t access);
void target_close(struct target *target);

/* The space becomes the shared one (S8d, S8e): if there is one, and if `address` lies there. */
void target_share(struct target *target);
void target_at(struct target *target, uint64_t address);
static inline bool target_is_shared(const struct target *target)
{
	return !target->status && target->space != target->process->space;
}
/* The highest address that can be touched. */
uint64_t target_top(const struct target *target);

/* Lock the space; not when they answer STATUS_PROCESS_IS_TERMINATING or what target_open found. */
NTSTATUS target_read(struct target *target);
NTSTATUS target_write(struct target *target);
void target_unlock(struct target *target);
/* As target_read, without keeping the lock: for calls whose work is all the engine's. */
NTSTATUS target_alive(struct target *target);

/* Whether the caller has SeLockMemoryPrivilege enabled; a host thread that acts as no process asks on the
 * target's behalf. The target is open. */
bool may_lock_memory(const struct target *target);

/* The last byte of `size` bytes at `base`. False when there is none: size 0, or the end wraps. */
bool last_byte(uint64_t base, uint64_t size, uint64_t *last);
/* Every page that holds a byte of [base, last] (G-1). */
struct range pages_touched(uint64_t base, uint64_t last);

/* Steps through the runs of `range`, each cut to it. Begins with run->end = range.start. The space
 * may be changed between steps, up to the end of the step before. */
bool next_run(const struct space *space, struct range range, struct run *run);

/* Offered pages that are committed or protected anew come back as by ReclaimVirtualMemory, whatever
 * was lost. Lock held for writing; the caller's change of the runs follows. */
void take_back_offered(struct space *space, struct range range);

#endif
