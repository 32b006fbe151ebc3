/* SPDX-License-Identifier: MIT
 *
 * Stands in for <psapi.h>, so that sources written for Windows compile unchanged.
 */
#ifndef NTMM_WIN32_PSAPI_H
#define NTMM_WIN32_PSAPI_H
#include <ntmm/windows.h>
#endif
