/* SPDX-License-Identifier: MIT
 *
 * The host's own write watch: userfaultfd write protection that the kernel lifts by itself, and the
 * PAGEMAP_SCAN that finds and protects again what was written. Linux 6.7 and later; the definitions
 * are our own, since headers are often older.
 */
#ifndef BENCH_HOST_WATCH_H
#define BENCH_HOST_WATCH_H

#include "bench.h"

struct host_watch {
	char *memory;
	uint64_t bytes;
	int fault_file, map_file;
	struct host_region *regions; /* room for the answer */
};

/* All pages are there, and count as not written. False: *why the host cannot do it. */
bool host_watch_begin(struct host_watch *watch, uint64_t bytes, const char **why);
void host_watch_end(struct host_watch *watch);
/* Collects and resets; how many pages were written. */
uint64_t host_watch_collect(struct host_watch *watch);

#endif
