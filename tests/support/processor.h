/* SPDX-License-Identifier: MIT
 *
 * One processor for the calling thread: the host notes in batches, for each processor, which pages were
 * given up, and takes none that it has not noted.
 */
#ifndef TESTS_SUPPORT_PROCESSOR_H
#define TESTS_SUPPORT_PROCESSOR_H

#include <sched.h>

/* Whichever it is on. */
static inline void stay_on_processor(void)
{
	cpu_set_t set;
	int now = sched_getcpu();
	CPU_ZERO(&set);
	CPU_SET(now < 0 ? 0 : now, &set);
	(void)sched_setaffinity(0, sizeof set, &set);
}

#endif
