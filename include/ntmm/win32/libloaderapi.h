/* SPDX-License-Identifier: MIT
 *
 * Stands in for <libloaderapi.h>, so that sources written for Windows compile unchanged.
 */
#ifndef NTMM_WIN32_LIBLOADERAPI_H
#define NTMM_WIN32_LIBLOADERAPI_H
#include <ntmm/windows.h>
#endif
