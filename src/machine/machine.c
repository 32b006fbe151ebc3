/* SPDX-License-Identifier: MIT
 *
 * Machines begin and end; so do their processes.
 */
#include "machine/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/os.h"
#include "machine/pager/events.h"
#include "machine/pager/page_map.h"

#define DEFAULT_RAM (UINT64_C(64) << 20)
#define MINIMUM_FRAMES \
	UINT64_C(64) /* the system, the reserve twice, a process and some pages for it */
#define MAXIMUM_FRAMES (UINT64_C(16) << 40 >> PAGE_SHIFT)
#define KNOWN_FLAGS (NTMM_MACHINE_NO_NX | NTMM_MACHINE_NO_CLUSTERS)

static bool check_config(const ntmm_machine_config *config, uint64_t ram)
{
	if (config->size != sizeof *config)
		return complain("configuration size is %u, not %zu", config->size, sizeof *config);
	if (config->flags & ~(uint32_t)KNOWN_FLAGS)
		return complain("unknown flags %#x", config->flags);
	if (ram % PAGE_BYTES)
		return complain("RAM of %lu bytes is not whole pages", ram);
	if (page_of(ram) < MINIMUM_FRAMES)
		return complain("RAM of %lu KB is too small to run a process: at least %lu KB",
		                ram >> 10, address_of(MINIMUM_FRAMES) >> 10);
	if (page_of(ram) >= MAXIMUM_FRAMES)
		return complain("RAM of %lu GB is more than a machine can have: below 16384 GB",
		                ram >> 30);
	if (config->paging_file_bytes % PAGE_BYTES)
		return complain("paging file of %lu bytes is not whole pages",
		                config->paging_file_bytes);
	if (page_of(config->paging_file_bytes) >= MAXIMUM_FRAMES)
		return complain("paging file of %lu GB is too large: below 16384 GB",
		                config->paging_file_bytes >> 30);
	return true;
}

static const char *paging_file_place(const ntmm_machine_config *config)
{
	const char *temporary = getenv("TMPDIR");
	if (config->paging_file_path)
		return config->paging_file_path;
	return temporary && *temporary ? temporary : "/tmp";
}

static NTSTATUS status_of_errno(int error)
{
	switch (error) {
	case ENOMEM:
		return STATUS_NO_MEMORY;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return STATUS_DISK_FULL;
	default:
		return STATUS_ACCESS_DENIED;
	}
}

static NTSTATUS open_store(const ntmm_machine_config *config, struct store **store)
{
	int error = 0;
	*store = NULL;
	if (!config->paging_file_bytes)
		return STATUS_SUCCESS;
	*store = paging_file_open(paging_file_place(config), page_of(config->paging_file_bytes), &error);
	if (*store)
		return STATUS_SUCCESS;
	complain("paging file of %lu KB at %s: %s", config->paging_file_bytes >> 10,
	         paging_file_place(config), strerror(error));
	return status_of_errno(error);
}

static NTSTATUS start(struct ntmm_machine *machine, const ntmm_machine_config *config,
                      uint64_t frames)
{
	struct store *store;
	if (!os_barrier_ready()) {
		complain("the host has no membarrier(2)");
		return STATUS_NOT_SUPPORTED;
	}
	NTSTATUS status = open_store(config, &store);
	if (status)
		return status;
	machine->nx = !(config->flags & NTMM_MACHINE_NO_NX);
	status = pager_init(&machine->pager, frames, store);
	if (status)
		complain("the host has no memory for %lu frames", frames);
	machine->pager.clusters = !(config->flags & NTMM_MACHINE_NO_CLUSTERS);
	return status;
}

NTSTATUS machine_create(const ntmm_machine_config *config, struct ntmm_machine **machine)
{
	uint64_t ram = config->ram_bytes ? config->ram_bytes : DEFAULT_RAM;
	if (!check_config(config, ram))
		return STATUS_INVALID_PARAMETER;
	struct ntmm_machine *made = os_alloc(sizeof *made);
	NTSTATUS status = made ? start(made, config, page_of(ram)) : STATUS_NO_MEMORY;
	if (status)
		os_free(made);
	else
		*machine = made;
	return status;
}

void machine_destroy(struct ntmm_machine *machine)
{
	pager_deliver(&machine->pager);
	pager_destroy(&machine->pager);
	os_free(machine);
}

NTSTATUS machine_process_create(struct ntmm_machine *machine, const struct layout *layout,
                                struct space **space)
{
	struct machine_process *process = os_alloc(sizeof *process);
	if (!process)
		return STATUS_NO_MEMORY;
	process->machine = machine;
	NTSTATUS status = page_map_create(&machine->pager, &process->map, layout, machine->nx);
	if (status) {
		os_free(process);
		return status;
	}
	status = space_init(&process->space, &machine_engine, layout, &machine->pager.commit,
	                    machine->nx);
	if (status) {
		page_map_destroy(&process->map);
		os_free(process);
		return status;
	}
	*space = &process->space;
	return STATUS_SUCCESS;
}
