/* SPDX-License-Identifier: MIT
 *
 * Stands in for <winternl.h>, so that sources written for Windows compile unchanged.
 */
#ifndef NTMM_WIN32_WINTERNL_H
#define NTMM_WIN32_WINTERNL_H
#include <ntmm/ntapi.h>
#endif
