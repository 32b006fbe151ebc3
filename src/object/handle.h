/* SPDX-License-Identifier: MIT
 *
 * The handle table: one for the host process, since a HANDLE says nothing of where it belongs.
 *
 * A handle is a multiple of 4, index and generation, so that a stale one is refused:
 *
 *      63            32 31         2 1 0
 *     +----------------+------------+---+
 *     |   generation   |   index    | 0 |    neither begins at 0
 *     +----------------+------------+---+
 *
 * Each carries the rights it was opened with (rules G-3, G-4).
 * Threads: any; own lock (rank handles).
 */
#ifndef NTMM_OBJECT_HANDLE_H
#define NTMM_OBJECT_HANDLE_H

#include <ntmm/status.h>
#include <ntmm/types.h>

#include "base/lock.h"
#include "object/object.h"

/* A handle that holds a reference of its own. PROCESS_QUERY_INFORMATION brings
 * PROCESS_QUERY_LIMITED_INFORMATION with it, so that calls for which either will do ask for the
 * latter. STATUS_NO_MEMORY. */
NTSTATUS handle_open(struct object *object, uint32_t access, HANDLE *handle);
/* STATUS_INVALID_HANDLE for NULL, stale, unaligned and pseudo handles. */
NTSTATUS handle_close(HANDLE handle);
/* The object, with a reference for the caller. STATUS_INVALID_HANDLE; STATUS_OBJECT_TYPE_MISMATCH;
 * STATUS_ACCESS_DENIED when a bit of `access` is not granted. */
NTSTATUS handle_reference(HANDLE handle, enum object_type type, uint32_t access,
                          struct object **object);

/* Around fork. */
void handles_fork(enum fork_step step);
/* In a forked child, where nobody else is: each object of a type that has a handle, perhaps several times. */
void handles_visit(enum object_type type, void (*visit)(struct object *object));

#endif
