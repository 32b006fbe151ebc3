/* SPDX-License-Identifier: MIT
 *
 * Stands in for <errhandlingapi.h>, so that sources written for Windows compile unchanged.
 */
#ifndef NTMM_WIN32_ERRHANDLINGAPI_H
#define NTMM_WIN32_ERRHANDLINGAPI_H
#include <ntmm/windows.h>
#endif
