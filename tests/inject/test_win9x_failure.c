/* SPDX-License-Identifier: MIT
 *
 * Windows 9x: machines, processes and views in what all share, each time with another allocation that
 * fails: the error is told, nothing is kept, and nothing has changed (W9-11, G-2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <ntmm/machine.h>
#include <ntmm/ntapi.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#include "wrapped.h"

static NTSTATUS create(ntmm_machine **machine)
{
	ntmm_machine_config config = {.size = sizeof config,
	                              .flags = NTMM_MACHINE_WIN9X,
	                              .ram_bytes = 4 << 20,
	                              .paging_file_bytes = 16 << 20};
	return ntmm_machine_create(&config, machine);
}

static void begin_failures(uint64_t fails_at)
{
	order = (struct order){.kinds = ALLOC | MAP, .first = fails_at, .last = fails_at};
}

/* Whether an order to fail has been carried out; there are none any more. */
static bool end_failures(void)
{
	bool failed = order.failures;
	order = (struct order){0};
	return failed;
}

static void machines(void **unused)
{
	(void)unused;
	bool failed = true;
	unsigned failures = 0;
	for (uint64_t at = 1; failed; at++) {
		ntmm_machine *machine = NULL;
		struct holdings before = holdings;
		begin_failures(at);
		NTSTATUS status = create(&machine);
		failed = end_failures();
		failures += failed;
		assert_int_equal(status != STATUS_SUCCESS, failed);
		if (failed)
			assert_null(machine);
		else
			assert_true(ntmm_machine_check(machine));
		ntmm_machine_destroy(machine);
		assert_memory_equal(&holdings, &before, sizeof before);
	}
	assert_true(failures >= 5); /* the machine, its parts, the arena, its runs */
}

struct scene {
	ntmm_machine *machine;
	HANDLE process[2], section;
	ntmm_thread *thread;
};

static void scene_begin(struct scene *s)
{
	assert_int_equal(create(&s->machine), STATUS_SUCCESS);
	for (int i = 0; i < 2; i++)
		assert_non_null(s->process[i] = ntmm_process_create(s->machine, NTMM_LAYOUT_WIN9X));
	assert_non_null(s->thread = ntmm_thread_create(s->process[0], NULL));
	assert_true(ntmm_thread_attach(s->thread));
	s->section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 0x4000, NULL);
	assert_non_null(s->section);
}

static void scene_end(struct scene *s)
{
	assert_true(ntmm_machine_check(s->machine));
	CloseHandle(s->section);
	ntmm_thread_detach();
	ntmm_thread_destroy(s->thread);
	for (int i = 0; i < 2; i++)
		CloseHandle(s->process[i]);
	ntmm_machine_destroy(s->machine);
}

static char *map(const struct scene *s, int who)
{
	return MapViewOfFile2(s->section, s->process[who], 0, NULL, 0, 0, PAGE_READWRITE);
}

/* The first view, and that of another process of the same; at last both go. */
static void views(void **unused)
{
	(void)unused;
	struct scene s;
	scene_begin(&s);
	char *view = NULL;
	for (int who = 0; who < 2; who++) {
		char *mapped = NULL;
		unsigned failures = 0;
		for (uint64_t at = 1; !mapped; at++) {
			begin_failures(at);
			mapped = map(&s, who);
			bool failed = end_failures();
			failures += failed;
			assert_true(mapped || failed);
			assert_true(ntmm_machine_check(s.machine));
		}
		assert_true(failures > 0);
		assert_true(!view || view == mapped);
		view = mapped;
	}
	assert_true(ntmm_store8(s.thread, (uintptr_t)view, 1));
	begin_failures(1);
	order.last = UINT64_MAX; /* there is no memory at all */
	assert_true(UnmapViewOfFile(view));
	assert_int_equal(NtTerminateProcess(s.process[1], 0), STATUS_SUCCESS);
	end_failures();
	assert_true(ntmm_machine_check(s.machine));
	assert_true(CloseHandle(s.process[0]));
	assert_non_null(s.process[0] = ntmm_process_create(s.machine, NTMM_LAYOUT_WIN9X));
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machines),
		cmocka_unit_test(views),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
