/* SPDX-License-Identifier: MIT
 *
 * What the host takes for work that rows compare with.
 */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include "bench.h"

/* ns a page: the first store to each page of a new mapping, huge pages off. */
double host_first_touch(uint64_t bytes);

/* An unnamed file where machines put their paging files by default, filled and so in the cache. */
int host_cached_file(uint64_t bytes);

/* One barrier in all other running threads of the process, as the library makes it. */
void host_barrier(void);

#endif
