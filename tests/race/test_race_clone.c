/* SPDX-License-Identifier: MIT
 *
 * A process is cloned while its threads store: the copy is what the process was at one moment, and stays
 * so; nothing that is stored is lost.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ntmm/machine.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

#define PAGE UINT64_C(4096)
#define WRITERS 2
#define PAIRS 12

struct writer {
	pthread_t thread;
	HANDLE process;
	uint64_t base; /* of its pages: 2 a pair */
	uint64_t rounds;
};

static atomic_bool ending;

/* The first page of a pair is always one ahead, or the same. */
static void *write_pairs(void *context)
{
	struct writer *w = context;
	ntmm_thread *thread = ntmm_thread_create(w->process, NULL);
	bool fine = thread;
	for (w->rounds = 0; fine && !atomic_load(&ending); w->rounds++)
		for (uint64_t i = 0; i < PAIRS && fine; i++) {
			uint64_t pair = w->base + 2 * i * PAGE;
			fine = ntmm_store64(thread, pair, w->rounds + 1) &&
			       ntmm_store64(thread, pair + PAGE + 8, w->rounds + 1);
		}
	ntmm_thread_destroy(thread);
	return fine ? NULL : w;
}

static void expect_pairs(ntmm_thread *thread, const struct writer *w, uint64_t seen[PAIRS])
{
	for (uint64_t i = 0; i < PAIRS; i++) {
		uint64_t first = 0, second = 0, pair = w->base + 2 * i * PAGE;
		assert_true(ntmm_load64(thread, pair, &first));
		assert_true(ntmm_load64(thread, pair + PAGE + 8, &second));
		assert_true(first == second || first == second + 1);
		assert_true(second >= seen[i]); /* nothing goes back */
		seen[i] = second;
	}
}

static void one_moment(void **state)
{
	ntmm_machine_config config = {
		.size = sizeof config, .ram_bytes = 1 << 20, .paging_file_bytes = 16 << 20};
	struct writer writers[WRITERS];
	uint64_t seen[WRITERS][PAIRS] = {{0}};
	ntmm_machine *machine;
	int rounds = getenv("NTMM_STRESS") ? 3000 : 60;
	(void)state;
	atomic_store(&ending, false);
	assert_int_equal(ntmm_machine_create(&config, &machine), 0);
	HANDLE process = ntmm_process_create(machine, NTMM_LAYOUT_NT64_128TB);
	for (int i = 0; i < WRITERS; i++) {
		LPVOID base = VirtualAllocEx(process, NULL, 2 * PAIRS * PAGE,
		                             MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
		writers[i] = (struct writer){.process = process, .base = (uintptr_t)base};
		assert_int_equal(
			pthread_create(&writers[i].thread, NULL, write_pairs, &writers[i]), 0);
	}
	for (int round = 0; round < rounds; round++) {
		HANDLE child = ntmm_process_clone(process);
		assert_non_null(child);
		ntmm_thread *thread = ntmm_thread_create(child, NULL);
		uint64_t again[PAIRS] = {0};
		for (int i = 0; i < WRITERS; i++)
			expect_pairs(thread, &writers[i], seen[i]);
		expect_pairs(thread, &writers[0], again);
		assert_memory_equal(again, seen[0], sizeof again); /* it stays so */
		ntmm_thread_destroy(thread);
		CloseHandle(child);
	}
	atomic_store(&ending, true);
	for (int i = 0; i < WRITERS; i++) {
		void *failed;
		pthread_join(writers[i].thread, &failed);
		assert_null(failed);
	}
	ntmm_thread *thread = ntmm_thread_create(process, NULL);
	for (int i = 0; i < WRITERS; i++)
		for (uint64_t n = 0, value; n < PAIRS; n++) {
			assert_true(ntmm_load64(thread, writers[i].base + 2 * n * PAGE, &value));
			assert_int_equal(value, writers[i].rounds);
		}
	if (!ntmm_machine_check(machine))
		fail_msg("%s", ntmm_error_message());
	ntmm_thread_destroy(thread);
	CloseHandle(process);
	ntmm_machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(one_moment)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
