/* SPDX-License-Identifier: MIT
 *
 * Replays: what is counted adds up, in JSON too; what is verified is really compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "replay_process.h"

#define KB 1024
#define BASE UINT64_C(0x10000000)
#define PROCESSES 3
#define PAGES 200
#define ROUNDS 4

/* ---- several processes that do not fit in RAM --------------------------------------------------- */

/* Each page of a process is stored to and loaded from in each round: more than RAM holds. */
static char *write_trace(unsigned process)
{
	char *path = NULL;
	assert_true(asprintf(&path, "/tmp/ntmm-test-%ju-%u", (uintmax_t)getpid(), process) > 0);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (uint64_t page = 0; page < PAGES; page++) {
			uint64_t address = BASE + page * 4096 + process * 24 + round;
			fprintf(file, " S %jx,%u\n L %jx,9\n", (uintmax_t)address, 1 + round, (uintmax_t)address);
		}
		fprintf(file, "I  %jx,5\n M %jx,4\n", (uintmax_t)BASE, (uintmax_t)BASE);
	}
	fclose(file);
	return path;
}

struct fixture {
	struct replay_plan plan;
	struct replay_run runs[2];
	struct trace_file traces[PROCESSES];
	struct replay_machine_plan plans[2];
	char *paths[PROCESSES];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	fixture->plans[0] = (struct replay_machine_plan){1024 * KB, true};
	fixture->plans[1] = (struct replay_machine_plan){8192 * KB, true};
	fixture->plan = (struct replay_plan){
		.traces = fixture->traces,
		.traces_count = PROCESSES,
		.plans = fixture->plans,
		.machines = 2,
		.paging_files = {{{.maximum_bytes = 16 * KB * KB}}, 1, true},
		.layout = NTMM_LAYOUT_NT32_2GB,
		.verify = true,
	};
	for (unsigned i = 0; i < PROCESSES; i++) {
		fixture->paths[i] = write_trace(i);
		assert_true(trace_file_begin(&fixture->traces[i], fixture->paths[i], true));
	}
	for (int i = 0; i < 2; i++) {
		fixture->runs[i].plan = fixture->plans[i];
		fixture->runs[i].processes = calloc(PROCESSES, sizeof(struct replay_counts));
		struct progress progress;
		struct failure failure = {0};
		progress_begin(&progress, "test");
		if (!replay_machine(&fixture->plan, &fixture->runs[i], NULL, &progress, &failure))
			fail_msg("%s", failure.text);
	}
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < PROCESSES; i++) {
		remove(fixture->paths[i]);
		free(fixture->paths[i]);
	}
	for (int i = 0; i < 2; i++)
		free(fixture->runs[i].processes);
	free(fixture);
	return 0;
}

static void counts_add_up(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 2; i++) {
		const struct replay_run *run = &fixture->runs[i];
		struct replay_counts sum = {0};
		for (int p = 0; p < PROCESSES; p++) {
			const struct replay_counts *own = &run->processes[p];
			assert_int_equal(own->references[REF_STORE], ROUNDS * PAGES);
			assert_int_equal(own->references[REF_LOAD], ROUNDS * PAGES);
			assert_int_equal(own->references[REF_FETCH], ROUNDS);
			assert_int_equal(own->references[REF_MODIFY], ROUNDS);
			assert_int_equal(own->pages, PAGES);
			assert_true(own->demand_zero >= own->pages);
			assert_true(own->working_set_peak <= run->plan.ram_bytes / 4096);
			assert_true(own->commit >= (PAGES + 15) / 16 * 16);
			sum.pages += own->pages;
			sum.demand_zero += own->demand_zero;
			sum.soft += own->soft;
			sum.hard += own->hard;
			sum.page_ins += own->page_ins;
			sum.page_outs += own->page_outs;
			sum.commit += own->commit;
		}
		assert_int_equal(replay_count_references(&run->machine), PROCESSES * ROUNDS * (2 * PAGES + 2));
		assert_int_equal(run->machine.pages, sum.pages);
		assert_int_equal(run->machine.demand_zero, sum.demand_zero);
		assert_int_equal(run->machine.soft, sum.soft);
		assert_int_equal(run->machine.hard, sum.hard);
		assert_int_equal(run->machine.page_ins, sum.page_ins);
		assert_int_equal(run->machine.page_outs, sum.page_outs);
		assert_true(run->machine.commit >= sum.commit);
		assert_true(run->machine.commit <= run->commit_limit);
		assert_true(run->machine.working_set_peak <= run->plan.ram_bytes / 4096);
	}
}

static void less_ram_means_more_paging(void **state)
{
	const struct replay_run *runs = ((struct fixture *)*state)->runs;
	assert_true(runs[0].machine.hard > 0 && runs[0].machine.page_ins > PROCESSES * PAGES);
	assert_true(runs[0].machine.page_outs > PROCESSES * PAGES);
	assert_int_equal(runs[1].machine.hard, 0);
	assert_int_equal(runs[1].machine.page_outs, 0);
	assert_int_equal(runs[1].machine.working_set_peak, PROCESSES * PAGES);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static uint64_t number(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);
	assert_true(json_is_integer(value));
	return (uint64_t)json_integer_value(value);
}

static void json_holds_the_totals(void **state)
{
	struct fixture *fixture = *state;
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	assert_true(replay_print_json(&fixture->plan, fixture->runs, stream));
	fclose(stream);
	json_error_t error;
	json_t *whole = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!whole)
		fail_msg("line %d: %s in\n%s", error.line, error.text, text);
	assert_string_equal(json_string_value(json_object_get(whole, "layout")), "nt32-2gb");
	assert_true(json_is_true(json_object_get(whole, "verified")));
	json_t *machines = json_object_get(whole, "machines"), *run;
	size_t at;
	assert_int_equal(json_array_size(machines), 2);
	json_array_foreach(machines, at, run) {
		static const char *const keys[] = {"references", "fetches", "loads", "stores", "modifies",
		                                   "pages_touched", "demand_zero_faults", "soft_faults",
		                                   "hard_faults", "page_ins", "page_outs"};
		json_t *processes = json_object_get(run, "processes"), *process;
		json_t *machine = json_object_get(run, "machine");
		assert_int_equal(number(run, "ram_bytes"), fixture->plans[at].ram_bytes);
		assert_int_equal(json_array_size(processes), PROCESSES);
		for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
			uint64_t sum = 0;
			size_t p;
			json_array_foreach(processes, p, process)
				sum += number(process, keys[i]);
			assert_int_equal(number(machine, keys[i]), sum);
		}
		assert_int_equal(number(machine, "hard_faults"), fixture->runs[at].machine.hard);
		assert_string_equal(json_string_value(json_object_get(json_array_get(processes, 1), "trace")),
		                    fixture->paths[1]);
	}
	json_decref(whole);
	free(text);
}

/* ---- one process at a time ----------------------------------------------------------------------- */

struct one {
	ntmm_machine *machine;
	struct replay_process process;
	struct failure failure;
};

static struct one open_one(const char *text, ntmm_layout layout)
{
	struct one one = {0};
	ntmm_machine_config config = {
		.size = sizeof config, .ram_bytes = 1024 * KB, .paging_file_bytes = 1024 * KB};
	assert_int_equal(ntmm_machine_create(&config, &one.machine), STATUS_SUCCESS);
	struct trace *trace = trace_open(input_of_memory(text, strlen(text)), "t");
	if (!replay_process_open(&one.process, one.machine, layout, trace, true, &one.failure))
		fail_msg("%s", one.failure.text);
	return one;
}

static void close_one(struct one *one)
{
	replay_process_close(&one->process);
	ntmm_machine_destroy(one->machine);
	free(one->failure.text);
}

static void assert_failure(const struct failure *failure, enum exit_status status, const char *text)
{
	assert_int_equal(failure->status, status);
	if (strncmp(failure->text, text, strlen(text)) != 0)
		fail_msg("'%s' instead of '%s'", failure->text, text);
}

static void overwrite(struct one *one, uint64_t address, unsigned char byte)
{
	assert_true(WriteProcessMemory(one->process.handle, (void *)(uintptr_t)address, &byte, 1, NULL));
}

static void damage_is_found_at_the_end(void **state)
{
	struct one one = open_one(" S 10000,4\n L 20000,1\n", NTMM_LAYOUT_NT32_2GB);
	(void)state;
	assert_true(replay_process_turn(&one.process, &one.failure));
	assert_true(one.process.over);
	assert_true(replay_process_verify(&one.process, &one.failure));
	overwrite(&one, 0x20123, 0xee); /* never stored: it must be zero */
	assert_false(replay_process_verify(&one.process, &one.failure));
	assert_failure(&one.failure, EXIT_FAILED, "t: process ");
	assert_non_null(strstr(one.failure.text, ", 0x20123: expected 0x00, found 0xee"));
	close_one(&one);
}

static void damage_is_found_by_a_load(void **state)
{
	char text[REPLAY_TURN * 12 + 32] = "";
	(void)state;
	for (int i = 0; i < REPLAY_TURN; i++)
		strcat(text, " S 10010,8\n");
	strcat(text, " L 10014,1\n");
	struct one one = open_one(text, NTMM_LAYOUT_NT64_128TB);
	assert_true(replay_process_turn(&one.process, &one.failure));
	unsigned char byte;
	assert_true(ReadProcessMemory(one.process.handle, (void *)0x10014, &byte, 1, NULL));
	overwrite(&one, 0x10014, byte ^ 1);
	assert_false(replay_process_turn(&one.process, &one.failure));
	assert_failure(&one.failure, EXIT_FAILED, "t: process ");
	assert_non_null(strstr(one.failure.text, ", 0x10014: expected 0x"));
	close_one(&one);
}

static void trace_may_end_with_a_turn(void **state)
{
	char text[REPLAY_TURN * 12 + 1] = "";
	(void)state;
	for (int i = 0; i < REPLAY_TURN; i++)
		strcat(text, " S 10010,8\n");
	struct one one = open_one(text, NTMM_LAYOUT_NT32_2GB);
	assert_true(replay_process_turn(&one.process, &one.failure));
	assert_false(one.process.over);
	assert_true(replay_process_turn(&one.process, &one.failure));
	assert_true(one.process.over);
	assert_int_equal(one.process.references[REF_STORE], REPLAY_TURN);
	close_one(&one);
}

/* Just the bytes of a store change, whatever its size and place; loads see them. */
static void stores_are_exact(void **state)
{
	(void)state;
	for (unsigned offset = 0; offset < 16; offset++) {
		for (unsigned bytes = 1; bytes <= 40; bytes++) {
			char text[200];
			uint64_t at = 0x20ff0 + offset; /* some cross into the next page */
			snprintf(text, sizeof text, " S %jx,%u\n L %jx,%u\n M %jx,%u\n", (uintmax_t)at, bytes,
			         (uintmax_t)at - 8, bytes + 16, (uintmax_t)at, bytes);
			struct one one = open_one(text, NTMM_LAYOUT_WOW64_4GB);
			if (!replay_process_turn(&one.process, &one.failure) ||
			    !replay_process_verify(&one.process, &one.failure))
				fail_msg("%s", one.failure.text);
			unsigned char memory[64];
			assert_true(ReadProcessMemory(one.process.handle, (void *)(uintptr_t)(at - 8), memory,
			                              sizeof memory, NULL));
			assert_memory_equal(memory, "\0\0\0\0\0\0\0\0", 8);
			assert_memory_equal(memory + 8 + bytes, "\0\0\0\0\0\0\0\0", 8);
			close_one(&one);
		}
	}
}

static void largest_reference_spans_granules(void **state)
{
	struct one one = open_one(" M 1fff8,65536\n", NTMM_LAYOUT_NT64_8TB);
	(void)state;
	if (!replay_process_turn(&one.process, &one.failure))
		fail_msg("%s", one.failure.text);
	struct replay_counts counts;
	assert_true(replay_process_count(&one.process, &counts, &one.failure));
	assert_int_equal(counts.pages, 17);
	assert_true(replay_process_verify(&one.process, &one.failure));
	close_one(&one);
}

static void misfits_are_named(void **state)
{
	static const struct {
		const char *text;
		ntmm_layout layout;
		const char *failure;
	} rows[] = {
		{"10000 R\nffff R\n", NTMM_LAYOUT_NT32_2GB,
		 "t:2: the trace does not fit the layout: 1 bytes at 0xffff"},
		{"0 W\n", NTMM_LAYOUT_NT64_128TB, "t:1: the trace does not fit the layout: 1 bytes at 0x0"},
		{"80000000 W\n", NTMM_LAYOUT_NT32_2GB, "t:1: the trace does not fit"},
		{"bfff0000 W\n", NTMM_LAYOUT_NT32_3GB, "t:1: the trace does not fit"},
		{"100000000 W\n", NTMM_LAYOUT_WOW64_4GB, "t:1: the trace does not fit"},
		{"80000000000 R\n", NTMM_LAYOUT_NT64_8TB, "t:1: the trace does not fit"},
		{"800000000000 R\n", NTMM_LAYOUT_NT64_128TB, "t:1: the trace does not fit"},
		{"ffffffffffffffff R\n", NTMM_LAYOUT_NT64_128TB, "t:1: the trace does not fit"},
		{"I  7ffeffff,2\n", NTMM_LAYOUT_NT32_2GB,
		 "t:1: the trace does not fit the layout: 2 bytes at 0x7ffeffff"},
		{"7ffe0000 W\n", NTMM_LAYOUT_NT64_8TB,
		 "t:1: the trace does not fit the layout: 0x7ffe0000 is taken"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct one one = open_one(rows[i].text, rows[i].layout);
		assert_false(replay_process_turn(&one.process, &one.failure));
		assert_failure(&one.failure, EXIT_WRONG, rows[i].failure);
		close_one(&one);
	}
}

static void commit_limit_is_named(void **state)
{
	char text[100 * 12] = "";
	(void)state;
	for (int i = 1; i < 64; i++)
		sprintf(text + strlen(text), "%x0000 W\n", i);
	struct one one = open_one(text, NTMM_LAYOUT_NT32_2GB);
	assert_false(replay_process_turn(&one.process, &one.failure));
	assert_failure(&one.failure, EXIT_FAILED, "t:");
	assert_non_null(strstr(one.failure.text, "the commit limit is reached"));
	close_one(&one);
}

int main(void)
{
	const struct CMUnitTest replays[] = {
		cmocka_unit_test(counts_add_up),
		cmocka_unit_test(less_ram_means_more_paging),
		cmocka_unit_test(json_holds_the_totals),
	};
	const struct CMUnitTest processes[] = {
		cmocka_unit_test(damage_is_found_at_the_end),
		cmocka_unit_test(damage_is_found_by_a_load),
		cmocka_unit_test(trace_may_end_with_a_turn),
		cmocka_unit_test(stores_are_exact),
		cmocka_unit_test(largest_reference_spans_granules),
		cmocka_unit_test(misfits_are_named),
		cmocka_unit_test(commit_limit_is_named),
	};
	int failed = cmocka_run_group_tests_name("replays", replays, set_up, tear_down);
	return failed + cmocka_run_group_tests_name("processes", processes, NULL, NULL);
}
