/* SPDX-License-Identifier: MIT
 *
 * Stands in for <handleapi.h>, so that sources written for Windows compile unchanged.
 */
#ifndef NTMM_WIN32_HANDLEAPI_H
#define NTMM_WIN32_HANDLEAPI_H
#include <ntmm/windows.h>
#endif
