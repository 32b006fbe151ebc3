/* SPDX-License-Identifier: MIT
 *
 * ANSI strings, here UTF-8, as UTF-16.
 */
#ifndef NTMM_WIN32_WIDE_H
#define NTMM_WIN32_WIDE_H

#include <ntmm/windows.h>

/* A copy, to be freed with wide_free; NULL for NULL. False with a last error: 8, or 87 when it is no
 * UTF-8. */
bool wide_from(LPCSTR text, WCHAR **wide);
void wide_free(WCHAR *wide);

#endif
