/* SPDX-License-Identifier: MIT
 *
 * A store: a place where pages go that are not in RAM, and the operations of whatever holds them.
 *
 * Two kinds exist: a paging file on the host's disk, and the host's memory, for tests. Which pages
 * are free, what failed, and the schedule that a test may set, are common to both.
 *
 * Units: pages of the store, numbered from 1. Errors: 0 or an errno value; nothing is known then
 * about what was read or written.
 * Threads: (p) guarded by the pager's lock. store_read, store_write and store_grow take no lock and
 * may block on I/O: transfers may run in parallel, on pages that their callers own; one grows at a
 * time.
 */
#ifndef NTMM_MACHINE_STORE_STORE_H
#define NTMM_MACHINE_STORE_STORE_H

#include <stdatomic.h>

#include <ntmm/machine.h>

#include "machine/store/slots.h"

struct store;

struct store_operations {
	int (*read)(struct store *store, uint32_t page, void *pages, uint32_t count);
	int (*write)(struct store *store, uint32_t page, const void *pages, uint32_t count);
	/* Really provides pages up to `count`, which is at most slots.most. */
	int (*grow)(struct store *store, uint32_t count);
	void (*close)(struct store *store); /* frees the store; its contents are gone */
};

struct store {
	const struct store_operations *operations;
	struct slots slots; /* (p) count changes only while the store grows */
	uint32_t number;    /* of the paging file */
	uint32_t failures;  /* (p) writes failed since one went well */
	uint32_t alone;     /* (p) after a failed cluster: pages still to be tried by themselves */
	bool failed;        /* (p) for good: no page is written to it any more */
	_Atomic uint64_t read_errors, write_errors;
	ntmm_transfer_schedule schedule; /* NULL: none */
	void *context;
	_Atomic uint64_t transfers[NTMM_TRANSFER_KINDS];
};

/* Both provide `count` pages now, and can grow to `most`. *error says why when they return NULL. */

/* A paging file, its space really allocated; see os_file_create. */
struct store *paging_file_open(const char *where, uint32_t count, uint32_t most, int *error);
/* In the host's memory, which is taken as pages are written. */
struct store *memory_store_open(uint32_t count, uint32_t most, int *error);

int store_read(struct store *store, uint32_t page, void *pages, uint32_t count);
int store_write(struct store *store, uint32_t page, const void *pages, uint32_t count);
int store_grow(struct store *store, uint32_t count);

#endif
