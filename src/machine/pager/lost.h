/* SPDX-License-Identifier: MIT
 *
 * Tables in the paging file that could not be read when the pages they describe went: the slots named
 * in them are still taken. They are tried again when a process ends, when slots are wanted, and when
 * the machine is balanced. What can never be read stays taken until the machine ends.
 *
 * Conventions: pager.h. The pager's lock is held.
 */
#ifndef NTMM_MACHINE_PAGER_LOST_H
#define NTMM_MACHINE_PAGER_LOST_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/store/stores.h"

struct lost_table {
	slot_t slot;
	unsigned level; /* of the table: 1 names pages, others tables */
};

struct lost_tables {
	struct lost_table *tables;
	uint32_t count, capacity;
};

struct pager;

/* The slot is the list's from then on. Without host memory for it, what it names is lost. */
void lost_add(struct pager *pager, struct lost_table table);
/* Drops and retakes the lock. Whether slots were given back; stops at the first failure. */
bool lost_recover(struct pager *pager);

#endif
