/* SPDX-License-Identifier: MIT
 *
 * UTF-16 strings as UTF-8, which is what the host's paths are.
 */
#ifndef NTMM_WIN32_NARROW_H
#define NTMM_WIN32_NARROW_H

#include <ntmm/windows.h>

/* A copy, to be freed with os_free. ERROR_INVALID_NAME: a surrogate without its other half;
 * ERROR_NO_SYSTEM_RESOURCES: no memory. */
DWORD narrow_from(LPCWSTR wide, char **narrow);

#endif
