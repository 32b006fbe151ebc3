/* SPDX-License-Identifier: MIT
 *
 * Stands in for <winnt.h>, so that sources written for Windows compile unchanged.
 */
#ifndef NTMM_WIN32_WINNT_H
#define NTMM_WIN32_WINNT_H
#include <ntmm/windows.h>
#endif
