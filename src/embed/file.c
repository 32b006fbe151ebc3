/* SPDX-License-Identifier: MIT
 *
 * Handles over the host's descriptors.
 */
#include <ntmm/file.h>

#include "object/file.h"

NTSTATUS ntmm_file_from_fd(int fd, DWORD access, HANDLE *file)
{
	return file ? file_open_fd(fd, access, file) : STATUS_INVALID_PARAMETER;
}
