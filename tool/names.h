/* SPDX-License-Identifier: MIT
 *
 * Error codes by name, from the lists in ntmm/status.h. NULL for what is in none.
 */
#ifndef TOOL_NAMES_H
#define TOOL_NAMES_H

#include <ntmm/types.h>

const char *error_name(DWORD error);
const char *status_name(NTSTATUS status);

#endif
