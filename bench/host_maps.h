/* SPDX-License-Identifier: MIT
 *
 * The host's own account of its mappings. PROCMAP_QUERY is of Linux 6.11; the definitions are our own,
 * since headers are often older.
 */
#ifndef BENCH_HOST_MAPS_H
#define BENCH_HOST_MAPS_H

#include "bench.h"

/* Mappings of this process. */
uint64_t host_mappings(void);
/* Bytes of it that are in memory and its own. */
uint64_t host_private_bytes(void);

/* -1: the host has no PROCMAP_QUERY. */
int host_maps_open(void);
/* The start of the mapping of an address; 0: there is none. */
uint64_t host_maps_query(int file, uint64_t address);

/* A reservation whose pages are readable and inaccessible in turn, so that each is a mapping. */
char *host_scatter(uint64_t mappings);

#endif
