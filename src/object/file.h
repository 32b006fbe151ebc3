/* SPDX-License-Identifier: MIT
 *
 * Files as objects: a node, what may be done with it through a handle, and a position.
 *
 * Threads: any. (f) guarded by `lock` (rank leaf).
 */
#ifndef NTMM_OBJECT_FILE_H
#define NTMM_OBJECT_FILE_H

#include "object/file_node.h"
#include "object/handle.h"

struct file {
	struct object object;
	struct file_node *node; /* with a reference */
	uint32_t access, share; /* specific FILE_ bits */
	struct lock lock;
	uint64_t position; /* (f) where SetEndOfFile cuts */
};

/* GENERIC_ bits become those they stand for on files. */
uint32_t file_specific_access(uint32_t access);

struct file_request {
	const char *path; /* the host's */
	uint32_t access, share;
	uint32_t disposition; /* CREATE_NEW to TRUNCATE_EXISTING */
};

/* *existed: it was there before. Errors: those of CreateFile (ntmm/windows.h). When cutting an
 * existing file fails, it is as it was. */
NTSTATUS file_open_path(const struct file_request *request, HANDLE *handle, bool *existed);
/* A handle over a duplicate of a host descriptor. Errors as file_node_open. */
NTSTATUS file_open_fd(int fd, uint32_t access, HANDLE *handle);

/* As handle_reference. */
NTSTATUS file_reference(HANDLE handle, uint32_t access, struct file **file);
void file_release(struct file *file);

enum { FILE_FROM_BEGIN, FILE_FROM_CURRENT, FILE_FROM_END, FILE_ORIGINS };

/* Moves the position, beyond the end if need be. *is_negative: it would lie before the start.
 * STATUS_INVALID_PARAMETER. */
NTSTATUS file_seek(struct file *file, int64_t distance, uint32_t origin, uint64_t *position,
                   bool *is_negative);
/* The file ends at the position. As file_node_set_size. */
NTSTATUS file_end_here(struct file *file);

/* In a forked child, where nobody else is: its lock is free. */
void file_forked(struct object *object);

#endif
