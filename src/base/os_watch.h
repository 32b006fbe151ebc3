/* SPDX-License-Identifier: MIT
 *
 * The host notes which pages were stored to: userfaultfd write protection that resolves its faults by
 * itself, and PAGEMAP_SCAN to ask (Linux 6.7).
 *
 * What this is: pages are *armed*; the first store to an armed page, by the program or by the kernel on
 * its behalf, makes it a written one, at the cost of a fault that no handler sees. It stays so
 * whatever protection it gets, until it is armed again. A page whose contents go is neither.
 *
 * Conventions: as os_pages.h. What is armed does not pass to a forked child.
 */
#ifndef NTMM_BASE_OS_WATCH_H
#define NTMM_BASE_OS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct os_watch {
	int faults, map; /* descriptors */
};

/* ENOSYS, EPERM, EINVAL: the host has nothing of the kind, or forbids it. */
int os_watch_begin(struct os_watch *watch);
/* Nothing is armed any more. */
void os_watch_end(struct os_watch *watch);

/* Private memory, mapped in any way, from now on in small pages. ENOMEM: some may be armed. */
int os_watch_arm(const struct os_watch *watch, void *address, size_t bytes);

/* Addresses of pages in a row. */
struct os_written {
	uint64_t start, end;
	uint64_t kind; /* the host's word */
};
struct os_watch_scan {
	uint64_t start, end;      /* of memory that is armed or written, all of it */
	bool rearm;               /* what is found is armed again, in the same step */
	struct os_written *found; /* ascending; NULL: only to rearm */
	size_t room;
	uint64_t most;            /* pages to be found; UINT64_MAX */
	size_t count;             /* is told: of `found` */
	uint64_t stop;            /* is told: all before has been looked at */
};
/* EPERM: some of it is neither armed nor written: it has been lost. */
int os_watch_scan(const struct os_watch *watch, struct os_watch_scan *scan);

#endif
