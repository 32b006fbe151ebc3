/* SPDX-License-Identifier: MIT
 *
 * Stands in for <windows.h>, so that sources written for Windows compile unchanged.
 */
#ifndef NTMM_WIN32_WINDOWS_H
#define NTMM_WIN32_WINDOWS_H
#include <ntmm/windows.h>
#endif
