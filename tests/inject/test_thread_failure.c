/* SPDX-License-Identifier: MIT
 *
 * The host refuses the N-th thread of a machine that is to have some: there is no machine, and
 * nothing is left of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <ntmm/machine.h>

#include "wrapped.h"

#define PAGE UINT64_C(4096)

static NTSTATUS create(ntmm_machine **machine)
{
	const ntmm_machine_config config = {.size = sizeof config,
	                                    .flags = NTMM_MACHINE_THREADS,
	                                    .ram_bytes = 128 * PAGE,
	                                    .paging_file_bytes = 128 * PAGE};
	return ntmm_machine_create(&config, machine);
}

static void each_thread(void **state)
{
	ntmm_machine *machine = NULL;
	uint64_t n;
	(void)state;
	for (n = 1;; n++) {
		struct holdings before = holdings;
		order = (struct order){.kinds = THREAD, .first = n, .last = n};
		NTSTATUS status = create(&machine);
		if (!order.failures)
			break;
		assert_int_equal(status, STATUS_INSUFFICIENT_RESOURCES);
		assert_true(strlen(ntmm_error_message()) > 0);
		assert_null(machine);
		assert_memory_equal(&holdings, &before, sizeof before);
	}
	assert_true(n > 1);
	assert_non_null(machine);
	ntmm_machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
