/* SPDX-License-Identifier: MIT
 *
 * Tests whose machines may do their work in steps or by threads of their own: with NTMM_TEST_THREADS in
 * the environment they have threads. CTest runs them in both ways: NAME and NAME-threads.
 */
#ifndef TESTS_SUPPORT_MODE_H
#define TESTS_SUPPORT_MODE_H

#include <stdlib.h>

#include <ntmm/machine.h>

/* For ntmm_machine_config.flags. */
static inline uint32_t test_mode(void)
{
	return getenv("NTMM_TEST_THREADS") ? NTMM_MACHINE_THREADS : 0;
}

#endif
