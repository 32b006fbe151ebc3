/* SPDX-License-Identifier: MIT
 *
 * Stands in for <processthreadsapi.h>, so that sources written for Windows compile unchanged.
 */
#ifndef NTMM_WIN32_PROCESSTHREADSAPI_H
#define NTMM_WIN32_PROCESSTHREADSAPI_H
#include <ntmm/windows.h>
#endif
