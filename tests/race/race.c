/* SPDX-License-Identifier: MIT */
#include "race.h"

#include <sched.h>

#include "support/mode.h"

#define DEFAULT_SECONDS 4
#define STRESS_SECONDS 60

_Noreturn void race_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s does not hold (last error %u; %s)\n", file, line, what,
	        GetLastError(), ntmm_error_message());
	abort();
}

static _Atomic uint64_t deadline; /* nanoseconds */

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

void race_begin(unsigned tests)
{
	const char *seconds = getenv("NTMM_SECONDS");
	double all = getenv("NTMM_STRESS") ? STRESS_SECONDS : DEFAULT_SECONDS;
	if (seconds && *seconds)
		all = strtod(seconds, NULL);
	deadline = now() + (uint64_t)(all * 1e9 / tests);
}

bool race_goes_on(void)
{
	return now() < deadline;
}

void race_pause(uint64_t *state)
{
	uint64_t until = now() + draw(state) % 100000;
	do
		sched_yield();
	while (now() < until);
}

static void *run(void *context)
{
	struct runner *runner = context;
	runner->run(runner->context, runner->number);
	return NULL;
}

void race_start(struct runner *runner, void (*what)(void *context, unsigned number), void *context,
                unsigned number)
{
	*runner = (struct runner){.run = what, .context = context, .number = number};
	MUST(!pthread_create(&runner->host, NULL, run, runner));
}

void race_join(struct runner *runners, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		MUST(!pthread_join(runners[i].host, NULL));
}

ntmm_machine *race_machine(uint64_t frames, uint64_t slots)
{
	ntmm_machine_config config = {.size = sizeof config,
	                              .flags = test_mode(),
	                              .ram_bytes = frames * PAGE,
	                              .paging_file_bytes = slots * PAGE};
	ntmm_machine *machine;
	MUST(!setenv("NTMM_LINGER", "1", 1)); /* debug builds: base/linger.h */
	MUST(!ntmm_machine_create(&config, &machine));
	return machine;
}

void race_machine_end(ntmm_machine *machine)
{
	MUST(ntmm_machine_check(machine));
	ntmm_machine_counters c = test_rest(machine);
	MUST(c.processes == 0);
	MUST(c.commit_total == 0);
	MUST(c.resident_total == 0);
	MUST(c.slots_used == 0);
	MUST(c.ram == c.zeroed + c.free + c.fixed);
	ntmm_machine_destroy(machine);
}

ntmm_thread *race_thread(HANDLE process)
{
	ntmm_thread *thread = ntmm_thread_create(process, NULL);
	MUST(thread);
	return thread;
}

uint64_t race_commit(HANDLE process, uint64_t pages)
{
	void *base = VirtualAllocEx(process, NULL, pages * PAGE, MEM_RESERVE | MEM_COMMIT,
	                            PAGE_READWRITE);
	MUST(base);
	return (uint64_t)(uintptr_t)base;
}
