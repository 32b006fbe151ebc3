/* SPDX-License-Identifier: MIT */
#include "machine/arena.h"

#include "base/check.h"
#include "base/os.h"
#include "machine/pager/page_map.h"
#include "space/arena.h"

#define SYSTEM_PART 16         /* the system's pages: one in so many of RAM */
#define MOST_SYSTEM_PAGES 1024 /* 4 MB */

static NTSTATUS begin(struct ntmm_machine *machine, struct machine_process *arena)
{
	const struct layout *layout = layout_of_arena();
	struct pager *pager = &machine->pager;
	NTSTATUS status = page_map_create_arena(pager, &arena->map, layout);
	if (status)
		return status;
	status = space_init(&arena->space, &machine_engine, layout, &pager->commit, false);
	if (status)
		page_map_destroy(&arena->map);
	return status;
}

static void free_arena(struct machine_process *arena)
{
	space_end(&arena->space);
	machine_engine.free(&arena->space);
}

/* S8e: what a stray store can hit. */
static NTSTATUS add_system(const struct ntmm_machine *machine, struct space *space)
{
	uint64_t start = page_of(space->layout->highest + 1);
	uint64_t pages = min_u64(machine->pager.phys.count / SYSTEM_PART, MOST_SYSTEM_PAGES);
	return space_add_system(space, (struct range){start, start + pages});
}

NTSTATUS arena_create(struct ntmm_machine *machine)
{
	struct machine_process *arena = os_alloc(sizeof *arena);
	NTSTATUS status = STATUS_NO_MEMORY;
	if (arena) {
		arena->machine = machine;
		status = begin(machine, arena);
	}
	if (status) {
		os_free(arena);
	} else {
		status = add_system(machine, &arena->space);
		if (status)
			free_arena(arena);
		else
			machine->arena = arena;
	}
	if (status)
		complain("no room for what the processes of a Windows 9x share");
	return status;
}

void arena_end(struct ntmm_machine *machine)
{
	if (!machine->arena)
		return;
	free_arena(machine->arena);
	machine->arena = NULL;
}
