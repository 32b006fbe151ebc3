/* SPDX-License-Identifier: MIT
 *
 * The page at 0x7FFE0000 of this host process (AS-4): both kinds of Windows process that it can be have
 * one, but there is one place.
 *
 * It is zero and can be read, once the native process has begun; while a machine's process has its
 * memory in this host process, it is that machine's. Neither, when the host has something else there.
 * Threads: any.
 */
#ifndef NTMM_BASE_SHARED_PAGE_H
#define NTMM_BASE_SHARED_PAGE_H

#include "base/os_pages.h"
#include "base/units.h"

/* The native process begins. */
void shared_page_make(void);
/* What is to be seen there until shared_page_return(). OS_EXISTS; ENOMEM. Once at a time. */
int shared_page_lend(const struct os_showing *showing);
void shared_page_return(void);

#endif
