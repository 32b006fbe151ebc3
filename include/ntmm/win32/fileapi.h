/* SPDX-License-Identifier: MIT
 *
 * Stands in for <fileapi.h>, so that sources written for Windows compile unchanged.
 */
#ifndef NTMM_WIN32_FILEAPI_H
#define NTMM_WIN32_FILEAPI_H
#include <ntmm/windows.h>
#endif
