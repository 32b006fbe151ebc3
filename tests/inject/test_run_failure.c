/* SPDX-License-Identifier: MIT
 *
 * A machine with shared RAM whose thread this process runs, with the N-th request to the host failing: the
 * call says why, or the access raises STATUS_IN_PAGE_ERROR, and all goes well the next time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <ntmm/machine.h>
#include <ntmm/native.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#include "support/touch.h"
#include "wrapped.h"

#define PAGE 4096
#define PAGES 8

struct run {
	ntmm_machine *machine;
	HANDLE process;
	char *base;
};

/* Until it succeeds, which it does the second time at the latest. */
#define TRY(call, is_documented) \
	do { \
		uint64_t before = order.failures; \
		if (!(call)) { \
			assert_true(is_documented); \
			assert_true(order.failures > before); \
			assert_true(call); \
		} \
	} while (0)

static bool is_no_memory(void)
{
	DWORD error = GetLastError();
	return error == ERROR_NOT_ENOUGH_MEMORY || error == ERROR_NO_SYSTEM_RESOURCES;
}

static bool create(struct run *run)
{
	const ntmm_machine_config config = {.size = sizeof config,
	                                    .flags = NTMM_MACHINE_SHARED_RAM,
	                                    .ram_bytes = 1 << 20};
	return !ntmm_machine_create(&config, &run->machine);
}

static void bump_byte(void *address)
{
	bump(address);
}

static bool bump_at(char *address)
{
	EXCEPTION_RECORD record;
	if (ntmm_try(bump_byte, address, &record))
		return true;
	assert_int_equal(record.ExceptionCode, EXCEPTION_IN_PAGE_ERROR);
	assert_int_equal(record.ExceptionInformation[2], (DWORD)STATUS_INSUFFICIENT_RESOURCES);
	return false;
}

static void body(void *context)
{
	struct run *run = context;
	DWORD old;
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < PAGES; i++)
			TRY(bump_at(run->base + i * PAGE), true);
	TRY(VirtualProtect(run->base, PAGES * PAGE / 2, PAGE_READONLY, &old), is_no_memory());
	TRY(VirtualProtect(run->base, PAGES * PAGE / 2, PAGE_READWRITE, &old), is_no_memory());
	for (unsigned i = 0; i < PAGES; i++) {
		TRY(bump_at(run->base + i * PAGE), true);
		assert_int_equal(peek(run->base + i * PAGE), 3);
	}
}

static void scenario(void *context)
{
	struct run *run = context;
	ntmm_thread *thread;
	TRY(create(run), true);
	TRY((run->process = ntmm_process_create(run->machine, NTMM_LAYOUT_NT32_2GB)), is_no_memory());
	TRY((run->base = VirtualAllocEx(run->process, NULL, PAGES * PAGE, MEM_RESERVE | MEM_COMMIT,
	                                PAGE_READWRITE)),
	    is_no_memory());
	TRY((thread = ntmm_thread_create(run->process, NULL)), is_no_memory());
	TRY(ntmm_thread_run(thread, body, run), is_no_memory());
	assert_true(ntmm_machine_check(run->machine));
	ntmm_thread_destroy(thread);
	CloseHandle(run->process);
	ntmm_machine_destroy(run->machine);
}

static void every_request(void **state)
{
	struct run run;
	(void)state;
	assert_true(ntmm_native_take_signals()); /* in front of cmocka's */
	every_failure(&(struct every){.kinds = ALLOC | MAP | OPENS | CLOSES,
	                              .least = 20,
	                              .run = scenario,
	                              .context = &run});
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_request)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
