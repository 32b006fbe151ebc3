/* SPDX-License-Identifier: MIT
 *
 * Stands in for <sysinfoapi.h>, so that sources written for Windows compile unchanged.
 */
#ifndef NTMM_WIN32_SYSINFOAPI_H
#define NTMM_WIN32_SYSINFOAPI_H
#include <ntmm/windows.h>
#endif
