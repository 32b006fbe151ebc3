/* SPDX-License-Identifier: MIT
 *
 * Memory that the host may take back with its contents when it is short of memory.
 *
 * What this is: pages that are *given up* keep their contents until the host wants their memory;
 * then the page is gone, and reads as zero. The first store to a page that was given up, by
 * whomever, makes it an ordinary one again, whether it was taken before or not.
 *
 * Conventions: as os_pages.h. Private memory that no file is mapped to.
 */
#ifndef NTMM_BASE_OS_LAZY_H
#define NTMM_BASE_OS_LAZY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OS_NOT_WRITABLE = 22 }; /* EINVAL */

/* Whether the host has all of this (Linux 5.14), and allows it. */
bool os_lazy_works(void);

/* The pages are given up; contents that are in swap go at once. EINVAL: some are locked; those
 * before are given up. */
int os_lazy_give(void *address, size_t bytes);
/* Each page is stored to, without a change. OS_NOT_WRITABLE; ENOMEM: some at the
 * beginning have been. */
int os_lazy_keep(void *address, size_t bytes);
/* Bit n of `pages` asks about the n-th page at `address`: those that have a byte which is not zero
 * are in *full. Nothing is raised. EFAULT: some cannot be read; EPERM, ENOSYS. */
int os_lazy_look(const void *address, uint64_t pages, uint64_t *full);

/* Whether the host may put a large page where a program touched a small one, or beside, without
 * being asked: then pages come into being that nobody has touched. */
bool os_lazy_may_fill(void);

#endif
