/* SPDX-License-Identifier: MIT
 *
 * What tests run on that CTest runs in several ways.
 *
 *      NAME           machines that do their work in steps
 *      NAME-threads   NTMM_TEST_THREADS: by threads of their own
 *      NAME-native    NTMM_TEST_NATIVE: no machine, but the process that the test is
 *      NAME-bare      NTMM_TEST_BARE as well: on a host that seems to know no guards
 */
#ifndef TESTS_SUPPORT_MODE_H
#define TESTS_SUPPORT_MODE_H

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include <ntmm/machine.h>

/* For ntmm_machine_config.flags. */
static inline uint32_t test_mode(void)
{
	return getenv("NTMM_TEST_THREADS") ? NTMM_MACHINE_THREADS : 0;
}

static inline bool test_native(void)
{
	return getenv("NTMM_TEST_NATIVE") != NULL;
}

/* The counters once no page is on its way to or from a store: what is written of a page that has gone
 * holds its frame and its slot until then. After 5 s, as they are. */
static inline ntmm_machine_counters test_rest(ntmm_machine *machine)
{
	ntmm_machine_counters counters = {.size = sizeof counters};
	for (int waits = 0; waits < 5000; waits++) {
		if (ntmm_machine_get_counters(machine, &counters) || !counters.transition)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return counters;
}

#endif
