/* SPDX-License-Identifier: MIT
 *
 * Stands in for <memoryapi.h>, so that sources written for Windows compile unchanged.
 */
#ifndef NTMM_WIN32_MEMORYAPI_H
#define NTMM_WIN32_MEMORYAPI_H
#include <ntmm/windows.h>
#endif
