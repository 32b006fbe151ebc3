/* SPDX-License-Identifier: MIT
 *
 * Machines begin and end; so do their processes.
 */
#include "machine/arena.h"

#include "base/check.h"
#include "base/os.h"
#include "machine/pager/background.h"
#include "machine/pager/events.h"
#include "machine/pager/page_map.h"
#include "machine/pager/segment.h"

#define DEFAULT_RAM (UINT64_C(64) << 20)
#define MINIMUM_FRAMES \
	UINT64_C(64) /* the system, the reserve twice, a process and some pages for it */
#define MAXIMUM_FRAMES (UINT64_C(16) << 40 >> PAGE_SHIFT)
#define KNOWN_FLAGS \
	(NTMM_MACHINE_NO_NX | NTMM_MACHINE_NO_CLUSTERS | NTMM_MACHINE_THREADS | \
	 NTMM_MACHINE_SHARED_RAM | NTMM_MACHINE_WIN9X | NTMM_MACHINE_WIN95)

static bool check_config(const ntmm_machine_config *config, uint64_t ram)
{
	if (config->size != sizeof *config)
		return complain("configuration size is %u, not %zu", config->size, sizeof *config);
	if (config->flags & ~(uint32_t)KNOWN_FLAGS)
		return complain("unknown flags %#x", config->flags);
	if (config->flags & NTMM_MACHINE_WIN95 && !(config->flags & NTMM_MACHINE_WIN9X))
		return complain("Windows 95 is a Windows 9x: both flags are needed");
	if (ram % PAGE_BYTES)
		return complain("RAM of %lu bytes is not whole pages", ram);
	if (page_of(ram) < MINIMUM_FRAMES)
		return complain("RAM of %lu KB is too small to run a process: at least %lu KB",
		                ram >> 10, address_of(MINIMUM_FRAMES) >> 10);
	if (page_of(ram) >= MAXIMUM_FRAMES)
		return complain("RAM of %lu GB is more than a machine can have: below 16384 GB",
		                ram >> 30);
	return true;
}

static NTSTATUS start_threads(struct ntmm_machine *machine)
{
	NTSTATUS status = background_start(&machine->pager);
	if (status)
		complain("the host has no threads");
	return status;
}

static enum windows windows_of(uint32_t flags)
{
	if (!(flags & NTMM_MACHINE_WIN9X))
		return WINDOWS_NT;
	return flags & NTMM_MACHINE_WIN95 ? WINDOWS_95 : WINDOWS_98;
}

static NTSTATUS start(struct ntmm_machine *machine, const ntmm_machine_config *config,
                      uint64_t frames)
{
	if (!os_barrier_ready()) {
		complain("the host has no membarrier(2)");
		return STATUS_NOT_SUPPORTED;
	}
	bool shared = config->flags & NTMM_MACHINE_SHARED_RAM;
	NTSTATUS status = pager_init(&machine->pager, frames, shared);
	if (status) {
		complain("the host has no memory for %lu frames", frames);
		return status;
	}
	machine->windows = windows_of(config->flags);
	machine->nx = !(config->flags & NTMM_MACHINE_NO_NX) && machine->windows == WINDOWS_NT;
	machine->pager.clusters = !(config->flags & NTMM_MACHINE_NO_CLUSTERS);
	status = machine_add_paging_files(machine, config);
	if (!status && machine->windows != WINDOWS_NT)
		status = arena_create(machine);
	if (!status && config->flags & NTMM_MACHINE_THREADS)
		status = start_threads(machine);
	if (status) {
		arena_end(machine);
		pager_destroy(&machine->pager);
	}
	return status;
}

NTSTATUS machine_create(const ntmm_machine_config *config, struct ntmm_machine **machine)
{
	uint64_t ram = config->ram_bytes ? config->ram_bytes : DEFAULT_RAM;
	if (!check_config(config, ram))
		return STATUS_INVALID_PARAMETER;
	NTSTATUS status = machine_check_paging_files(config);
	if (status)
		return status;
	struct ntmm_machine *made = os_alloc(sizeof *made);
	status = made ? start(made, config, page_of(ram)) : STATUS_NO_MEMORY;
	if (status)
		os_free(made);
	else
		*machine = made;
	return status;
}

void machine_destroy(struct ntmm_machine *machine)
{
	background_stop(&machine->pager);
	arena_end(machine);
	uint64_t lost = segments_end(&machine->pager);
	if (lost)
		complain("%lu pages of files could not be written to them, and are lost", lost);
	pager_deliver(&machine->pager);
	pager_destroy(&machine->pager);
	os_free(machine);
}

/* What the system of the machine makes of a layout; NULL: it has none such. */
static const struct layout *layout_on(const struct ntmm_machine *machine,
                                      const struct layout *layout)
{
	if (layout_is_9x(layout) == (machine->windows != WINDOWS_NT))
		return machine->windows == WINDOWS_95 ? layout_of_95() : layout;
	complain("layout %s is not of %s machine", layout->name,
	         layout_is_9x(layout) ? "an NT" : "a Windows 9x");
	return NULL;
}

NTSTATUS machine_process_create(struct ntmm_machine *machine, const struct layout *layout,
                                struct space **space)
{
	layout = layout_on(machine, layout);
	if (!layout)
		return STATUS_INVALID_PARAMETER;
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
	if (machine->arena)
		process->space.shared = &machine->arena->space;
	*space = &process->space;
	return STATUS_SUCCESS;
}
