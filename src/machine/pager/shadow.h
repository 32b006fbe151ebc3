/* SPDX-License-Identifier: MIT
 *
 * Shadow page tables: those of the host's own processor, when it runs the code of a process's threads.
 *
 * What this is: the process's addresses, reserved in the host process. A page that a thread has a
 * translation for may be shown there: its frame is mapped, with the rights of the translation. So
 * what is shown is a TLB with as many lines as there are pages, and shoot.c keeps it like one:
 *
 *   A thread    shows a page while it is inside with a tag for it.
 *   A shooter   hides the pages after it has waited for those who were inside. The host takes a mapping
 *               away on all processors before the call returns, so there is nobody to wait for then.
 *
 * The host has few mappings, and each page may need one: when many have been shown, or the host
 * has no more, all are hidden, and come again by faults.
 *
 * Conventions: pager.h. Threads: shadow_show by any that has begun; (p) the rest.
 */
#ifndef NTMM_MACHINE_PAGER_SHADOW_H
#define NTMM_MACHINE_PAGER_SHADOW_H

#include <stdatomic.h>

#include "machine/pager/pager.h"

struct shadow {
	struct range parts[2]; /* below and above the shared page (AS-4), which is always shown */
	const uint8_t *ram;
	int ram_file;
	uint32_t threads;     /* (p) that have begun */
	_Atomic uint32_t shown; /* since all were hidden */
};

/* A thread begins (ends) to run so. STATUS_NOT_SUPPORTED: RAM is no file;
 * STATUS_CONFLICTING_ADDRESSES: something of the host process is in the way, or another process
 * that runs so; STATUS_NO_MEMORY. Complains. `range` has the shared page in it. */
NTSTATUS shadow_begin(struct page_map *map, struct range range);
void shadow_end(struct page_map *map);

/* `frame`: its bytes. `how`: OS_PAGE_ bits. False: the host has no mapping for it. */
bool shadow_show(struct shadow *shadow, uint64_t page, const void *frame, unsigned how);

/* Nobody accesses the pages, where there are any, by what was shown, once it returns. */
void shadow_hide(struct page_map *map, struct range range);
void shadow_hide_all(struct page_map *map);

#endif
