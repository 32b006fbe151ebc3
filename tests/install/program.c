/* SPDX-License-Identifier: MIT
 * A stranger's first program, in what C11 and C++17 have in common. */
#include <ntmm/machine.h>
#include <ntmm/thread.h>
#include <ntmm/windows.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	ntmm_machine_config config;
	memset(&config, 0, sizeof config);
	config.size = sizeof config;
	config.ram_bytes = 8 << 20;
	config.paging_file_bytes = 64 << 20;
	ntmm_machine *machine;
	if (ntmm_machine_create(&config, &machine) != STATUS_SUCCESS)
		return printf("no machine: %s\n", ntmm_error_message()), 1;
	HANDLE process = ntmm_process_create(machine, NTMM_LAYOUT_NT32_2GB);
	void *p = VirtualAllocEx(process, NULL, 1 << 20, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	char text[6] = "";
	WriteProcessMemory(process, p, "hello", 6, NULL);
	ReadProcessMemory(process, p, text, 6, NULL);
	puts(text);
	CloseHandle(process);
	ntmm_machine_destroy(machine);
	return strcmp(text, "hello") != 0;
}
