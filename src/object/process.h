/* SPDX-License-Identifier: MIT
 *
 * Processes as objects: an identifier, a space, privileges.
 *
 * Threads: any. `space` lives as long as the object; once it has ended every call on it answers
 * STATUS_PROCESS_IS_TERMINATING (G-5).
 */
#ifndef NTMM_OBJECT_PROCESS_H
#define NTMM_OBJECT_PROCESS_H

#include "object/handle.h"
#include "space/space.h"

/* Privileges that the calls ask about, and their standing in a process. */
enum privilege {
	PRIVILEGE_LOCK_MEMORY,          /* SeLockMemoryPrivilege */
	PRIVILEGE_INCREASE_WORKING_SET, /* SeIncreaseWorkingSetPrivilege */
	PRIVILEGE_DEBUG,                /* SeDebugPrivilege */
	PRIVILEGES
};

/* (p) guarded by the lock of the list of processes (rank handles). */
struct process {
	struct object object;
	struct space *space;          /* engine's; freed through space->engine->free */
	const void *_Atomic domain;   /* the machine: who may find whom by identifier; or NULL */
	uint32_t pid;                 /* a multiple of 4, unique in the host process */
	bool ended;                   /* (p) */
	uint32_t exit_status;         /* (p) of the first that ended it */
	_Atomic uint32_t privileges;  /* the standing of each (token.h) */
	struct process *next, *previous; /* (p) all processes, oldest first */
};

/* Takes over `space`, initialised; on failure it does not. All privileges are held, none enabled.
 * One reference for the caller. STATUS_NO_MEMORY. */
NTSTATUS process_create(struct space *space, const void *domain, struct process **process);

/* The process of a handle: of -1, the current one, which is the host process when the host thread acts as
 * no other. With a reference. As handle_reference; for -1 as process_make_host. */
NTSTATUS process_reference(HANDLE handle, uint32_t access, struct process **process);
void process_release(struct process *process);

/* By identifier, within `domain` unless it is NULL. With a reference. STATUS_INVALID_CID. */
NTSTATUS process_find(uint32_t pid, const void *domain, struct process **process);

/* Ends it: frees everything it has (S17). A second call does nothing. No lock held. */
void process_end(struct process *process, uint32_t exit_status);

/* The process that the calling host thread acts as, or NULL; no reference is taken. */
struct process *process_current(void);
void process_set_current(struct process *process);

/* Given by the layer that knows the native engine: makes the host process and calls process_set_host, when
 * it is asked for the first time. No reference is taken. STATUS_NOT_SUPPORTED: not on this host;
 * STATUS_NO_MEMORY. */
NTSTATUS process_make_host(struct process **process);
/* From now on threads that are not attached act as it. It never goes. */
void process_set_host(struct process *process);

/* Calls `visit` for each process of `domain`, with a reference held and no lock. Those that begin
 * meanwhile are visited too, if not of another domain. */
void process_each(const void *domain, void (*visit)(struct process *process, void *context),
                  void *context);

/* Around fork. */
void processes_fork(enum fork_step step);

#endif
