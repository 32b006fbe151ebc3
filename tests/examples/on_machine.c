/* SPDX-License-Identifier: MIT
 *
 * Runs a program of ../examples, whose main is called example_main here, on a machine: all memory
 * that it allocates by Windows' calls is the machine's. $NTMM_TEST_RAM: MB of RAM, with a paging file
 * of 64 MB; default 64.
 */
#include <stdio.h>
#include <stdlib.h>

#include <ntmm/machine.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>

int example_main(void);

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	printf("cannot %s: error %u, %s\n", what, GetLastError(), ntmm_error_message());
	exit(1);
}

struct run {
	DWORD process; /* that the program should see itself in */
	int result;
};

static void run(void *context)
{
	struct run *run = context;
	must(GetCurrentProcessId() == run->process, "be in the machine's process");
	run->result = example_main();
}

int main(void)
{
	const char *megabytes = getenv("NTMM_TEST_RAM");
	const ntmm_machine_config config = {
		.size = sizeof config,
		.flags = NTMM_MACHINE_SHARED_RAM,
		.ram_bytes = strtoul(megabytes ? megabytes : "64", NULL, 10) << 20,
		.paging_file_bytes = 64 << 20,
	};
	ntmm_machine *machine;
	struct run program = {.result = 1};
	must(!ntmm_machine_create(&config, &machine), "create a machine");
	HANDLE process = ntmm_process_create(machine, NTMM_LAYOUT_NT64_8TB);
	must(process, "create a process");
	program.process = GetProcessId(process);
	ntmm_thread *thread = ntmm_thread_create(process, NULL);
	must(thread, "create a thread");
	must(ntmm_thread_run(thread, run, &program), "run the program");
	ntmm_thread_destroy(thread);
	CloseHandle(process);
	ntmm_machine_destroy(machine);
	return program.result;
}
