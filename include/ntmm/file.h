/* SPDX-License-Identifier: MIT
 *
 * Files of the host as handles.
 *
 * What this is: the way from a descriptor to a HANDLE that CreateFileMapping, GetFileSizeEx,
 * SetEndOfFile ... take (windows.h); CreateFile is the way from a path. However it was opened, all
 * handles of one host file are of the same file: their data sections share pages (SC-14).
 *
 * Threads: any.
 */
#ifndef NTMM_FILE_H
#define NTMM_FILE_H

#include <ntmm/status.h>
#include <ntmm/types.h>

NTMM_BEGIN

/* `access`: GENERIC_ or FILE_ rights, which the descriptor must have: to execute, one must be able
 * to read; one with O_APPEND cannot be written at any place. The handle has a duplicate of its
 * own, so that `fd` may be closed; it shares reading, writing and deleting with others. While it
 * is open, and as long as anything of the file is mapped, POSIX record locks of this process on
 * the file are at risk: closing a descriptor drops them. STATUS_INVALID_HANDLE: no descriptor;
 * STATUS_ACCESS_DENIED: it does not let one do that, or is of a directory; STATUS_NOT_SUPPORTED:
 * of something else than a file; STATUS_SHARING_VIOLATION: as 32 of CreateFile;
 * STATUS_TOO_MANY_OPENED_FILES; STATUS_INSUFFICIENT_RESOURCES; STATUS_NO_MEMORY. */
NTMM_API NTSTATUS ntmm_file_from_fd(int fd, DWORD access, HANDLE *file);

NTMM_END
#endif
